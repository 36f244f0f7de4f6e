package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// AdminDir is the directory of the admin's unit files.
const AdminDir = "/etc/systemd/system"

// PackageDirs are the directories of packages' unit files. Of one name, systemd uses the file in AdminDir, else in the first of these.
var PackageDirs = []string{"/usr/local/lib/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"}

// UnitFiles are the unit files whose names match a pattern, one for AdminDir and one for PackageDirs; "" matches none. root is the root directory
// of the host. Symbolic links, which are aliases or masks, and files that cannot be read are left out.
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

// Name is the name of the unit.
func (f UnitFile) Name() string { return filepath.Base(f.Path) }
