package inspect

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"sort"
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

// fitting is how many entries of a list are not too long together.
func fitting(list reflect.Value) int {
	return sort.Search(list.Len(), func(n int) bool { return len(asJSON(list.Slice(0, n+1).Interface())) > longestValue })
}

// inert is the finding as it is, a question with the beginning of a list that is too long, or a refused one where its value holds Jinja or is
// too long.
func (f finding) inert() finding {
	var what string
	switch list := reflect.ValueOf(f.value); {
	case f.value == nil:
		return f
	case list.Kind() == reflect.Slice && list.Len() > fitting(list) && fitting(list) > 0:
		if f.kind == found {
			f.kind, f.text = offered, f.from+": "+f.text+isComplete
		}
		left := list.Len() - fitting(list)
		f.value, f.text = list.Slice(0, fitting(list)).Interface(), fmt.Sprintf("%d of %d entries are left out, the list is longer than %d bytes; %s", left, list.Len(), longestValue, f.text)
		return f.inert()
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
