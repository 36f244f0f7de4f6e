// Package confine explains why os.Root refuses a name.
package confine

import (
	"errors"
	"io/fs"
	"path"
	"syscall"
)

// Link finds the symbolic link in a name that leads out of the files of an os.Root. Links that stay within are followed.
func Link(files fs.FS, name string) (link string, leadsOut bool) {
	if dir := path.Dir(name); dir != name && dir != "." {
		if link, leadsOut = Link(files, dir); leadsOut {
			return link, true
		}
	}
	info, err := fs.Lstat(files, name)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return "", false
	}
	_, err = fs.Stat(files, name)
	return name, err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ELOOP)
}
