package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ms(values ...float64) (s samples) {
	for _, v := range values {
		s = append(s, v/1000)
	}
	return s
}

func TestSamples_Median(t *testing.T) {
	unsorted := ms(9, 1, 3)
	require.Equal(t, "3.0 ms ± ∞", unsorted.String(), "three samples are too few for a confidence interval")
	require.Equal(t, ms(9, 1, 3), unsorted)
	require.Equal(t, 2500*time.Microsecond, ms(4, 1, 3, 2).median())
	require.Zero(t, samples{}.median())
}

func TestShow(t *testing.T) {
	for want, value := range map[string]float64{"7.4 ms": 7.4, "10 ms": 10, "999 ms": 999.4, "1.25 s": 1250, "31.50 s": 31500} {
		require.Equal(t, want, show(seconds(value/1000)))
	}
}

func TestRatio(t *testing.T) {
	require.Equal(t, "1.14", ratio(114, 100))
	require.Equal(t, "12.5", ratio(125, 10))
	require.Equal(t, "?", ratio(1, 0))
}

func TestAddRoles_AboveAnEmptyPlay(t *testing.T) {
	b := &bench{}
	b.addRoles([][]contender{{
		{label: "ours", empty: ms(100), first: ms(400), again: ms(150)},
		{label: "theirs", empty: ms(200), first: ms(800), again: ms(700)},
		{label: "missing", notRun: "no such package"},
	}})
	require.Equal(t, [][]string{
		{"**The whole role on a fresh host, above an empty play, with sudo**"},
		{"ours", "300 ms", ""},
		{"theirs", "600 ms", "ours is 0.50 × this"},
		{"missing", "not run: no such package", ""},
		{"**The whole role, nothing to change, above an empty play, with sudo**"},
		{"ours", "50 ms", ""},
		{"theirs", "500 ms", "ours is 0.10 × this"},
		{"missing", "not run: no such package", ""},
	}, [][]string(b.table))
}

func TestAddTasks_ComparedWithSSHAndRaw(t *testing.T) {
	b := &bench{}
	b.addTasks([]map[string]samples{{"ssh": ms(10), "raw": ms(30), "db_pool": ms(33)}, {"ssh": ms(50), "raw": ms(75), "db_pool": ms(75)}})
	require.Equal(t, []string{"`ssh host true`, over the open connection", "10 ms", "", "50 ms", ""}, b.table[1])
	require.Equal(t, []string{"`db_pool`", "33 ms", "3.30 × ssh, 1.10 × raw", "75 ms", "1.50 × ssh, 1.00 × raw"}, b.table[3])
}

func TestOptions_Refused(t *testing.T) {
	require.EqualError(t, options{run: []string{"task"}}.validate(), `--run: value "task" is not accepted; accepted: tasks, role, latency, hosts, cost, each once`)
	require.ErrorContains(t, options{run: parts, rounds: 1}.validate(), "accepted: 1 or more")
	require.EqualError(t, options{run: parts[:1], rounds: 1, roles: 1, readme: "x"}.validate(), "--readme requires all parts; hint: omit --run")
}
