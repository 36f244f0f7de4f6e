package inspect

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

var (
	// delimiter begins an expression, a statement or a comment of Jinja.
	delimiter = regexp.MustCompile(`\{[{%#]`)

	// jinja matches a text that Ansible evaluates. In ansible-core 2.15 to 2.19 a first line "#jinja2:" changes the delimiters.
	jinja = regexp.MustCompile(delimiter.String() + `|(?i)^\s*#jinja2:`)
)

func holdsJinja(value any) bool { return holds(value, jinja) }

// holds reports whether a pattern matches any text in a value.
func holds(value any, pattern *regexp.Regexp) bool {
	var plain any
	if err := json.Unmarshal(asJSON(value), &plain); err != nil {
		panic(err) // it was just written
	}
	return plainHolds(plain, pattern)
}

func plainHolds(value any, pattern *regexp.Regexp) bool {
	switch v := value.(type) {
	case string:
		return pattern.MatchString(v)
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return plainHolds(e, pattern) })
	case map[string]any:
		for key, e := range v {
			if pattern.MatchString(key) || plainHolds(e, pattern) {
				return true
			}
		}
	}
	return false
}

// inert is the finding as it is, or without a value that holds Jinja or is too long: as a refused one then, or, where the application decides,
// a remark.
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
