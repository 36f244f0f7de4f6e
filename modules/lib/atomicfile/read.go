package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File is a regular file as it was found.
type File struct {
	Path     string // where it lies, links resolved when they were followed
	Data     []byte
	Mode     fs.FileMode // permission bits and setuid, setgid, sticky
	UID, GID int
	ModTime  time.Time // to the microsecond

	directory  identity // in which it was found
	attributes []attribute
}

// The largest files that are read, in bytes: whoever owns a file does not decide how much memory and time of root's process it takes.
const (
	// MaxConfiguration is for what an application is configured with: YAML, with ERB in it or not, and files of variables. Real ones
	// have less than 20 kB.
	MaxConfiguration = 64 << 10
	// MaxLockfile is for lock files of Bundler. Real ones have less than 100 kB.
	MaxLockfile = 1 << 20
	maxFile     = 64 << 20
)

// Read returns nil and no error when nothing exists at path. Whatever is no regular file is an error, and so is a link that
// leads nowhere.
func Read(path string, links Links) (*File, error) { return readFile(path, links, maxFile) }

// ReadConfiguration is Read for a file that configures an application.
func ReadConfiguration(path string, links Links) (*File, error) {
	return readFile(path, links, MaxConfiguration)
}

func readFile(path string, links Links, limit int) (*File, error) {
	at, err := locate(path, links)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, at.missing(path)
	}
	if err != nil {
		return nil, err
	}
	defer at.dir.Close()
	if exists, err := at.exists(path); err != nil || !exists {
		return nil, err
	}
	return at.read(limit)
}

func (at location) read(limit int) (*File, error) {
	// The name may have become something else since it was looked at; a FIFO must not block and a link not lead away.
	f, err := at.dir.open(at.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := checkRegular(f.Name(), uint32(owner.Mode)); err != nil {
		return nil, err
	}
	if err := at.checkOwner(f); err != nil {
		return nil, err
	}
	if info.Size() > int64(limit) {
		return nil, tooLarge(f.Name(), fmt.Sprint(info.Size()), limit)
	}
	data, err := readUpTo(f, f.Name(), limit)
	if err != nil {
		return nil, err
	}
	id, err := at.dir.identity()
	if err != nil {
		return nil, err
	}
	attributes, err := attributesOf(f)
	if err != nil {
		return nil, err
	}
	mode := info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	return &File{Path: f.Name(), Data: data, Mode: mode, UID: int(owner.Uid), GID: int(owner.Gid), ModTime: info.ModTime().Truncate(time.Microsecond), directory: id, attributes: attributes}, nil
}

// readUpTo does without the size that the file was said to have: it may grow.
func readUpTo(r io.Reader, path string, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = tooLarge(path, fmt.Sprintf("more than %d", limit), limit)
	}
	return data, err
}

func tooLarge(path, size string, limit int) error {
	return fmt.Errorf("%q has %s bytes; accepted: up to %d; hint: see what it is", path, size, limit)
}

// readData returns the bytes of a file. Unlike os.ReadFile it does not wait for a FIFO nor read a device, which whoever owns the directory could put
// there.
func readData(path string, limit int) ([]byte, error) {
	f, err := readFile(path, Follow, limit)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return f.Data, nil
}

// ReadIfThere returns the bytes of a file that configures something; nil and no error when nothing is there, also at the end of a link.
func ReadIfThere(path string) ([]byte, error) { return orNothing(readData(path, MaxConfiguration)) }

func orNothing(data []byte, err error) ([]byte, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Is reports whether the file, which may be nil, is already as it shall be.
func (f *File) Is(data []byte, mode fs.FileMode, uid, gid int) bool {
	return f != nil && string(f.Data) == string(data) && f.Mode == mode && f.UID == uid && f.GID == gid
}

// Remove unlinks path and syncs its directory. Nothing there is no error, a directory is one; of a link it removes the link.
func Remove(path string) error {
	at, err := locate(path, Refuse)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer at.dir.Close()
	err = at.dir.remove(at.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return at.dir.sync()
}

// exists reports whether a regular file is there. Anything else that is there is an error, as is a link that leads to nothing.
func (at location) exists(path string) (bool, error) {
	var s unix.Stat_t
	err := unix.Fstatat(int(at.dir.Fd()), at.name, &s, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) {
		return false, at.missing(path)
	}
	if err != nil {
		return false, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	err = checkRegular(at.path, uint32(s.Mode))
	if err != nil && at.linked {
		err = fmt.Errorf("%q is a symbolic link to %q, which is %s, not a file; hint: correct the link", path, at.path, kind(uint32(s.Mode)))
	}
	return true, err
}

// missing is no error but for a link.
func (at location) missing(path string) error {
	if !at.linked {
		return nil
	}
	return Dangling{path, at.path}
}

// Dangling is the error for a symbolic link whose target does not exist.
type Dangling struct{ Link, Target string }

func (e Dangling) Error() string {
	return fmt.Sprintf("%q is a symbolic link to %q, which does not exist; hint: remove it, or create its target", e.Link, e.Target)
}

// Is makes errors.Is report fs.ErrNotExist, as for the error of open(2).
func (Dangling) Is(target error) bool { return target == fs.ErrNotExist }

// checkRegular takes a mode as the kernel has it (inode(7)).
func checkRegular(path string, mode uint32) error {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return nil
	case unix.S_IFLNK:
		return fmt.Errorf("%q is a symbolic link, not a file; hint: remove it or put a file in its place", path)
	}
	return fmt.Errorf("%q is %s, not a file; hint: move it away", path, kind(mode))
}

func kind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFIFO:
		return "a named pipe"
	case unix.S_IFSOCK:
		return "a socket"
	default:
		return "a device"
	}
}
