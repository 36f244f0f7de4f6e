package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// folder is an open directory, in which files are named by their last element only. What its path leads to afterwards does not
// matter: somebody who owns a folder on the way could otherwise lead root elsewhere between two steps.
type folder struct {
	*os.File
	path string
}

// openFolder opens the folder of a path, links in it resolved. Every element is then opened without following links, so that
// what is opened is what was resolved.
func openFolder(path string) (folder, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return folder{}, err
	}
	fd, err := unix.Open("/", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for _, name := range strings.Split(strings.Trim(dir, "/"), "/") {
		if err != nil || name == "" {
			break
		}
		var next int
		next, err = unix.Openat(fd, name, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		err = errors.Join(err, unix.Close(fd))
		fd = next
	}
	if err != nil {
		return folder{}, fmt.Errorf("opening %q, which may have been exchanged meanwhile: %w", dir, err)
	}
	return folder{os.NewFile(uintptr(fd), dir), dir}, nil
}

// identity tells folders apart, whatever they are called.
type identity struct{ dev, ino uint64 }

func (f folder) identity() (identity, error) {
	var s unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &s)
	return identity{uint64(s.Dev), s.Ino}, err // Dev is signed on macOS
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
