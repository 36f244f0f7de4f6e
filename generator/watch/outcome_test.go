package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVerdictIsThatOfTheWorstHost(t *testing.T) {
	of := func(s ...stats) *fleet {
		f := &fleet{Over: true}
		for _, one := range s {
			f.Hosts = append(f.Hosts, &host{Name: "h", stats: &one})
		}
		return f
	}
	differs, failure, gone := stats{Changed: 1}, stats{Failures: 1, Changed: 1}, stats{Unreachable: 1}
	for _, c := range []struct {
		want int
		Outcome
	}{
		{0, Outcome{0, of(stats{})}},
		{2, Outcome{0, of(stats{}, differs)}},
		{1, Outcome{2, of(differs, failure)}},
		{1, Outcome{2, &fleet{Over: true, Hosts: []*host{{Name: "never reached"}}}}},
		{4, Outcome{6, of(differs, failure, gone)}},
		{1, Outcome{4, &fleet{}}},                           // a playbook that cannot be read
		{1, Outcome{2, &fleet{}}},                           // an option that ansible-playbook does not know
		{99, Outcome{99, &fleet{Hosts: of(differs).Hosts}}}, // Ctrl-C
		{0, Outcome{0, &fleet{}}},                           // --list-tasks
	} {
		require.Equal(t, c.want, c.Verdict())
	}
}
