package inspect

import (
	"fmt"
	"path"
	"reflect"
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

// fits are the first entries of a list that is too long, as many as are not, and the number of all; nil if there are none.
func fits(value any) (first any, all int) {
	list, size := reflect.ValueOf(value), 2
	if list.Kind() != reflect.Slice || len(asJSON(value)) <= longestValue {
		return nil, 0
	}
	for n := range list.Len() {
		if size += len(asJSON(list.Index(n).Interface())) + 1; size > longestValue && n > 0 {
			return list.Slice(0, n).Interface(), list.Len()
		} else if size > longestValue {
			break
		}
	}
	return nil, 0
}

// inert is the finding as it is, a question with the beginning of a list that is too long, or a refused one where its value holds Jinja or is
// too long.
func (f finding) inert() finding {
	var what string
	switch first, all := fits(f.value); {
	case f.value == nil:
		return f
	case first != nil:
		cut := fmt.Sprintf("%d of %d entries are left out, the list is longer than %d bytes", all-reflect.ValueOf(first).Len(), all, longestValue)
		if f.value = first; f.kind == found {
			f.kind, f.text = offered, f.from+": "+f.text+isComplete
		}
		f.text = cut + "; " + f.text
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
