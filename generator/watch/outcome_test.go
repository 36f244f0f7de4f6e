package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestVerdictIsThatOfTheWorstHost(t *testing.T) {
	type result struct {
		stats
		changed bool
	}
	of := func(all ...result) *fleet {
		f := &fleet{Over: true}
		for _, one := range all {
			h := &host{Name: "h", stats: &one.stats, Results: []event{{Status: "ok", Module: "db_pool"}}}
			if one.changed {
				h.Results = []event{{Status: changed}}
			}
			f.Hosts = append(f.Hosts, h)
		}
		return f
	}
	hasNoRole := &host{Name: "h", stats: &stats{}, Results: []event{{Status: "skipped"}}}
	differs, failure, gone := result{changed: true}, result{stats{Failures: 1}, true}, result{stats: stats{Unreachable: 1}}
	for _, c := range []struct {
		want, status int
		*fleet
	}{
		{0, 0, of(result{})},
		{2, 0, of(result{}, differs)},
		{1, 2, of(differs, failure)},
		{1, 2, &fleet{Over: true, Hosts: []*host{{Name: "never reached"}}}},
		{4, 6, of(differs, failure, gone)},
		{1, 4, &fleet{}},                                      // a playbook that cannot be read
		{1, 2, &fleet{}},                                      // an option that ansible-playbook does not know
		{99, 99, &fleet{Hosts: of(differs).Hosts}},            // Ctrl-C
		{1, 0, &fleet{Over: true}},                            // nothing was judged
		{1, 0, &fleet{Over: true, Hosts: []*host{hasNoRole}}}, // as here
		{1, 0, &fleet{Over: true, Hosts: append(of(result{}, differs).Hosts, hasNoRole)}},
		{1, 0, &fleet{Over: true, Hosts: []*host{{stats: &stats{}, Results: []event{{Status: "ok", Ours: true, Module: "debug"}}}}}}, // another role of the same name
		{0, 0, &fleet{}}, // --list-tasks
	} {
		require.Equal(t, c.want, Run{Verify: true}.status(c.status, c.fleet))
	}
}

// What the playbook ignores or rescues is an error for verify, and none for apply.
func TestVerdict_FailureThatThePlaybookTakesCareOf(t *testing.T) {
	for _, status := range []string{failed, "ignored"} {
		for verify, want := range map[bool]string{true: failed, false: unchanged} {
			f := &fleet{Verify: verify}
			for _, e := range []event{
				{Event: "result", Ours: true, Host: "a", Module: "db_pool", Status: "ok"},
				{Event: "result", Ours: true, Host: "a", Module: "systemd_sidekiq", Status: status, Answer: answer{Msg: "boom"}},
				{Event: "end", Stats: map[string]stats{"a": {}}},
			} {
				f.take(e, time.Time{})
			}
			require.Equal(t, want, f.Hosts[0].result())
			require.Equal(t, verify, strings.Contains(style{}.errors(f), "error: boom"))
			require.Equal(t, !verify && status == "ignored", strings.Contains(style{}.changes(f), "error: boom"))
		}
	}
}
