package atomicfile

import (
	"path/filepath"
)

// Reader reads the files of one host, each at most once: all that a run decides rests on the same content, whoever writes meanwhile.
type Reader struct {
	root string
	kept map[int]map[string]content // by size limit and path
}

type content struct {
	data []byte
	err  error
}

// NewReader makes a Reader for the host whose root directory is root: "/" but in tests.
func NewReader(root string) *Reader {
	return &Reader{root, map[int]map[string]content{MaxConfiguration: {}, MaxLockfile: {}}}
}

// ReadFile returns the bytes of a file that configures an application.
func (r *Reader) ReadFile(path string) ([]byte, error) { return r.read(path, MaxConfiguration) }

// ReadIfThere is ReadFile for a file that need not exist: nil and no error when nothing is there, also at the end of a link.
func (r *Reader) ReadIfThere(path string) ([]byte, error) {
	return orNothing(r.read(path, MaxConfiguration))
}

// ReadLockfile is ReadIfThere for a lock file of Bundler.
func (r *Reader) ReadLockfile(path string) ([]byte, error) {
	return orNothing(r.read(path, MaxLockfile))
}

func (r *Reader) read(path string, limit int) ([]byte, error) {
	c, known := r.kept[limit][path]
	if !known {
		c.data, c.err = readData(filepath.Join(r.root, path), limit)
		r.kept[limit][path] = c
	}
	return c.data, c.err
}
