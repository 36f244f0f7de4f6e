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

// The hint is not for root: a read-only file system, or NFS with root_squash, denies root as well.
func TestHint_NoBecomeForRoot(t *testing.T) {
	denied := fs.ErrPermission
	require.EqualError(t, hintBecome(denied, 1000), denied.Error()+"; hint: become: true")
	require.Equal(t, denied, hintBecome(denied, 0))
	needRoot(t)
	d := &database{file: &atomicfile.File{Path: "/missing/database.yml"}}
	require.EqualError(t, d.checkWritable(), `"/missing/database.yml" cannot be replaced, /missing: no such file or directory`)
}
