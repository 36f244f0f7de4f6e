package systemd

import (
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// UnitFile is a unit file of the host. The zero value stands for one that does not exist.
type UnitFile struct{ Path, Text string }

// Directive is one Key=value line of a unit file.
type Directive struct{ Name, Value string }

// Directives are those of all sections, in their order. Lines that end in a backslash are joined with the next (systemd.syntax(7)).
func (f UnitFile) Directives() []Directive {
	var all []Directive
	joined := ""
	for line := range strings.Lines(f.Text) {
		line = strings.TrimSpace(line)
		if joined == "" && (line == "" || strings.ContainsRune("#;[", rune(line[0]))) {
			continue
		}
		if head, more := strings.CutSuffix(line, `\`); more {
			joined += strings.TrimSpace(head) + " "
			continue
		}
		name, value, _ := strings.Cut(joined+line, "=")
		joined = ""
		all = append(all, Directive{strings.TrimSpace(name), strings.TrimSpace(value)})
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
