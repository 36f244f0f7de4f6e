package sudoersentry

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
	"github.com/stretchr/testify/require"
)

func TestWrongOwnerAndModeAreShownAsChmodWritesThem(t *testing.T) {
	for want, found := range map[string]atomicfile.File{
		"/f":               {Mode: 0o440},
		"/f (0:0 0644)":    {Mode: 0o644},
		"/f (1000:0 0440)": {Mode: 0o440, UID: 1000},
		"/f (0:27 0440)":   {Mode: 0o440, GID: 27},
		"/f (0:0 7440)":    {Mode: 0o440 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky},
	} {
		require.Equal(t, want, header("/f", &found))
	}
}

func TestAllowFindings_ChoicesAreTheFindings(t *testing.T) {
	spec, err := argspec.Parse(doc)
	require.NoError(t, err)
	i := slices.IndexFunc(spec.Options, func(o argspec.Option) bool { return o.Name == "allow_findings" })
	var want []any
	for _, check := range sudolint.Allowable {
		want = append(want, string(check))
	}
	require.Equal(t, want, spec.Options[i].Choices)
}
