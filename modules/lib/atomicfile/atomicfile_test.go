package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// replacement keeps the owner, so that the tests pass without root.
func replacement(path, data string) Replacement {
	return Replacement{Path: path, Data: []byte(data), Mode: 0o640, UID: os.Getuid(), GID: os.Getgid()}
}

func write(t *testing.T, path, data string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(data), 0o600))
}

// requireOnly requires that the directory has these files and no temporary file.
func requireOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	require.ElementsMatch(t, names, found)
}

func setUmask(t *testing.T, mask int) {
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

func TestReplace_ContentsAndMode(t *testing.T) {
	modes := []fs.FileMode{0, 0o440, 0o600, 0o644, 0o777, 0o755 | fs.ModeSetuid, 0o750 | fs.ModeSetgid, 0o666 | fs.ModeSticky}
	for _, mode := range modes {
		for _, umask := range []int{0, 0o022, 0o077, 0o777} {
			for _, before := range []string{"nothing", "file", "unreadable file"} {
				t.Run(fmt.Sprintf("%v umask %03o over %s", mode, umask, before), func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "f")
					switch before {
					case "file":
						require.NoError(t, os.WriteFile(path, []byte("old and longer"), 0o666))
					case "unreadable file":
						require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
						require.NoError(t, os.Chmod(path, 0))
					}
					setUmask(t, umask)
					r := replacement(path, "new\n")
					r.Mode = mode
					require.NoError(t, Replace(r))

					info, err := os.Stat(path)
					require.NoError(t, err)
					require.Equal(t, mode, info.Mode())
					require.NoError(t, os.Chmod(path, 0o600))
					got, err := os.ReadFile(path)
					require.NoError(t, err)
					require.Equal(t, "new\n", string(got))
					requireOnly(t, filepath.Dir(path), "f")
				})
			}
		}
	}
}

func TestRead_ReplacedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	found, err := Read(path, Refuse)
	require.NoError(t, err)
	require.Nil(t, found)

	r := replacement(path, "new\n")
	r.Mode = 0o750 | fs.ModeSetgid
	require.NoError(t, Replace(r))
	found, err = Read(path, Refuse)
	require.NoError(t, err)
	require.Equal(t, &File{Path: path, Data: []byte("new\n"), Mode: r.Mode, UID: r.UID, GID: r.GID, ModTime: found.ModTime, directory: found.directory}, found)
}

func TestReplace_Owner(t *testing.T) {
	testenv.NeedRoot(t, "only root can change the owner of a file")
	path := filepath.Join(t.TempDir(), "f")
	r := replacement(path, "x")
	r.Mode, r.UID, r.GID = 0o755|fs.ModeSetuid, 1234, 4321
	require.NoError(t, Replace(r))
	found, err := Read(path, Refuse)
	require.NoError(t, err)
	require.Equal(t, []any{1234, 4321, r.Mode}, []any{found.UID, found.GID, found.Mode})
}

func TestReplace_OwnerNotPermitted(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root can give files to anybody; TestAll_OrdinaryUser runs this")
	}
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "old")
	r := replacement(path, "new")
	r.UID = 0
	want := fmt.Sprintf("%q: uid %d cannot set owner 0 and group %d: operation not permitted; hint: become: true", path, os.Getuid(), r.GID)
	require.EqualError(t, Check(r), want)
	require.EqualError(t, Replace(r), want)
	requireOld(t, path)
}

func TestReplace_ValidatesBeforeRename(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sidekiq")
	write(t, path, "old")
	r := replacement(path, "new\n")
	r.Validate = func(temp string) error {
		require.Equal(t, filepath.Dir(path), filepath.Dir(temp))
		require.Regexp(t, `^\.[^.]+\.`, filepath.Base(temp), "sudo and systemd skip such names")
		found, err := Read(temp, Refuse)
		require.NoError(t, err)
		require.Equal(t, &File{Path: temp, Data: r.Data, Mode: r.Mode, UID: r.UID, GID: r.GID, ModTime: found.ModTime, directory: found.directory}, found)
		requireContent(t, path, "old")
		requireClosed(t, temp)
		return nil
	}
	require.NoError(t, Replace(r))
	requireContent(t, path, "new\n")
}

// requireClosed requires that this process has no descriptor of the file.
func requireClosed(t *testing.T, path string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range fds {
		target, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil {
			require.NotEqual(t, path, target)
		}
	}
}

func TestReplace_ValidatorFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	r := replacement(path, "new")
	refused := errors.New("no good")
	r.Validate = func(string) error { return refused }
	require.ErrorIs(t, Replace(r), refused)
	requireOnly(t, filepath.Dir(path))

	write(t, path, "old")
	require.ErrorIs(t, Replace(r), refused)
	requireOld(t, path)
}

