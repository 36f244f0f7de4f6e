package bundler

import (
	"cmp"
	"errors"
	"fmt"
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
	versions []version
}

const lockfile = "Gemfile.lock"

// wantedFiles are files of an application that name a Ruby, the first of them first. The group of the pattern is a list of versions.
var wantedFiles = []struct {
	name    string
	pattern func() *regexp.Regexp
}{
	{".ruby-version", lazyregexp.New(`(?m)^[ \t]*([^#\s]\S*)`)},
	{".tool-versions", lazyregexp.New(`(?m)^[ \t]*ruby[ \t]+([^#\r\n]+)`)},
	{"mise.toml", miseRuby},
	{".mise.toml", miseRuby},
	{lockfile, lazyregexp.New(`(?m)^RUBY VERSION\r?\n[ \t]+ruby (\d+\.\d+\.\d+)(?:p\d+)?\r?$`)},
}

var miseRuby = lazyregexp.New(`(?m)^[ \t]*ruby[ \t]*=[^#"'\r\n]*["']([^"'\r\n]+)["']`)

// ReadWanted reads what the application at appRoot asks for. A file that cannot be read is skipped; err says why.
func ReadWanted(files *atomicfile.Reader, appRoot string) (w Wanted, err error) {
	for _, f := range wantedFiles {
		file := path.Join(appRoot, f.name)
		read := files.ReadIfThere
		if f.name == lockfile {
			read = files.ReadLockfile
		}
		text, fault := read(file)
		err = errors.Join(err, fault)
		if versions := parseVersions(f.pattern(), text); len(versions) > 0 {
			return Wanted{file, versions}, err
		}
	}
	return Wanted{}, err
}

// parseVersions skips words that are no version, such as system.
func parseVersions(pattern *regexp.Regexp, text []byte) (all []version) {
	m := pattern.FindSubmatch(text)
	if m == nil {
		return nil
	}
	for word := range strings.FieldsSeq(string(m[1])) {
		if v, isVersion := parseVersion(word); isVersion {
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

// isRecord reports whether File only records the Ruby with which Bundler resolved the gems: the Gemfile may accept others.
func (w Wanted) isRecord() bool { return path.Base(w.File) == lockfile }

// accepts reports whether a Ruby is one of those asked for. It ignores how the Ruby was built.
func (w Wanted) accepts(ruby version) bool {
	return slices.ContainsFunc(w.versions, func(v version) bool { return v.engine == ruby.engine && hasPrefix(ruby.numbers, v.numbers) })
}

// version is a version of Ruby, as a Ruby manager names it.
type version struct {
	engine  string // "" for Ruby itself, else such as jruby
	numbers []int
	suffix  string // such as preview1
	gemset  string // of rvm
}

var versionName = lazyregexp.New(`^(?:([a-z]{1,20})(?:\+[a-z]{1,20})?-)?(\d{1,6}(?:\.\d{1,6}){0,3})(?:[.-]?([A-Za-z][0-9A-Za-z]{0,20}))?(?:@([0-9A-Za-z_-]{1,60}))?$`)

// parseVersion reads a name such as 3.3.5, ruby-3.3.5@gemset, 3.4.0-preview1 or jruby-9.4.8.0.
func parseVersion(name string) (version, bool) {
	m := versionName().FindStringSubmatch(name)
	if m == nil {
		return version{}, false
	}
	v := version{engine: m[1], suffix: m[3], gemset: m[4]}
	if v.engine == "ruby" {
		v.engine = ""
	}
	for number := range strings.SplitSeq(m[2], ".") {
		n, err := strconv.Atoi(number)
		if err != nil {
			return version{}, false
		}
		v.numbers = append(v.numbers, n)
	}
	return v, true
}

func (v version) String() string {
	text := "Ruby "
	if v.engine != "" {
		text = v.engine + "-"
	}
	text += strings.ReplaceAll(strings.Trim(fmt.Sprint(v.numbers), "[]"), " ", ".")
	if v.suffix != "" {
		text += "-" + v.suffix
	}
	return text
}

func hasPrefix(numbers, prefix []int) bool {
	return len(numbers) >= len(prefix) && slices.Equal(numbers[:len(prefix)], prefix)
}

// compare orders versions that fit the same wanted one: the newest is the largest, with a gemset larger than without, the usual build larger than others.
func compare(a, b version) int {
	return cmp.Or(slices.Compare(a.numbers, b.numbers), cmp.Compare(a.gemset, b.gemset), cmp.Compare(b.suffix, a.suffix))
}
