package atomicfile

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Reader reads the files of one host, each at most once: all that a run decides rests on the same content, whoever writes meanwhile.
type Reader struct {
	root string
	kept map[source]content
}

type source struct {
	path  string
	limit int
}

type content struct {
	data []byte
	err  error
}

// NewReader makes a Reader for the host whose root directory is root: "/" but in tests.
func NewReader(root string) *Reader { return &Reader{root, map[source]content{}} }

// ReadFile is the function of that name.
func (r *Reader) ReadFile(path string) ([]byte, error) {
	c := r.read(path, MaxConfiguration)
	return c.data, c.err
}

// ReadIfThere is the function of that name.
func (r *Reader) ReadIfThere(path string) ([]byte, error) { return r.ifThere(path, MaxConfiguration) }

// ReadLockfile is the function of that name.
func (r *Reader) ReadLockfile(path string) ([]byte, error) { return r.ifThere(path, MaxLockfile) }

func (r *Reader) ifThere(path string, limit int) ([]byte, error) {
	c := r.read(path, limit)
	if errors.Is(c.err, fs.ErrNotExist) {
		return nil, nil
	}
	return c.data, c.err
}

func (r *Reader) read(path string, limit int) content {
	at := source{filepath.Join(r.root, path), limit}
	if _, known := r.kept[at]; !known {
		data, err := readData(at.path, limit)
		r.kept[at] = content{data, err}
	}
	return r.kept[at]
}
