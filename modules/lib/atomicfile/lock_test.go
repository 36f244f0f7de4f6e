package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// askedToLock makes the test binary lock a directory and wait; askedForLocks is the directory of root's locks.
const (
	askedToLock   = "ATOMICFILE_TEST_LOCK"
	askedForLocks = "ATOMICFILE_TEST_LOCKS"
)

// lockAndWait is another run.
func lockAndWait(dir string) {
	rootLocks = os.Getenv(askedForLocks)
	if err := Lock(dir, 0); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Println("locked")
	for {
		time.Sleep(time.Hour)
	}
}

// ownLocks sets a directory for the locks of root, and a home.
func ownLocks(t *testing.T) string {
	before := rootLocks
	t.Cleanup(func() { rootLocks = before })
	home := t.TempDir()
	rootLocks = filepath.Join(home, ".cache/ansible-sidekiq-lock")
	t.Setenv("HOME", home)
	t.Setenv("XDG_RUNTIME_DIR", "")
	return rootLocks
}

// lockedByOther returns when another process has locked dir.
func lockedByOther(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), askedToLock+"="+dir, askedForLocks+"="+rootLocks)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // a test may have done so
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked\n", line)
	return cmd
}

func TestLock_OneRunAtATime(t *testing.T) {
	locks, dir := ownLocks(t), t.TempDir()
	other := lockedByOther(t, dir)
	require.NoError(t, Lock(t.TempDir(), 0), "another directory")

	var s unix.Stat_t
	require.NoError(t, unix.Stat(dir, &s))
	file := fmt.Sprintf("%s/%d-%d", locks, s.Dev, s.Ino)
	require.EqualError(t, Lock(dir, 0), fmt.Sprintf("%q was locked by another run for 0s; hint: find it with fuser -v %s, and run again", dir, file))
	alias := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, alias))
	require.ErrorContains(t, Lock(alias, 0), "was locked by another run", "the same directory by another name")

	done := make(chan error)
	go func() { done <- Lock(dir, time.Hour) }()
	require.NoError(t, other.Process.Kill())
	require.NoError(t, <-done, "the lock of a process that is killed is free")
	require.NoError(t, Lock(dir, 0), "this process has it")
	require.FileExists(t, file)
}

// Any user who can read a directory can lock it (flock(2)).
func TestLock_IgnoresLocksOnTheDirectory(t *testing.T) {
	ownLocks(t)
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, unix.Flock(fd, unix.LOCK_SH))
	require.NoError(t, Lock(dir, 0))
}

func TestLock_MissingDirectory(t *testing.T) {
	locks := ownLocks(t)
	require.NoError(t, Lock(filepath.Join(t.TempDir(), "none"), 0))
	require.NoDirExists(t, locks)
}

func TestLock_RefusesDirectoryOfOthers(t *testing.T) {
	for name, lay := range map[string]func(t *testing.T, locks string) (fault string){
		"link": func(t *testing.T, locks string) string {
			require.NoError(t, os.Symlink(t.TempDir(), locks))
			return "not a directory"
		},
		"file": func(t *testing.T, locks string) string {
			require.NoError(t, os.WriteFile(locks, nil, 0o600))
			return "not a directory"
		},
		"open to others": func(t *testing.T, locks string) string {
			require.NoError(t, os.Mkdir(locks, 0o755))
			require.NoError(t, os.Chmod(locks, 0o710))
			return fmt.Sprintf("%q belongs to uid %d and has mode 0710; accepted: a directory of uid %[2]d that nobody else can enter; hint: remove it", locks, os.Geteuid())
		},
		"of another user": func(t *testing.T, locks string) string {
			testenv.NeedRoot(t, "only root can change the owner of a directory")
			require.NoError(t, os.Mkdir(locks, 0o700))
			require.NoError(t, os.Chown(locks, 1234, 1234))
			return "belongs to uid 1234 and has mode 0700"
		},
	} {
		t.Run(name, func(t *testing.T) {
			locks, dir := ownLocks(t), t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Dir(locks), 0o700))
			fault := lay(t, locks)
			err := Lock(dir, 0)
			require.ErrorContains(t, err, fault)
			require.Equal(t, os.Geteuid() != 0, errors.As(err, new(Unlocked)), "root needs its lock")
		})
	}
}

func TestLock_ReadOnlyFileSystem(t *testing.T) {
	testenv.NeedRoot(t, "only root can mount a file system, and other users can do without a lock")
	locks := ownLocks(t)
	require.NoError(t, os.Mkdir(filepath.Dir(locks), 0o700))
	mountTmpfs(t, filepath.Dir(locks), "")
	require.NoError(t, unix.Mount("tmpfs", filepath.Dir(locks), "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	require.EqualError(t, Lock(t.TempDir(), 0), "mkdir "+locks+": read-only file system; hint: mount a tmpfs at /run")
}

func TestLock_OrdinaryUser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root locks elsewhere; TestAll_OrdinaryUser runs this")
	}
	home, runtime := filepath.Dir(filepath.Dir(ownLocks(t))), t.TempDir()
	locks := func(dir string) int {
		entries, err := os.ReadDir(filepath.Join(dir, "ansible-sidekiq-lock"))
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
		return len(entries)
	}
	require.NoError(t, Lock(t.TempDir(), 0))
	require.Equal(t, 1, locks(home+"/.cache"))
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	require.NoError(t, Lock(t.TempDir(), 0))
	require.Equal(t, []int{1, 1}, []int{locks(runtime), locks(home + "/.cache")})
	t.Setenv("XDG_RUNTIME_DIR", "/root/run") // of the user before su(1)
	require.NoError(t, Lock(t.TempDir(), 0))
	require.Equal(t, 2, locks(home+"/.cache"))

	t.Setenv("HOME", "/nonexistent")
	err := Lock(t.TempDir(), 0)
	require.ErrorAs(t, err, new(Unlocked))
	require.EqualError(t, err, "no lock keeps this run and others apart: mkdir /nonexistent/.cache: no such file or directory; hint: set HOME to the home directory of the user")
	t.Setenv("HOME", "")
	t.Setenv("XDG_RUNTIME_DIR", "")
	require.ErrorContains(t, Lock(t.TempDir(), 0), "neither XDG_RUNTIME_DIR nor HOME is set")
}
