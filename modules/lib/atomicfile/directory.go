package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// directory is an open directory, in which files are named by their last element only. What its path leads to afterwards does not
// matter: somebody who owns a directory on the way could otherwise lead root elsewhere between two steps.
type directory struct {
	*os.File
	path string
}

// identity identifies a directory, whatever its path is.
type identity struct{ dev, ino uint64 }

func (f directory) identity() (identity, error) {
	var s unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &s)
	return identity{uint64(s.Dev), s.Ino}, err // Dev is signed on macOS
}

// enter opens a subdirectory; a symbolic link is not one.
func (f directory) enter(name string) (directory, error) {
	dir, err := f.open(name, unix.O_DIRECTORY, 0)
	return directory{dir, filepath.Join(f.path, name)}, err
}

// open opens a file of the directory; a symbolic link is not one.
func (f directory) open(name string, flags int, mode uint32) (*os.File, error) {
	fd, err := unix.Openat(int(f.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Join(f.path, name), Err: err}
	}
	return os.NewFile(uintptr(fd), filepath.Join(f.path, name)), nil
}

func (f directory) rename(from, to string) error {
	if err := unix.Renameat(int(f.Fd()), from, int(f.Fd()), to); err != nil {
		return &os.LinkError{Op: "rename", Old: filepath.Join(f.path, from), New: filepath.Join(f.path, to), Err: err}
	}
	return nil
}

func (f directory) remove(name string) error {
	if err := unix.Unlinkat(int(f.Fd()), name, 0); err != nil {
		return &os.PathError{Op: "remove", Path: filepath.Join(f.path, name), Err: err}
	}
	return nil
}

func (f directory) sync() error {
	if err := f.Sync(); err != nil {
		return unsynced{fmt.Errorf("done, but perhaps not yet on disk: %w", err)}
	}
	return nil
}
