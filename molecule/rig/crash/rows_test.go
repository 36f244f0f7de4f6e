package crash

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func testRows() []*row {
	rows := []*row{}
	for _, s := range situations {
		for _, m := range modules {
			rows = append(rows, &row{module: m, situation: s, calls: make([]string, 20), found: map[string]map[string]int{}})
		}
	}
	return rows
}

func pathsOf(kills []kill) (all []string) {
	for _, k := range kills {
		all = append(all, k.path())
	}
	return all
}

func TestChoose_SpreadsEvenly(t *testing.T) {
	require.Equal(t, []string{
		"db_pool/install/6", "db_pool/restart/11", "sudoers_entry/restart/11", "systemd_sidekiq/restart/11", "db_pool/pool/11", "db_pool/return/11",
		"db_pool/change/11", "sudoers_entry/pool/11", "sudoers_entry/return/11", "sudoers_entry/change/11", "systemd_sidekiq/pool/11",
		"systemd_sidekiq/return/11", "systemd_sidekiq/change/11", "db_pool/install/16", "sudoers_entry/install/11", "systemd_sidekiq/install/11",
	}, pathsOf(choose(testRows(), 16)))
}

func TestChoose_All(t *testing.T) {
	kills := pathsOf(choose(testRows(), 0))
	require.Len(t, kills, 15*20)
	require.Contains(t, kills, "db_pool/install/1")
	require.Contains(t, kills, "systemd_sidekiq/return/20")
}

func TestChoose_MorePointsThanCalls(t *testing.T) {
	require.Len(t, choose(testRows(), 1000), 15*20)
}

func TestFind_ByModuleSituationAndCall(t *testing.T) {
	for only, want := range map[string]int{"db_pool": 100, "db_pool/return": 20, "db_pool/return/2": 1} {
		found, err := find(testRows(), only)
		require.NoError(t, err)
		require.Len(t, found, want, only)
	}
	_, err := find(testRows(), "db_pool/return/21")
	require.EqualError(t, err, `--only: value "db_pool/return/21" matches no kill; accepted: MODULE[/SITUATION[/CALL]]`)
}

func TestCompare_OldNewAbsent(t *testing.T) {
	old, wanted := state{"unit": "1", "secrets": absent, "same": "x"}, state{"unit": "2", "secrets": "s", "same": "x"}
	found, err := compare(state{"unit": "2", "secrets": absent, "same": "x"}, old, wanted)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"unit": "new", "secrets": absent}, found)
	_, err = compare(state{"unit": "", "secrets": absent, "same": "x"}, old, wanted)
	require.ErrorContains(t, err, "unit is neither the old one nor the new one")
	_, err = compare(state{"unit": "1", "secrets": absent, "same": "y"}, old, wanted)
	require.ErrorContains(t, err, "same is neither")
}

func TestTable(t *testing.T) {
	r := testRows()[0]
	r.note(map[string]string{"unit": "old", "service": "active"})
	r.note(map[string]string{"unit": "new", "service": "active"})
	require.Equal(t, "service active, unit new", r.last)
	require.Contains(t, table("trixie", []*row{r}), "| `db_pool` | install | 20 | 2 | service: active 2; unit: new 1, old 1 |\n")
}
