package model

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

func TestFields_HaveTypeAndDescription(t *testing.T) {
	own := 0
	for _, f := range Fields(Default()) {
		for _, f := range append(f.Fields, f) {
			require.NotEmpty(t, f.Type, f.Key)
			require.Regexp(t, `\.$`, f.Description, f.Key)
			require.NotRegexp(t, `\b[A-Z]{1,2}\(`, f.Description, "markup of Ansible is left")
		}
	}
	for _, f := range declared() {
		if f.Description != "" {
			own++
		}
	}
	require.Less(t, own, 30, "descriptions come from the modules")
}

func TestSummary(t *testing.T) {
	for want, paragraphs := range map[string][]string{
		"What it is. More.":                      {"What it is. More.", "Details."},
		"Profile. V(a) is /etc/x.conf. V(b) is.": {"Profile.", "V(a) is /etc/x.conf. It is more.", "Details.", "V(b) is. Well."},
	} {
		require.Equal(t, want, summary(argspec.Option{Description: paragraphs}))
	}
}

func TestInMarkdown(t *testing.T) {
	variables := map[string]string{"umask": "sidekiq_umask", "state": "sidekiq_state"}
	for text, want := range map[string]string{
		"as O(umask) says":         "as `sidekiq_umask` says",
		"O(state=restarted)":       "`sidekiq_state: restarted`",
		"O(path), M(db_pool)":      "`path`, `db_pool`",
		`V(ENV.fetch("A"\) { 5 })`: "`ENV.fetch(\"A\") { 5 }`",
		"C([Service]) RV(x) F(/a)": "`[Service]` `x` `/a`",
		"systemd (V)":              "systemd (V)",
	} {
		require.Equal(t, want, inMarkdown(text, variables), text)
	}
}
