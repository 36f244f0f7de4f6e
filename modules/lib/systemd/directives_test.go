package systemd

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckDirective(t *testing.T) {
	for _, value := range []string{"", "5", "%h/x"} {
		require.NoError(t, CheckDirective("RestartMode", Given(value)), value)
	}
	for _, name := range []string{"", "#Nice", "Nice=5\n", "[Unit]", "Nice ", "5", "\u00e9"} {
		require.ErrorContains(t, CheckDirective(name, Given("5")), "is not the name of a directive; accepted: letters and digits", name)
	}
	require.EqualError(t, CheckDirective("Nice", Given("5\nExecStartPre=/bin/evil")),
		`Nice= of the unit: "5\nExecStartPre=/bin/evil" holds the control character U+000A, which systemd does not accept`)
}
