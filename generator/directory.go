package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/generator/confine"
)

// directory is where files are written, through an os.Root: neither a link in it nor a name in a manifest leads elsewhere.
type directory struct {
	dir  string
	root *os.Root // nil: it does not exist
}

func openDirectory(dir string) (directory, error) {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return directory{dir: dir}, nil
	case errors.Is(err, syscall.ENOTDIR) || err == nil && !info.IsDir():
		return directory{}, fmt.Errorf("--output: %q is a file, or lies below one; hint: name a directory", dir)
	case err != nil:
		return directory{}, err
	}
	root, err := os.OpenRoot(dir)
	return directory{dir, root}, err
}

// makeDirectory opens a directory, and creates it if it does not exist.
func makeDirectory(dir string) (directory, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return directory{}, err
	}
	return openDirectory(dir)
}

func (d directory) Close() error {
	if d.root == nil {
		return nil
	}
	return d.root.Close()
}

// largestFile limits the memory that files of a repository can take, in bytes.
const largestFile = 64 << 20

// stat is nil if the file does not exist. Anything but a regular file is an error.
func (d directory) stat(name string) (fs.FileInfo, error) {
	if d.root == nil {
		return nil, nil
	}
	info, err := d.root.Lstat(name)
	shown := filepath.Join(d.dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, d.explain(name, err)
	case !info.Mode().IsRegular():
		kind := cmp.Or(map[fs.FileMode]string{fs.ModeSymlink: "symbolic link", fs.ModeDir: "directory"}[info.Mode().Type()], "special file")
		return nil, fmt.Errorf("%q is a %s, not a file; hint: move it away", shown, kind)
	case info.Size() > largestFile:
		return nil, fmt.Errorf("%q is %d bytes; accepted: up to %d MiB; hint: move it away", shown, info.Size(), largestFile>>20)
	}
	return info, nil
}

// read is nil if the file does not exist.
func (d directory) read(name string) ([]byte, error) {
	info, err := d.stat(name)
	if err != nil || info == nil {
		return nil, err
	}
	text, err := d.root.ReadFile(name)
	return text, d.explain(name, err)
}

// write creates or replaces a file atomically.
func (d directory) write(name string, text []byte) error {
	if _, err := d.stat(name); err != nil {
		return err
	}
	if err := d.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return d.explain(name, err)
	}
	temp := path.Join(path.Dir(name), ".new."+rand.Text())
	file, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return d.explain(name, err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close()); err == nil { // whatever the umask is
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, d.root.Remove(temp))
	}
	return nil
}

// remove removes a file and the directories above it that are empty then.
func (d directory) remove(name string) error {
	if err := d.root.Remove(name); err != nil {
		return d.explain(name, err)
	}
	for above := path.Dir(name); above != "."; above = path.Dir(above) {
		entries, err := fs.ReadDir(d.root.FS(), above)
		if err != nil || len(entries) > 0 {
			return err
		}
		if err := d.root.Remove(above); err != nil {
			return err
		}
	}
	return nil
}

// explain names the link for which os.Root refuses a name.
func (d directory) explain(name string, err error) error {
	if err == nil {
		return nil
	}
	if link, leadsOut := confine.Link(d.root.FS(), name); leadsOut {
		return fmt.Errorf("%q is a symbolic link that leads out of %q; hint: put a directory, or a relative link to one below it, in its place", filepath.Join(d.dir, link), d.dir)
	}
	return err
}
