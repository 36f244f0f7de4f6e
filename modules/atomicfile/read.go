package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// File is a regular file as it was found.
type File struct {
	Path     string // where it lies, links resolved when they were followed
	Data     []byte
	Mode     fs.FileMode // permission bits and setuid, setgid, sticky
	UID, GID int
	ModTime  time.Time // to the microsecond

	folder     identity // in which it was found
	attributes []attribute
}

// The largest files that are read, in bytes: whoever owns a file does not decide how much memory and time of root's process it takes.
const (
	// MaxConfiguration is for what an application is configured with: YAML, with ERB in it or not, and files of variables. Real ones
	// have less than 20 kB.
	MaxConfiguration = 64 << 10
	// MaxLockfile is for Gemfile.lock. Real ones have less than 100 kB.
	MaxLockfile = 1 << 20
	maxFile     = 64 << 20
)

// Read returns nil and no error when nothing exists at path. Whatever is no regular file is an error, and so is a link that
// leads nowhere.
func Read(path string, links Links) (*File, error) { return readFile(path, links, maxFile) }

// ReadConfiguration is Read for a file that configures an application. It follows links.
func ReadConfiguration(path string) (*File, error) { return readFile(path, Follow, MaxConfiguration) }

func readFile(path string, links Links, limit int) (*File, error) {
	path, info, err := resolve(path, links)
	if err != nil || info == nil {
		return nil, err
	}
	dir, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	// The path may have become something else since; a FIFO must not block and a link not lead away.
	f, err := dir.open(filepath.Base(path), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := checkRegular(path, info); err != nil {
		return nil, err
	}
	if info.Size() > int64(limit) {
		return nil, tooLarge(path, fmt.Sprint(info.Size()), limit)
	}
	data, err := readUpTo(f, path, limit)
	if err != nil {
		return nil, err
	}
	id, err := dir.identity()
	if err != nil {
		return nil, err
	}
	attributes, err := attributesOf(f)
	if err != nil {
		return nil, err
	}
	owner := info.Sys().(*syscall.Stat_t)
	mode := info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	return &File{Path: path, Data: data, Mode: mode, UID: int(owner.Uid), GID: int(owner.Gid), ModTime: info.ModTime().Truncate(time.Microsecond), folder: id, attributes: attributes}, nil
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

// ReadFile returns the bytes of a file that configures an application; unlike os.ReadFile it does not wait for a FIFO nor read a device, which whoever
// owns the folder could put there.
func ReadFile(path string) ([]byte, error) { return readData(path, MaxConfiguration) }

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

// ReadIfThere is ReadFile for a file that need not be: nil and no error when nothing is there, also at the end of a link.
func ReadIfThere(path string) ([]byte, error) { return ifThere(path, MaxConfiguration) }

// ReadLockfile is ReadIfThere for a Gemfile.lock.
func ReadLockfile(path string) ([]byte, error) { return ifThere(path, MaxLockfile) }

func ifThere(path string, limit int) ([]byte, error) {
	text, err := readData(path, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// Is reports whether the file, which may be nil, is already as it shall be.
func (f *File) Is(data []byte, mode fs.FileMode, uid, gid int) bool {
	return f != nil && string(f.Data) == string(data) && f.Mode == mode && f.UID == uid && f.GID == gid
}

// Remove unlinks path and syncs its folder. Nothing there is no error, a directory is one; of a link it removes the link.
func Remove(path string) error {
	dir, err := openFolder(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.remove(filepath.Base(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return dir.sync()
}

// resolve returns the path to work on and what is there: a regular file, or nil for nothing.
func resolve(path string, links Links) (string, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil, nil
	case err != nil:
		return "", nil, err
	case info.Mode()&fs.ModeSymlink == 0:
		return path, info, checkRegular(path, info)
	case links == Refuse:
		return "", nil, fmt.Errorf("%q is a symbolic link, not a file; hint: remove it or put a file in its place", path)
	}
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("%q is a symbolic link that leads to nothing (%w); hint: remove it or make its target", path, fs.ErrNotExist)
	}
	if err != nil {
		return "", nil, err
	}
	return resolve(target, Refuse)
}

func checkRegular(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%q is %s, not a file; hint: move it away", path, kind(info.Mode()))
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}