// Validate runs right before the comparison, so here it acts as another process.
func TestReplace_ChangedSinceRead(t *testing.T) {
	const changed = "was changed by somebody else since it was read; hint: run again"
	for name, c := range map[string]struct {
		change func(path string) error
		fault  string
		left   []string
	}{
		"content": {func(path string) error { return os.WriteFile(path, []byte("theirs"), 0o600) }, changed, []string{"f"}},
		"mode":    {func(path string) error { return os.Chmod(path, 0o604) }, changed, []string{"f"}},
		"removed": {os.Remove, changed, nil},
		"moved away": {func(path string) error {
			return errors.Join(os.Rename(path, path+".away"), os.Symlink(path+".away", path))
		}, "too many levels of symbolic links", []string{"f", "f.away"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			write(t, path, "old")
			r := replacement(path, "new")
			var err error
			r.Found, err = Read(path, Refuse)
			require.NoError(t, err)
			r.Validate = func(string) error { return c.change(path) }
			require.ErrorContains(t, Replace(r), c.fault)
			requireOnly(t, filepath.Dir(path), c.left...)
			for _, name := range c.left {
				text, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
				require.NoError(t, err)
				require.NotEqual(t, "new", string(text))
			}
		})
	}
}

func TestReplace_ValidatorPanics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "old")
	r := replacement(path, "new")
	r.Validate = func(string) error { panic("bug") }
	require.PanicsWithValue(t, "bug", func() { _ = Replace(r) })
	requireOld(t, path)
}

// The mode of the directory denies ordinary users, the read-only mount also root.
func TestReplace_ReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	want, reason := fs.ErrPermission, "permission denied; hint: become: true"
	if os.Getuid() == 0 {
		mountTmpfs(t, dir, "size=64k")
		want, reason = syscall.EROFS, "read-only file system; hint: mount it read-write (findmnt --target "+dir+")"
	}
	write(t, path, "old")
	if os.Getuid() == 0 {
		require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	} else {
		require.NoError(t, os.Chmod(dir, 0o555))
		t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o755)) })
	}
	requireSame(t, path, fmt.Sprintf("%q cannot be written: directory %q: %s", path, dir, reason))
	require.ErrorIs(t, Remove(path), want)
	requireOld(t, path)
}

func TestReplace_FullDisk(t *testing.T) {
	testenv.NeedRoot(t, "only root can mount a file system")
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	mountTmpfs(t, dir, "size=64k,nr_inodes=3")
	write(t, path, "old")
	large := replacement(path, strings.Repeat("new\n", 64*1024))
	require.ErrorIs(t, Check(large), syscall.ENOSPC)
	require.ErrorIs(t, Replace(large), syscall.ENOSPC)
	requireOld(t, path)

	write(t, filepath.Join(dir, "last"), "")
	require.ErrorIs(t, Check(replacement(path, "new")), syscall.ENOSPC, "no inode is left")
	require.ErrorIs(t, Replace(replacement(path, "new")), syscall.ENOSPC, "no inode is left")
	requireContent(t, path, "old")
	requireOnly(t, dir, "f", "last")
}

func TestReplace_MissingDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "f")
	require.ErrorIs(t, Replace(replacement(path, "x")), fs.ErrNotExist)
	require.NoError(t, Remove(path), "absent already")
	found, err := Read(path, Refuse)
	require.NoError(t, err)
	require.Nil(t, found)
}

func TestReplace_ConcurrentReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	texts := []string{strings.Repeat("a", 200_000), strings.Repeat("b", 100_000)}
	write(t, path, texts[0])
	done := make(chan error)
	go func() {
		var err error
		for i := 0; i < 100 && err == nil; i++ {
			err = Replace(replacement(path, texts[i%2]))
		}
		done <- err
	}()
	for reads := 0; ; reads++ {
		select {
		case err := <-done:
			require.NoError(t, err)
			require.Greater(t, reads, 10)
			return
		default:
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, string(got) == texts[0] || string(got) == texts[1], "%d bytes", len(got))
		}
	}
}

func TestRemove_LeavesNoFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "old")
	require.NoError(t, Remove(path))
	requireOnly(t, filepath.Dir(path))
	require.NoError(t, Remove(path))
}

func requireContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

// requireOld requires the old file and no other.
func requireOld(t *testing.T, path string) {
	t.Helper()
	requireContent(t, path, "old")
	requireOnly(t, filepath.Dir(path), filepath.Base(path))
}
