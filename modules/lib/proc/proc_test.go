package proc

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// start starts a process that runs until the test ends.
func start(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestIsDescendant(t *testing.T) {
	child := start(t, exec.Command("sleep", "60"))
	require.True(t, IsDescendant(os.Getpid(), os.Getpid()), "itself")
	require.True(t, IsDescendant(child, os.Getpid()))
	require.False(t, IsDescendant(os.Getpid(), child))
	require.False(t, IsDescendant(1<<22+1, 42), "no process")
}

func TestWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	want, err := os.Getwd()
	require.NoError(t, err)
	dir, err := WorkingDirectory(os.Getpid(), nil)
	require.NoError(t, err)
	require.Equal(t, want, dir)
	_, err = WorkingDirectory(1<<22+1, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWorkingDirectory_RootMayNotRead(t *testing.T) {
	testenv.NeedRoot(t, "only root can run a process as another user")
	process := exec.Command("sleep", "60")
	process.Dir = "/usr"
	process.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	pid := start(t, process)
	dropPtrace(t)
	_, err := WorkingDirectory(pid, nil)
	require.ErrorIs(t, err, os.ErrPermission)
	dir, err := WorkingDirectory(pid, &accounts.User{Name: "nobody", UID: 65534, GID: 65534})
	require.NoError(t, err)
	require.Equal(t, "/usr", dir)
	_, err = WorkingDirectory(pid, &accounts.User{Name: "daemon", UID: 1, GID: 1})
	require.Error(t, err)
	_, err = WorkingDirectory(pid, &accounts.User{Name: "no-such-user"})
	require.ErrorContains(t, err, `groups of "no-such-user"`)
}

// dropPtrace drops CAP_SYS_PTRACE in the thread of the test, as in a container. The thread ends with the test.
func dropPtrace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	require.NoError(t, unix.Capget(&header, &sets[0]))
	sets[0].Effective &^= 1 << unix.CAP_SYS_PTRACE
	require.NoError(t, unix.Capset(&header, &sets[0]))
}
