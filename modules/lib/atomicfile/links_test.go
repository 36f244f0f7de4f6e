package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinkIsRefused(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	write(t, target, "old")
	require.NoError(t, os.Symlink("target", link))
	const msg = "is a symbolic link, not a file; hint: remove it or put a file in its place"

	require.ErrorContains(t, Replace(replacement(link, "new")), msg)
	_, err := Read(link, Refuse)
	require.ErrorContains(t, err, msg)
	requireContent(t, target, "old")
	requireOnly(t, dir, "target", "link")
}

func TestFollowedLinkStaysAndItsTargetIsReplaced(t *testing.T) {
	dir := t.TempDir()
	target, link, chain := filepath.Join(dir, "sub", "target"), filepath.Join(dir, "link"), filepath.Join(dir, "chain")
	require.NoError(t, os.Mkdir(filepath.Dir(target), 0o755))
	write(t, target, "old")
	require.NoError(t, os.Symlink("sub/target", link))
	require.NoError(t, os.Symlink(link, chain))

	r := replacement(chain, "new")
	r.Links = Follow
	require.NoError(t, Replace(r))
	requireContent(t, target, "new")
	requireOnly(t, dir, "sub", "link", "chain")
	requireOnly(t, filepath.Dir(target), "target")

	found, err := Read(chain, Follow)
	require.NoError(t, err)
	require.Equal(t, &File{Path: target, Data: []byte("new"), Mode: r.Mode, UID: r.UID, GID: r.GID, ModTime: found.ModTime, directory: found.directory}, found)
}

func TestRead_LinkThatLeadsNowhere(t *testing.T) {
	dir := t.TempDir()
	dangling, chain, loop, parent := filepath.Join(dir, "dangling"), filepath.Join(dir, "chain"), filepath.Join(dir, "loop"), filepath.Join(dir, "parent")
	require.NoError(t, os.Symlink("none/../shared/f", dangling))
	require.NoError(t, os.Symlink("none", chain+".1"))
	require.NoError(t, os.Symlink("chain.1", chain))
	require.NoError(t, os.Symlink("loop.1", loop))
	require.NoError(t, os.Symlink("loop", loop+".1"))
	require.NoError(t, os.Symlink("dangling/f", parent))
	const loops = "%q: too many symbolic links, the last is %q; hint: remove the link that leads back to itself (namei %s shows all)"
	for path, want := range map[string]string{
		dangling:    fmt.Sprintf("%q is a symbolic link to %q, which does not exist; hint: remove it, or create its target", dangling, dir+"/none/../shared/f"),
		chain:       fmt.Sprintf("%q is a symbolic link to %q, which does not exist; hint: remove it, or create its target", chain, dir+"/none"),
		parent:      fmt.Sprintf("%q is a symbolic link to %q, which does not exist; hint: remove it, or create its target", parent, dir+"/none/../shared/f/f"),
		loop:        fmt.Sprintf(loops, loop, loop, loop),
		loop + "/f": fmt.Sprintf(loops, loop+"/f", loop, loop+"/f"),
	} {
		_, err := Read(path, Follow)
		require.EqualError(t, err, want)
		require.Equal(t, !strings.Contains(path, "loop"), errors.Is(err, fs.ErrNotExist))
		r := replacement(path, "new")
		r.Links = Follow
		require.Error(t, Replace(r))
	}
	requireOnly(t, dir, "dangling", "chain", "chain.1", "loop", "loop.1", "parent")
}

func TestRead_PathBelowFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, "old")
	_, err := Read(file+"/f", Follow)
	require.EqualError(t, err, fmt.Sprintf("%q is not a directory; hint: correct the path %q", file, file+"/f"))
}

func TestRemoveTakesTheLinkNotItsTarget(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "target"), "old")
	require.NoError(t, os.Symlink("target", filepath.Join(dir, "link")))
	require.NoError(t, Remove(filepath.Join(dir, "link")))
	requireOnly(t, dir, "target")
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir, err := os.MkdirTemp("", "") // the path of a socket is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Mkdir(filepath.Join(dir, "directory"), 0o755))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	defer socket.Close()
	require.NoError(t, os.Symlink("directory", filepath.Join(dir, "link")))

	for path, msg := range map[string]string{
		filepath.Join(dir, "directory"): "is a directory, not a file; hint: move it away",
		filepath.Join(dir, "link"):      fmt.Sprintf("is a symbolic link to %q, which is a directory, not a file; hint: correct the link", dir+"/directory"),
		filepath.Join(dir, "pipe"):      "is a named pipe, not a file",
		filepath.Join(dir, "socket"):    "is a socket, not a file",
		"/dev/null":                     "is a device, not a file",
	} {
		r := replacement(path, "new")
		r.Links = Follow
		require.ErrorContains(t, Replace(r), msg)
		_, err := Read(path, Follow)
		require.ErrorContains(t, err, msg)
	}
	require.Error(t, Remove(filepath.Join(dir, "directory")), "even an empty directory stays")
	requireOnly(t, dir, "directory", "pipe", "socket", "link")
}

