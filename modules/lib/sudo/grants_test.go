package sudo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// saying is a sudo with one answer.
func saying(t *testing.T, script string) Tools {
	t.Helper()
	sudo := filepath.Join(t.TempDir(), "sudo")
	require.NoError(t, os.WriteFile(sudo, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return Tools{sudo: sudo}
}

func TestCheckGrants_ReportsAnswerOfSudo(t *testing.T) {
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

	untold, err = saying(t, `echo "sudo: sorry, you must have a tty to run sudo"; exit 1`).CheckGrants(calls, Asked{})
	require.NoError(t, err)
	require.Equal(t, []string{"whether the grants are effective is not known, since sudo answers at a terminal only, because of Defaults requiretty"}, untold)
	untold, err = saying(t, `echo "`+listed+`"; echo "must have a tty"`).CheckGrants(calls, Asked{})
	require.NoError(t, err)
	require.Empty(t, untold, "sudo has answered")
}

// sudo is called once for each user.
func TestCheckGrants_AsksOnce(t *testing.T) {
	tools := saying(t, `echo "$*" >>$0.calls; echo; echo "Sudoers entry: x"; echo "    RunAsUsers: root"; echo "    Options: !authenticate"; echo "    Commands:"; echo "	ALL"`)
	asked := Asked{}
	tools.Ask("deploy", asked)
	var calls []sudoers.Call
	for _, user := range []string{"deploy", "ops", "deploy", "ops"} {
		calls = append(calls, sudoers.Call{User: user, Runas: "root", Argv: []string{"/bin/true"}, NoPassword: true})
	}
	untold, err := tools.CheckGrants(calls, asked)
	require.NoError(t, err)
	require.Empty(t, untold)
	text, err := os.ReadFile(tools.sudo + ".calls")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"-n -ll -U deploy", "-n -ll -U ops"}, strings.Split(strings.TrimSpace(string(text)), "\n"))
}

func TestList(t *testing.T) {
	listing, err := saying(t, `printf 'Matching Defaults entries for deploy on h:\n    requiretty\n'`).List("deploy")
	require.NoError(t, err)
	require.True(t, listing.NeedsTerminal)
	_, err = saying(t, `echo "sudo: must have a tty"; exit 1`).List("deploy")
	require.ErrorIs(t, err, errNoTerminal)
}

func TestWhyUnread(t *testing.T) {
	dir := t.TempDir()
	rs := Tools{version: "sudo-rs 0.2.5"}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "skipped.d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o440))
	require.Empty(t, rs.whyUnread(dir))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "old"), 0o755))
	require.Equal(t, "; sudo-rs stops reading "+dir+" at the folder old in it; hint: move that away", rs.whyUnread(dir))
	require.Empty(t, Tools{version: "Sudo version 1.9.16p2"}.whyUnread(dir))
	require.Empty(t, rs.whyUnread(dir+"/none"))
}
