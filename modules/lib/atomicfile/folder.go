package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// folder is an open directory, in which files are named by their last element only. What its path leads to afterwards does not
// matter: somebody who owns a folder on the way could otherwise lead root elsewhere between two steps.
type folder struct {
	*os.File
	path string
}

// identity tells folders apart, whatever they are called.
type identity struct{ dev, ino uint64 }

func (f folder) identity() (identity, error) {
	var s unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &s)
	return identity{uint64(s.Dev), s.Ino}, err // Dev is signed on macOS
}

// enter opens a directory of the folder; a link is none.
func (f folder) enter(name string) (folder, error) {
	dir, err := f.open(name, unix.O_DIRECTORY, 0)
	return folder{dir, filepath.Join(f.path, name)}, err
}

// open opens a file of the folder; a link is none.
func (f folder) open(name string, flags int, mode uint32) (*os.File, error) {
	fd, err := unix.Openat(int(f.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Join(f.path, name), Err: err}
	}
	return os.NewFile(uintptr(fd), filepath.Join(f.path, name)), nil
}

func (f folder) rename(from, to string) error {
	if err := unix.Renameat(int(f.Fd()), from, int(f.Fd()), to); err != nil {
		return &os.LinkError{Op: "rename", Old: filepath.Join(f.path, from), New: filepath.Join(f.path, to), Err: err}
	}
	return nil
}

func (f folder) remove(name string) error {
	if err := unix.Unlinkat(int(f.Fd()), name, 0); err != nil {
		return &os.PathError{Op: "remove", Path: filepath.Join(f.path, name), Err: err}
	}
	return nil
}

func (f folder) sync() error {
	if err := f.Sync(); err != nil {
		return unsynced{fmt.Errorf("done, but perhaps not yet on disk: %w", err)}
	}
	return nil
}
