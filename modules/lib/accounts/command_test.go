package accounts

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// A child that outlives the program is killed, and the caller does not wait for it.
func TestUser_Command(t *testing.T) {
	testenv.NeedRoot(t, "running a program as another user needs root")
	nobody, err := LookUpUser("nobody")
	require.NoError(t, err)
	require.NotNil(t, nobody)

	t.Setenv("TOKEN", "hush")
	cmd, err := nobody.Command(context.Background(), "/bin/sh", "-c", `echo "$(id -un) $PWD $USER [$TOKEN]"`)
	require.NoError(t, err)
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, "nobody / nobody []\n", string(out))

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	cmd, err = nobody.Command(ctx, "/bin/sh", "-c", "sleep 600 & sleep 600")
	require.NoError(t, err)
	_, err = cmd.Output()
	require.Error(t, err)
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
}

func TestIsMember(t *testing.T) {
	isMember, err := IsMember("root", "root")
	require.NoError(t, err)
	require.True(t, isMember)
	isMember, err = IsMember("root", "nogroup")
	require.NoError(t, err)
	require.False(t, isMember)
	_, err = IsMember("nobody-at-all", "root")
	require.Error(t, err)
}

func TestMembers_Change(t *testing.T) {
	dir := t.TempDir()
	for _, program := range []string{"usermod", "gpasswd"} {
		script := "#!/bin/sh\necho \"$0 $*\" >>" + dir + "/calls; echo \" $3 is not known \" >&2; [ \"$3\" = adm ] || [ \"$3\" = deploy ]\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755))
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	require.NoError(t, AddMember("deploy", "adm"))
	require.NoError(t, RemoveMember("deploy", "adm"))
	require.EqualError(t, AddMember("deploy", "wheel"), "usermod: exit status 1: wheel is not known")
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	require.NoError(t, err)
	require.Equal(t, []string{dir + "/usermod --append --groups adm deploy", dir + "/gpasswd --delete deploy adm", dir + "/usermod --append --groups wheel deploy"},
		strings.Split(strings.TrimSpace(string(calls)), "\n"))
}
