//go:build !linux

package atomicfile

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// readLink returns nil where name is not a symbolic link. The modules run on Linux alone; sidekiq-role follows only links of the user who runs it.
func (f directory) readLink(name string) (*link, error) {
	path := filepath.Join(f.path, name)
	var s unix.Stat_t
	if err := unix.Fstatat(int(f.Fd()), name, &s, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if s.Mode&unix.S_IFMT != unix.S_IFLNK {
		return nil, nil
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), name, target)
	if err != nil {
		return nil, &os.PathError{Op: "readlink", Path: path, Err: err}
	}
	return &link{string(target[:n]), s.Uid}, nil
}
