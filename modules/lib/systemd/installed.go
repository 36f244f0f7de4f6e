package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// AdminDir is where the admin's units are, and PackageDirs where those of packages are, the first of one name in use.
const AdminDir = "/etc/systemd/system"

var PackageDirs = []string{"/usr/local/lib/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"}

// UnitFiles are the unit files whose names match a pattern, in a host whose root directory is root: in AdminDir, and of packages. A link, which
// is an alias or a mask, does not count, nor does a file that cannot be read.
func UnitFiles(root, ofAdmin, ofPackages string) []UnitFile {
	var all []UnitFile
	for _, dir := range append([]string{AdminDir}, PackageDirs...) {
		pattern := ofPackages
		if dir == AdminDir {
			pattern = ofAdmin
		}
		files, _ := filepath.Glob(filepath.Join(root, dir, pattern)) // an invalid pattern matches nothing
		for _, file := range files {
			info, err := os.Lstat(file)
			isSeen := slices.ContainsFunc(all, func(u UnitFile) bool { return u.Name() == filepath.Base(file) })
			if err != nil || !info.Mode().IsRegular() || isSeen {
				continue
			}
			if text, err := atomicfile.ReadIfThere(file); err == nil {
				all = append(all, UnitFile{filepath.Join("/", strings.TrimPrefix(file, root)), string(text)})
			}
		}
	}
	return all
}

// Name is that of the unit.
func (f UnitFile) Name() string { return filepath.Base(f.Path) }
