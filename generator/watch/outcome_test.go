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
			h := &host{Name: "h", stats: &one.stats}
			if one.changed {
				h.Results = []event{{Status: changed}}
			}
			f.Hosts = append(f.Hosts, h)
		}
		return f
	}
	differs, failure, gone := result{changed: true}, result{stats{Failures: 1}, true}, result{stats: stats{Unreachable: 1}}
	for _, c := range []struct {
		want int
		Outcome
	}{
		{0, Outcome{0, of(result{})}},
		{2, Outcome{0, of(result{}, differs)}},
		{1, Outcome{2, of(differs, failure)}},
		{1, Outcome{2, &fleet{Over: true, Hosts: []*host{{Name: "never reached"}}}}},
		{4, Outcome{6, of(differs, failure, gone)}},
		{1, Outcome{4, &fleet{}}},                           // a playbook that cannot be read
		{1, Outcome{2, &fleet{}}},                           // an option that ansible-playbook does not know
		{99, Outcome{99, &fleet{Hosts: of(differs).Hosts}}}, // Ctrl-C
		{0, Outcome{0, &fleet{}}},                           // --list-tasks
		{1, Outcome{4, nil}},                                // --list-hosts could not read the inventory
	} {
		require.Equal(t, c.want, c.Verdict())
	}
}
