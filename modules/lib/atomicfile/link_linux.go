package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// readLink returns nil where name is not a symbolic link. What is opened is the link itself, so that target and owner are of the same one, also
// when another takes its place meanwhile.
func (f directory) readLink(name string) (*link, error) {
	file, err := f.open(name, unix.O_PATH, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var s unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &s); err != nil {
		return nil, &os.PathError{Op: "stat", Path: file.Name(), Err: err}
	}
	if s.Mode&unix.S_IFMT != unix.S_IFLNK {
		return nil, nil
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(file.Fd()), "", target)
	if err != nil {
		return nil, &os.PathError{Op: "readlink", Path: file.Name(), Err: err}
	}
	return &link{string(target[:n]), s.Uid}, nil
}
