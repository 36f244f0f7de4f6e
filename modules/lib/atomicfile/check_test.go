package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// requireSame requires that Check and Replace return this error and keep the old file.
func requireSame(t *testing.T, path, want string) {
	t.Helper()
	for range 2 {
		require.EqualError(t, Check(replacement(path, "new")), want)
		require.EqualError(t, Replace(replacement(path, "new")), want)
	}
	requireOld(t, path)
}

// The times of a directory change if an entry is added or removed.
func TestCheck_LeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	require.NoError(t, Check(replacement(path, "new")), "there is no file yet")
	requireOnly(t, dir)
	write(t, path, "old")
	var before, after unix.Stat_t
	require.NoError(t, unix.Stat(dir, &before))
	require.NoError(t, Check(replacement(path, "new")))
	require.NoError(t, unix.Stat(dir, &after))
	require.Equal(t, before.Mtim, after.Mtim)
	require.Equal(t, before.Ctim, after.Ctim)
	requireOld(t, path)
}

func TestCheck_MountPoint(t *testing.T) {
	testenv.NeedRoot(t, "only root can mount a file")
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "old")
	if err := syscall.Mount(path, path, "", syscall.MS_BIND, ""); err != nil {
		testenv.NotTested(t, fmt.Sprintf("cannot mount a file: %v", err))
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, 0)) })
	requireSame(t, path, fmt.Sprintf("%q cannot be replaced: it is a mount point; hint: run this where it is mounted from (findmnt %s), or mount its directory instead", path, path))
}

// setAttribute sets an attribute as chattr(1) does, until the test ends.
func setAttribute(t *testing.T, path string, flag int) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	set := func(flags int) error { return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags) }
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err = errors.Join(err, set(flags|flag)); err != nil {
		require.NoError(t, f.Close())
		testenv.NotTested(t, fmt.Sprintf("%s has no such attribute: %v", path, err))
	}
	t.Cleanup(func() { require.NoError(t, errors.Join(set(flags), f.Close())) })
}

func TestCheck_Attributes(t *testing.T) {
	testenv.NeedRoot(t, "only root can set these attributes")
	for name, flag := range map[string]int{"immutable": unix.STATX_ATTR_IMMUTABLE, "append-only": unix.STATX_ATTR_APPEND} { // as FS_IMMUTABLE_FL, FS_APPEND_FL
		for _, kind := range []string{"file", "directory"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "f")
				write(t, path, "old")
				marked := path
				if kind == "directory" {
					marked = filepath.Dir(path)
				}
				setAttribute(t, marked, flag)
				requireSame(t, path, fmt.Sprintf("%q cannot be replaced: %q is %s; hint: chattr -%c %s", path, marked, name, name[0], marked))
			})
		}
	}
}

// Of the file systems that every host has, proc does not support O_TMPFILE.
func TestCheck_NoTemporaryFilesOnFileSystem(t *testing.T) {
	testenv.NeedRoot(t, "only root can write to this directory")
	_, err := os.OpenFile("/proc", unix.O_TMPFILE|os.O_RDWR, 0o600)
	require.ErrorIs(t, err, unix.EOPNOTSUPP)
	require.NoError(t, Check(replacement("/proc/version", "")))
}

func TestHintUser(t *testing.T) {
	hint := "become: true"
	if os.Getuid() == 0 { // TestAll_OrdinaryUser runs the other case
		hint = "become_user: the owner of the file"
	}
	require.NoError(t, HintUser(nil))
	require.EqualError(t, HintUser(fs.ErrPermission), fs.ErrPermission.Error()+"; hint: "+hint)
	require.Equal(t, fs.ErrClosed, HintUser(fs.ErrClosed))
}