func TestRestorePutsBackWhatWasRead(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "f"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	require.NoError(t, os.Symlink(path, link))
	found, err := Read(link, Follow)
	require.NoError(t, err)
	require.NoError(t, Replace(Replacement{Path: link, Data: []byte("new"), Mode: 0o600, UID: os.Getuid(), GID: os.Getgid(), Links: Follow}))
	require.NoError(t, Restore(link, found))
	again, err := Read(link, Follow)
	require.NoError(t, err)
	require.Equal(t, found, again)
	require.True(t, again.Is([]byte("old"), 0o640, os.Getuid(), os.Getgid()))
	require.NoError(t, Restore(path, nil))
	require.NoFileExists(t, path)
	require.False(t, (*File)(nil).Is(nil, 0, 0, 0))
}

// Whoever owns a directory of the path can put a link in its place at any moment. Root must not write his text elsewhere.
func TestADirectoryThatIsExchangedIsNotWrittenTo(t *testing.T) {
	dir := t.TempDir()
	real, elsewhere := filepath.Join(dir, "real"), filepath.Join(dir, "elsewhere")
	require.NoError(t, os.Mkdir(real, 0o755))
	require.NoError(t, os.Mkdir(elsewhere, 0o755))
	path := filepath.Join(real, "f")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	found, err := Read(path, Follow)
	require.NoError(t, err)

	require.NoError(t, os.Rename(real, real+".away"))
	require.NoError(t, os.Symlink(elsewhere, real))
	err = Replace(Replacement{Path: found.Path, Data: []byte("new"), Mode: 0o600, UID: os.Getuid(), GID: os.Getgid(), Found: found})
	require.ErrorContains(t, err, "is no longer the folder in which")
	require.NoFileExists(t, filepath.Join(elsewhere, "f"))

	// The same when it is exchanged after links were resolved: what is walked has none.
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(elsewhere, link))
	opened, err := locate(filepath.Join(link, "f"), Refuse)
	require.NoError(t, err)
	defer opened.dir.Close()
	require.Equal(t, elsewhere, opened.dir.path)
}

func TestAFIFOIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := NewReader("/").ReadFile(path)
	require.ErrorContains(t, err, "is a named pipe, not a file")
	_, err = NewReader("/").ReadFile(path + ".gone")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAnEmptyFileIsToldFromNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	text, err := ReadIfThere(path)
	require.NoError(t, err)
	require.Nil(t, text)
	require.NoError(t, os.Symlink("f", path+".link"))
	text, err = ReadIfThere(path + ".link")
	require.NoError(t, err)
	require.Nil(t, text)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	text, err = ReadIfThere(path + ".link")
	require.NoError(t, err)
	require.NotNil(t, text)
	require.Empty(t, text)
}

func TestAFileThatNoConfigurationIsIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, 1<<40))
	for limit, read := range map[int]func() error{
		64 << 20:         func() error { _, err := Read(path, Refuse); return err },
		MaxConfiguration: func() error { _, err := ReadConfiguration(path, Follow); return err },
		MaxLockfile:      func() error { _, err := NewReader("/").ReadLockfile(path); return err },
	} {
		require.EqualError(t, read(), fmt.Sprintf("%q has 1099511627776 bytes; accepted: up to %d; hint: see what it is", path, limit))
	}
}

// A file may grow while it is read, and one of /proc has no size.
func TestRead_StopsBehindTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for size, accepted := range map[int]bool{MaxConfiguration: true, MaxConfiguration + 1: false} {
		require.NoError(t, os.WriteFile(path, make([]byte, size), 0o600))
		_, err := NewReader("/").ReadFile(path)
		require.Equal(t, accepted, err == nil, "%d bytes: %v", size, err)
		_, err = ReadIfThere(path)
		require.Equal(t, accepted, err == nil, "%d bytes: %v", size, err)
	}
	endless := strings.NewReader(strings.Repeat("x", 100))
	_, err := readUpTo(endless, "/f", 10)
	require.EqualError(t, err, `"/f" has more than 10 bytes; accepted: up to 10; hint: see what it is`)
	require.Equal(t, 89, endless.Len(), "one byte behind the limit is read, and no more")
}

func TestReadLockfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Gemfile.lock")
	text, err := NewReader("/").ReadLockfile(path)
	require.NoError(t, err)
	require.Nil(t, text)
	require.NoError(t, os.WriteFile(path, make([]byte, 2*MaxConfiguration), 0o600))
	text, err = NewReader("/").ReadLockfile(path)
	require.NoError(t, err)
	require.Len(t, text, 2*MaxConfiguration)
}
