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

// largestFile keeps whoever owns a file from filling the memory of root's process, in bytes.
const largestFile = 64 << 20

// Read returns nil and no error when nothing exists at path. Whatever is no regular file is an error, and so is a link that
// leads nowhere.
func Read(path string, links Links) (*File, error) {
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
	data, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > largestFile {
		return nil, fmt.Errorf("%q is larger than %d MiB, which no configuration is; hint: look what it is", path, largestFile>>20)
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

// ReadFile returns the bytes of a regular file; unlike os.ReadFile it does not wait for a FIFO nor read a device, which whoever
// owns the folder could put there.
func ReadFile(path string) ([]byte, error) {
	f, err := Read(path, Follow)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return f.Data, nil
}

// ReadIfThere is ReadFile for a file that need not be: nil and no error when nothing is there, also at the end of a link.
func ReadIfThere(path string) ([]byte, error) {
	text, err := ReadFile(path)
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
