package dbpool

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestReplace_FileWasChanged(t *testing.T) {
	path := host(t, small)
	d, err := findDatabase([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("other\n"), 0o640))
	err = d.replace([]byte(small), []byte("ours\n"))
	require.EqualError(t, err, path+" was changed by somebody else meanwhile; hint: run again")
	require.NoError(t, os.Remove(path))
	err = d.replace([]byte(small), []byte("ours\n"))
	require.EqualError(t, err, path+" was changed by somebody else meanwhile; hint: run again")
}

func TestReplace_RestoresFile(t *testing.T) {
	path := host(t, small)
	d, err := findDatabase([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	ours := strings.Replace(small, "5", "25", 1)
	require.NoError(t, d.replace([]byte(small), []byte(ours)))
	require.NoError(t, d.replace([]byte(ours), []byte(small)))
	back, err := findDatabase([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	back.file.ModTime = d.file.ModTime
	require.Equal(t, d, back)
}

// The file may be removed while the run waits for the lock.
func TestFindDatabase_RemovedWhileWaiting(t *testing.T) {
	needRoot(t)
	path := host(t, small)
	lock := lockDirectory(t, filepath.Dir(path))
	result := make(chan *database)
	go func() {
		d, err := findDatabase([]string{path}, atomicfile.FollowOwn)
		if err != nil {
			t.Error(err)
		}
		result <- d
	}()
	require.Eventually(t, func() bool { return countOpen(t, lock.Name()) == 2 }, time.Minute, time.Millisecond)
	require.NoError(t, os.Remove(path))
	require.NoError(t, lock.Close())
	require.Nil(t, <-result)
}

// lockDirectory locks a directory as another run of root does.
func lockDirectory(t *testing.T, dir string) *os.File {
	t.Helper()
	var s unix.Stat_t
	require.NoError(t, unix.Stat(dir, &s))
	require.NoError(t, os.MkdirAll("/run/ansible-sidekiq-lock", 0o700))
	lock, err := os.OpenFile(fmt.Sprintf("/run/ansible-sidekiq-lock/%d-%d", s.Dev, s.Ino), os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	return lock
}

// countOpen returns how often this process has a file open.
func countOpen(t *testing.T, path string) (n int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == path {
			n++
		}
	}
	return n
}

// mount mounts a file or directory on itself until the test ends.
func mount(t *testing.T, path string, flags uintptr) {
	t.Helper()
	if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
		testenv.NotTested(t, fmt.Sprintf("cannot mount %s: %v", path, err))
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(path, 0)) })
	require.NoError(t, unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""))
}

// The message is the same in check mode and with a backup. Nothing is written.
func TestRun_FileCannotBeReplaced(t *testing.T) {
	const group = deploy + 1
	for name, c := range map[string]struct {
		prepare func(t *testing.T, d deployment, path string)
		users   []uint32
		msg     string // of PATH in DIR
	}{
		"a mount point": {
			func(t *testing.T, _ deployment, path string) { mount(t, path, 0) },
			[]uint32{0, deploy},
			`"PATH" cannot be replaced: it is a mount point; hint: run this where it is mounted from (findmnt PATH), or mount its directory instead`,
		},
		"a read-only file system": {
			func(t *testing.T, d deployment, _ string) { mount(t, d.config, unix.MS_RDONLY) },
			[]uint32{0, deploy},
			`"PATH" cannot be written: directory "DIR": read-only file system; hint: mount it read-write (findmnt --target DIR)`,
		},
		"a directory of another user": {
			func(t *testing.T, d deployment, _ string) { require.NoError(t, os.Chown(d.config, 0, 0)) },
			[]uint32{deploy},
			`"PATH" cannot be written: directory "DIR": permission denied; hint: become: true`,
		},
		"a file of another user": {
			func(t *testing.T, _ deployment, path string) { require.NoError(t, os.Chown(path, 0, deploy)) },
			[]uint32{deploy},
			fmt.Sprintf(`"PATH": uid %d cannot set owner 0 and group %d: operation not permitted; hint: become: true`, deploy, deploy),
		},
		"a file of another group": {
			func(t *testing.T, _ deployment, path string) { require.NoError(t, os.Chown(path, deploy, group)) },
			[]uint32{deploy},
			fmt.Sprintf(`"PATH": uid %d cannot set owner %d and group %d: operation not permitted; hint: become: true`, deploy, deploy, group),
		},
	} {
		for _, uid := range c.users {
			t.Run(fmt.Sprintf("%s as %d", name, uid), func(t *testing.T) {
				d, path := deployed(t)
				c.prepare(t, d, path)
				want := strings.NewReplacer("PATH", path, "DIR", d.config).Replace(c.msg)
				for _, check := range []bool{true, false} {
					for _, backup := range []bool{true, false} {
						answer := run(t, uid, map[string]any{"path": path, "pool": 25, "backup": backup, "_ansible_check_mode": check})
						require.Equal(t, want, answer["msg"])
						require.NotContains(t, answer, "backup_file")
						requireOnly(t, path)
					}
				}
			})
		}
	}
}

// deployed returns a deployment whose database.yml belongs to the user deploy.
func deployed(t *testing.T) (d deployment, path string) {
	t.Helper()
	d = newDeployment(t)
	path = d.config + "/database.yml"
	require.NoError(t, os.WriteFile(path, []byte(small), 0o644))
	require.NoError(t, os.Chown(path, deploy, deploy))
	return d, path
}

// requireOnly requires that the file is unchanged and the only one in its directory.
func requireOnly(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, small, string(text))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// A file in a directory with the setgid bit gets the group of the directory (inode(7)), even if its owner is not a member.
func TestRun_GroupOfSetgidDirectory(t *testing.T) {
	d, path := deployed(t)
	require.NoError(t, os.Chown(d.config, deploy, deploy+1))
	require.NoError(t, os.Chmod(d.config, 0o775|fs.ModeSetgid))
	require.NoError(t, os.Chown(path, deploy, deploy+1))
	for _, check := range []bool{true, false} {
		require.Equal(t, true, run(t, deploy, map[string]any{"path": path, "pool": 25, "_ansible_check_mode": check})["changed"])
	}
	var s unix.Stat_t
	require.NoError(t, unix.Stat(path, &s))
	require.Equal(t, []uint32{deploy, deploy + 1}, []uint32{s.Uid, s.Gid})
}

// The file system has one free inode: for the backup, not for the temporary file.
func TestRun_BackupRolledBack(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "nr_inodes=3"); err != nil {
		testenv.NotTested(t, fmt.Sprintf("cannot mount a tmpfs: %v", err))
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	path := dir + "/database.yml"
	require.NoError(t, os.WriteFile(path, []byte(small), 0o600))
	answer := run(t, 0, map[string]any{"path": path, "pool": 25, "backup": true})
	require.Regexp(t, "^could not raise the pool .* no space left on device; taken back: keep the file as it was in ", answer["msg"])
	require.NotContains(t, answer, "backup_file")
	requireOnly(t, path)
}
