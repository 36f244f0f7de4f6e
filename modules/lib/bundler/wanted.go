package bundler

import (
	"cmp"
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Wanted is the Ruby that an application asks for.
type Wanted struct {
	File     string // that asks for it; "" if none does
	versions []*version
}

// wantedFiles are files of an application that name a Ruby, in their order; "" is the lock file.
// The group of the pattern is a list of versions.
var wantedFiles = []struct {
	name    string
	pattern func() *regexp.Regexp
}{
	{".ruby-version", lazyregexp.New(`(?m)^[ \t]*([^#\s]\S*)`)},
	{".tool-versions", lazyregexp.New(`(?m)^[ \t]*ruby[ \t]+([^#\r\n]+)`)},
	{"mise.toml", miseRuby},
	{".mise.toml", miseRuby},
	{"", lazyregexp.New(`(?m)^RUBY VERSION\r?\n[ \t]+ruby (\d+\.\d+\.\d+)(?:p\d+)?\r?$`)},
}

var miseRuby = lazyregexp.New(`(?m)^[ \t]*ruby[ \t]*=[^#"'\r\n]*["']([^"'\r\n]+)["']`)

// ReadWanted reads what the application at appRoot asks for. A file that cannot be read is skipped; err says why.
func ReadWanted(files *atomicfile.Reader, appRoot, lockfile string) (w Wanted, err error) {
	for _, f := range wantedFiles {
		file, read := path.Join(appRoot, f.name), files.ReadIfThere
		if f.name == "" {
			file, read = lockfile, files.ReadLockfile
		}
		text, fault := read(file)
		err = errors.Join(err, fault)
		if versions := parseVersions(f.pattern(), text); len(versions) > 0 {
			return Wanted{file, versions}, err
		}
	}
	return Wanted{}, err
}

// maxWanted limits the versions of a file: for each, programs may be run.
const maxWanted = 5

// parseVersions skips words that are no version, such as system.
func parseVersions(pattern *regexp.Regexp, text []byte) (all []*version) {
	m := pattern.FindSubmatch(text)
	if m == nil {
		return nil
	}
	for _, word := range strings.Fields(string(m[1])) {
		if v := parseVersion(word); v != nil && len(all) < maxWanted {
			all = append(all, v)
		}
	}
	return all
}

// String is what the file asks for, such as "Ruby 3.3.5".
func (w Wanted) String() string {
	var names []string
	for _, v := range w.versions {
		names = append(names, v.String())
	}
	return strings.Join(names, " or ")
}

// isFromLockfile reports whether File only records the Ruby with which Bundler resolved the gems: the Gemfile may accept others.
func (w Wanted) isFromLockfile() bool { return strings.HasPrefix(path.Ext(w.File), ".lock") }

// accepts reports whether a Ruby is one of those asked for. It ignores how the Ruby was built.
func (w Wanted) accepts(ruby *version) bool { return slices.ContainsFunc(w.versions, ruby.is) }

// version is a version of Ruby, as a Ruby manager names it.
type version struct {
	engine  string // "" for Ruby itself, else such as jruby
	number  string
	numbers []int
	suffix  string // such as preview1
	gemset  string // of rvm
}

var versionName = lazyregexp.New(`^(?:([a-z]{1,20})(?:\+[a-z]{1,20})?-)?(\d{1,6}(?:\.\d{1,6}){0,3})(?:[.-]?([A-Za-z][0-9A-Za-z]{0,20}))?(?:@([0-9A-Za-z_-]{1,60}))?$`)

// parseVersion reads a name such as 3.3.5, ruby-3.3.5@gemset, 3.4.0-preview1 or jruby-9.4.8.0. Others are nil.
func parseVersion(name string) *version {
	m := versionName().FindStringSubmatch(strings.TrimPrefix(name, "ruby-"))
	if m == nil {
		return nil
	}
	v := &version{engine: m[1], number: m[2], suffix: m[3], gemset: m[4]}
	for _, number := range strings.Split(v.number, ".") {
		n, _ := strconv.Atoi(number) // at most six digits
		v.numbers = append(v.numbers, n)
	}
	return v
}

func (v *version) String() string {
	text := "Ruby " + v.number
	if v.engine != "" {
		text = v.engine + "-" + v.number
	}
	if v.suffix != "" {
		text += "-" + v.suffix
	}
	return text
}

// is reports whether a version is of the same engine and has the numbers of the wanted one, of which the last may be left out.
func (v *version) is(wanted *version) bool {
	return v.engine == wanted.engine && strings.HasPrefix(v.number+".", wanted.number+".")
}

// compare orders versions that fit the same wanted one: the newest is the largest, with a gemset larger than without, the usual build larger than others.
func compare(a, b *version) int {
	return cmp.Or(slices.Compare(a.numbers, b.numbers), strings.Compare(a.gemset, b.gemset), strings.Compare(b.suffix, a.suffix))
}
