package inspect

import (
	"fmt"
	"regexp"
)

// jinja matches values that Ansible evaluates, in JSON: one with a delimiter that begins an
// expression, a statement or a comment, and a text whose first line changes the delimiters
// (ansible-core 2.15 to 2.19).
var jinja = regexp.MustCompile(delimiter.String() + `|(?i)"(\s|\\[nrtf]|\\u000[bc])*#jinja2:`)

var delimiter = regexp.MustCompile(`\{[{%#]`)

func holdsJinja(value any) bool { return jinja.Match(asJSON(value)) }

// inert is the finding as it is, or without a value that holds Jinja or is too long: as a refused
// one then, or, where the application decides, a remark.
func (f finding) inert() finding {
	var what string
	switch {
	case f.value == nil:
		return f
	case len(asJSON(f.value)) > longestValue:
		what = fmt.Sprintf("is longer than %d bytes", longestValue)
	case holdsJinja(f.value):
		what = "holds Jinja, which Ansible would evaluate"
	default:
		return f
	}
	f.value = nil
	if f.kind == decided {
		f.kind, f.text = remark, f.from+" decides; not shown here, since its value "+what
		return f
	}
	f.text = "not taken, since its value " + what
	return f
}

// withheld reports whether the finding had a value that was not taken.
func (f finding) withheld() bool { return f.value == nil && (f.kind == found || f.kind == offered) }
