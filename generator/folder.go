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

// folder is where files are written. All of it goes through an os.Root, so that no link in the folder, and no name in a manifest, leads
// elsewhere.
type folder struct {
	dir  string
	root *os.Root // nil: it does not exist
}

func openFolder(dir string) (folder, error) {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return folder{dir: dir}, nil
	case errors.Is(err, syscall.ENOTDIR) || err == nil && !info.IsDir():
		return folder{}, fmt.Errorf("--output: %q is a file, or lies below one; hint: name a folder", dir)
	case err != nil:
		return folder{}, err
	}
	root, err := os.OpenRoot(dir)
	return folder{dir, root}, err
}

// makeFolder opens a folder, and makes it where it does not exist.
func makeFolder(dir string) (folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return folder{}, err
	}
	return openFolder(dir)
}

func (f folder) Close() error {
	if f.root == nil {
		return nil
	}
	return f.root.Close()
}

// largestFile keeps whoever brought the files from filling the memory, in bytes.
const largestFile = 64 << 20

// stat is nil where nothing is. Whatever is no regular file is an error.
func (f folder) stat(name string) (fs.FileInfo, error) {
	if f.root == nil {
		return nil, nil
	}
	info, err := f.root.Lstat(name)
	shown := filepath.Join(f.dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, f.explain(name, err)
	case !info.Mode().IsRegular():
		kind := cmp.Or(map[fs.FileMode]string{fs.ModeSymlink: "symbolic link", fs.ModeDir: "directory"}[info.Mode().Type()], "special file")
		return nil, fmt.Errorf("%q is a %s, not a file; hint: move it away", shown, kind)
	case info.Size() > largestFile:
		return nil, fmt.Errorf("%q is %d bytes; accepted: up to %d MiB; hint: move it away", shown, info.Size(), largestFile>>20)
	}
	return info, nil
}

// read is nil where nothing is.
func (f folder) read(name string) ([]byte, error) {
	info, err := f.stat(name)
	if err != nil || info == nil {
		return nil, err
	}
	text, err := f.root.ReadFile(name)
	return text, f.explain(name, err)
}

// write makes or replaces a file: whoever looks finds the old one or the new one.
func (f folder) write(name string, text []byte) error {
	if _, err := f.stat(name); err != nil {
		return err
	}
	if err := f.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return f.explain(name, err)
	}
	temp := path.Join(path.Dir(name), ".new."+rand.Text())
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return f.explain(name, err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close()); err == nil { // whatever the umask is
		err = f.root.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, f.root.Remove(temp))
	}
	return nil
}

// remove removes a file and the folders above it that hold nothing else.
func (f folder) remove(name string) error {
	if err := f.root.Remove(name); err != nil {
		return f.explain(name, err)
	}
	for above := path.Dir(name); above != "."; above = path.Dir(above) {
		entries, err := fs.ReadDir(f.root.FS(), above)
		if err != nil || len(entries) > 0 {
			return err
		}
		if err := f.root.Remove(above); err != nil {
			return err
		}
	}
	return nil
}

// explain names the link on which os.Root refuses a name.
func (f folder) explain(name string, err error) error {
	if err == nil {
		return nil
	}
	if link, leadsOut := confine.Link(f.root.FS(), name); leadsOut {
		return fmt.Errorf("%q is a symbolic link that leads out of %q; hint: put a directory, or a relative link to one below it, in its place", filepath.Join(f.dir, link), f.dir)
	}
	return err
}

// writeFile writes a file where a person says.
func writeFile(name string, text []byte) error {
	f, err := makeFolder(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(f.write(filepath.Base(name), text), f.Close())
}
