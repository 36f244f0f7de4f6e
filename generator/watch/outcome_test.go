package watch

import (
	"testing"

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
			h := &host{Name: "h", stats: &one.stats, Results: []event{{Status: "ok"}}}
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
		{1, 0, &fleet{Over: true, Hosts: []*host{hasNoRole}}}, // nothing was judged
		{0, 0, &fleet{Over: true, Hosts: append(of(result{}).Hosts, hasNoRole)}},
		{0, 0, &fleet{}}, // --list-tasks
	} {
		require.Equal(t, c.want, Run{Verify: true}.status(c.status, c.fleet))
	}
}
