package bundler

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// manager is a Ruby manager, or another layout of several versions of Ruby. Paths are relative to its directory.
type manager struct {
	name        string
	home        string   // its directory in the user's home
	shared      []string // its directories for all users
	variable    string   // that names its directory
	versions    string   // directory with an entry for each installed version
	bundle      string   // executable; * is the entry
	byDefault   string   // executable when no version is asked for; "": that of the newest version
	hasVariants bool     // entries are also minor versions, such as 3.3, and builds, such as 3.3-jemalloc
}

// managers lists the supported Ruby managers, in a home directory or for all users. rbenv, asdf and mise work by shims, which also set variables (rbenv-vars, mise). Those of
// asdf and mise need the variable outside of the home directory, and without it the bundle of the version is used.
var managers = []*manager{
	{name: "rbenv", home: ".rbenv", variable: "RBENV_ROOT", versions: "versions", bundle: "shims/bundle", byDefault: "shims/bundle"},
	{name: "rbenv", shared: []string{"/usr/local/rbenv", "/opt/rbenv", "/usr/lib/rbenv"}, versions: "versions", bundle: "shims/bundle", byDefault: "shims/bundle"},
	{name: "rvm", home: ".rvm", shared: []string{"/usr/local/rvm", "/usr/share/rvm"}, versions: "wrappers", bundle: "wrappers/*/bundle", byDefault: "wrappers/default/bundle"},
	{name: "asdf", home: ".asdf", variable: "ASDF_DATA_DIR", versions: "installs/ruby", bundle: "shims/bundle", byDefault: "shims/bundle"},
	{name: "asdf", shared: []string{"/opt/asdf", "/usr/local/asdf"}, versions: "installs/ruby", bundle: "installs/ruby/*/bin/bundle"},
	{name: "mise", home: ".local/share/mise", variable: "MISE_DATA_DIR", versions: "installs/ruby", bundle: "shims/bundle", byDefault: "shims/bundle"},
	{name: "mise", shared: []string{"/usr/local/share/mise", "/opt/mise"}, versions: "installs/ruby", bundle: "installs/ruby/*/bin/bundle"},
	{name: "chruby", shared: []string{"~/.rubies", "/opt/rubies"}, bundle: "*/bin/bundle"},
	{name: "Fullstaq Ruby", shared: []string{"/usr/lib/fullstaq-ruby"}, versions: "versions", bundle: "versions/*/bin/bundle", hasVariants: true},
}

// place is a directory in which bundle may be: that of a manager, or one of PATH, which has no manager.
type place struct {
	*manager
	dir string
}

// places are where to look for bundle. A Ruby in the user's own home was installed for this user, and so comes first; then ansible-samvera's
// path and the distribution's; then Ruby managers for all users. variables are those of the service.
func places(home string, variables map[string]string) []place {
	if home == "/" {
		home = ""
	}
	var all, shared []place
	for _, m := range managers {
		if m.home != "" && home != "" {
			all = append(all, place{m, path.Join(home, m.home)})
		}
		for _, dir := range append([]string{variables[m.variable]}, m.shared...) {
			if rest, isHome := strings.CutPrefix(dir, "~"); isHome && home != "" {
				dir = home + rest
			}
			if path.IsAbs(dir) {
				shared = append(shared, place{m, dir})
			}
		}
	}
	all = append(all, place{dir: "/usr/local/bin"}, place{dir: "/usr/bin"})
	return append(append(all, shared...), place{dir: "/snap/bin"})
}

// defaultBundle returns the executable when no version is asked for, else "".
func (p place) defaultBundle(root string) string {
	switch {
	case p.manager == nil:
		return path.Join(p.dir, "bundle")
	case p.byDefault != "":
		return path.Join(p.dir, p.byDefault)
	}
	bundle, _ := p.installed(root, &version{})
	return bundle
}

// maxVersions is how many entries of a directory are read, which may be the user's.
const maxVersions = 1000

// installed returns the executable of the newest installed version that fits the wanted one, and the entry of that version, else "".
func (p place) installed(root string, wanted *version) (bundle, entry string) {
	dir, err := os.OpenFile(filepath.Join(root, p.dir, p.versions), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return "", ""
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxVersions) // an error leaves those before it
	slices.Sort(names)
	var newest *version
	for _, name := range names {
		if v := parseVersion(name); v != nil && p.fits(v, wanted) && (newest == nil || compare(v, newest) > 0) {
			newest, entry = v, name
		}
	}
	if newest == nil {
		return "", ""
	}
	bundle = p.bundle
	if p.home == "" && newest.number != wanted.number { // rbenv before 1.3 refuses 3.3 for 3.3.5
		bundle = path.Join(p.versions, "*/bin/bundle")
	}
	return path.Join(p.dir, strings.ReplaceAll(bundle, "*", entry)), entry
}

// fits reports whether an installed version is the wanted one. A wanted version without a number is any Ruby.
func (m *manager) fits(installed, wanted *version) bool {
	isBuild := m.hasVariants && (installed.suffix == "jemalloc" || installed.suffix == "malloctrim")
	isMinor := m.hasVariants && len(installed.numbers) == 2 && wanted.is(installed)
	isAny := wanted.number == "" && installed.engine == ""
	return (installed.suffix == wanted.suffix || isBuild) && (installed.gemset == "" || installed.gemset == wanted.gemset) &&
		(installed.is(wanted) || isMinor || isAny)
}
