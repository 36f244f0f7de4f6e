package inspect

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

var plainPath = regexp.MustCompile(`^[\w./@+-]+$`)

// isCleanPath accepts an absolute path, or one that stays in the application.
func isCleanPath(name string) bool {
	return plainPath.MatchString(name) && path.Clean(name) == name && !strings.HasPrefix(name, "..")
}

// jinja matches values that Ansible evaluates, in JSON: one with a delimiter that begins an
// expression, a statement or a comment, and a text whose first line changes the delimiters
// (ansible-core 2.15 to 2.19).
var jinja = regexp.MustCompile(delimiter.String() + `|(?i)"(\s|\\[nrtf]|\\u000[bc])*#jinja2:`)

var delimiter = regexp.MustCompile(`\{[{%#]`)

func holdsJinja(value any) bool { return jinja.Match(asJSON(value)) }

// inert is the finding as it is, or a refused one where its value holds Jinja or is too long.
func (f finding) inert() finding {
	var what string
	switch {
	case f.value == nil:
		return f
	case len(asJSON(f.value)) > longestValue:
		what = fmt.Sprintf("is longer than %d bytes", longestValue)
	case holdsJinja(f.value):
		what = "holds Jinja, which Ansible would evaluate"
	case f.key == "sidekiq_config" && !isCleanPath(fmt.Sprint(f.value)):
		what = "is no clean path"
	default:
		return f
	}
	f.kind, f.value, f.text = refused, nil, "ignored: its value "+what
	return f
}
