package systemd

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRender(t *testing.T) {
	seven, none := 7, (*int)(nil)
	table := []Section{
		{"Unit", []Row{{"Description", "50% of it", true, "name"}, {"After", "", true, ""}, {"Wants", "never.service", false, ""}}},
		{"Service", []Row{
			{"WatchdogSec", 30, true, "watchdog"}, {"LimitNOFILE", &seven, true, ""}, {"MemoryMax", none, true, ""},
			{"ProtectProc", "invisible", true, ""}, {"ProcSubset", []Value{Given("pid"), Given("all")}, true, ""}, {"CapabilityBoundingSet", Literal(""), true, ""},
			{"ReadWritePaths", []Value{Paths{"/a", "-/b"}, Paths{"/c"}}, true, ""},
		}},
		{"Install", []Row{{"WantedBy", "multi-user.target", false, "enabled"}}},
	}
	text, err := Render(246, []string{"made"}, table)
	require.NoError(t, err)
	require.Equal(t, `# made

[Unit]
Description=50%% of it

[Service]
WatchdogSec=30
LimitNOFILE=7
ProcSubset=pid
ProcSubset=all
CapabilityBoundingSet=
ReadWritePaths=/a -/b
ReadWritePaths=/c
`, text, "ProtectProc= and ProcSubset= came with 247")
	require.Equal(t, "watchdog", SetBy(table, "WatchdogSec"))
	require.Equal(t, "enabled", SetBy(table, "WantedBy"), "also of a row that does not apply")
	require.Empty(t, SetBy(table, "Type"))

	_, err = Render(257, nil, []Section{{"Service", []Row{{"WorkingDirectory", Path("relative"), true, ""}}}})
	require.ErrorContains(t, err, `WorkingDirectory= of the unit: "relative" is not an absolute path`)
}
