package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// AdminDir is the directory of the admin's unit files.
const AdminDir = "/etc/systemd/system"

// PackageDirs are the directories of packages' unit files. Of one name, systemd uses the file in AdminDir, else in the first of these.
var PackageDirs = []string{"/usr/local/lib/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system"}

// UnitFile is a unit file of the host. The zero value stands for one that does not exist.
type UnitFile struct{ Path, Text string }

// IsUnitName reports whether systemd accepts the name of a unit (systemd.unit(5), "DESCRIPTION").
func IsUnitName(name string) bool { return len(name) < 256 && unitName().MatchString(name) }

var unitName = lazyregexp.New(`^[A-Za-z0-9:_.\\@-]+\.[a-z]+$`)

// Name is the name of the unit.
func (f UnitFile) Name() string { return filepath.Base(f.Path) }

// ServiceUnits returns the names of the units of a service: its own, and those of several processes.
func ServiceUnits(root, service string) []string {
	names := []string{service + ".service"}
	for _, file := range UnitFiles(root, service+"@?*.service", "") {
		names = append(names, file.Name())
	}
	return names
}

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

// Directive is one Key=value line of a unit file.
type Directive struct{ Section, Name, Value string }

// Directives are those of all sections, in their order. Lines that end in a backslash are joined with the next (systemd.syntax(7)).
func (f UnitFile) Directives() []Directive {
	var all []Directive
	section, joined := "", ""
	for line := range strings.Lines(f.Text) {
		line = strings.TrimSpace(line)
		if joined == "" && (line == "" || strings.ContainsRune("#;[", rune(line[0]))) {
			if inner, isSection := strings.CutPrefix(line, "["); isSection {
				section = strings.TrimSuffix(inner, "]")
			}
			continue
		}
		if head, more := strings.CutSuffix(line, `\`); more {
			joined += strings.TrimSpace(head) + " "
			continue
		}
		name, value, _ := strings.Cut(joined+line, "=")
		joined = ""
		all = append(all, Directive{section, strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return all
}

// Value is the last value of a directive, "" if it is not set: the one that counts for directives such as WorkingDirectory= and Type=.
func (f UnitFile) Value(name string) string {
	value := ""
	for _, d := range f.Directives() {
		if d.Name == name {
			value = strings.TrimPrefix(strings.ReplaceAll(d.Value, "%%", "%"), "-")
		}
	}
	return value
}

// Environment are the variables of Environment= and the values of EnvironmentFile=, which may begin with "-".
func (f UnitFile) Environment() (variables map[string]string, files []string) {
	variables = map[string]string{}
	for _, d := range f.Directives() {
		switch d.Name {
		case "Environment":
			for _, assignment := range Words(d.Value) {
				name, value, _ := strings.Cut(assignment, "=")
				variables[name] = value
			}
		case "EnvironmentFile":
			files = append(files, unquote(d.Value))
		}
	}
	return variables, files
}

// Words are the words of a value, without their quotes (systemd.syntax(7), "Quoting").
func Words(value string) []string {
	var all []string
	for _, word := range quotedWord().FindAllString(value, -1) {
		all = append(all, unquote(word))
	}
	return all
}

var (
	quotedWord = lazyregexp.New(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S+`)
	unescape   = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\t`, "\t", "%%", "%")
)

func unquote(word string) string {
	for _, quote := range []string{`"`, "'"} {
		if inner, isQuoted := strings.CutPrefix(word, quote); isQuoted {
			word = strings.TrimSuffix(inner, quote)
			break
		}
	}
	return unescape.Replace(word)
}
