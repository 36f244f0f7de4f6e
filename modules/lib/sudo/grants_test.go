package sudo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/stretchr/testify/require"
)

// saying is a sudo that answers all questions alike.
func saying(t *testing.T, script string) Tools {
	t.Helper()
	sudo := filepath.Join(t.TempDir(), "sudo")
	require.NoError(t, os.WriteFile(sudo, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return Tools{sudo: sudo}
}

func TestCheckGrants_SaysWhatSudoSaid(t *testing.T) {
	calls := []sudoers.Call{{User: "deploy", Runas: "root", Argv: []string{"/bin/systemctl", "restart", "sidekiq"}, NoPassword: true}}
	_, err := saying(t, `echo "$LC_ALL: $*" >&2; exit 1`).CheckGrants(calls, Asked{})
	require.EqualError(t, err, `sudo does not list what deploy may do: exit status 1: C: -n -ll -U deploy`)

	const listed = "\nSudoers entry: /etc/sudoers.d/x\n    RunAsUsers: root\n    Options: !authenticate\n    Commands:\n\t/bin/systemctl restart sidekiq\n"
	untold, err := saying(t, `echo "`+listed+`"`).CheckGrants(calls, Asked{})
	require.NoError(t, err)
	require.Empty(t, untold)
	untold, err = saying(t, `printf 'Matching Defaults entries for deploy on h:\n    env_reset, requiretty\n\n'; echo "`+listed+`"`).CheckGrants(calls, Asked{})
	require.NoError(t, err)
	require.Equal(t, []string{"sudo lets deploy run commands at a terminal only, because of Defaults requiretty"}, untold)
}
