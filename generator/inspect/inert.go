package inspect

import (
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// jinja begins what Ansible evaluates in a text: an expression, a statement or a comment.
var jinja = regexp.MustCompile(`\{[{%#]`)

func holdsJinja(value any) bool { return holds(nodeOf(value), jinja) }

// nodeOf is a value as YAML has it: every text in it is one there, whatever its type, of a list, of a struct, or the key of a mapping.
func nodeOf(value any) *yaml.Node {
	var n yaml.Node
	if err := n.Encode(value); err != nil {
		panic(err) // it came from YAML, or from us
	}
	return &n
}

// holds reports whether a pattern matches any text in a value.
func holds(n *yaml.Node, pattern *regexp.Regexp) bool {
	return pattern.MatchString(n.Value) || slices.ContainsFunc(n.Content, func(below *yaml.Node) bool { return holds(below, pattern) })
}

// inert is the finding as it is, or without a value that holds Jinja: a question then, or, where the application decides, a remark.
func (f finding) inert() finding {
	if f.kind == remark || !holdsJinja(f.value) {
		return f
	}
	f.value = nil
	if f.kind == decided {
		f.kind, f.text = remark, f.from+" decides; not shown here, since its value holds Jinja"
		return f
	}
	f.text = "not taken, since its value holds Jinja, which Ansible would evaluate. What should " + f.key + " be?"
	return f
}

// withheld reports whether the finding had a value that holds Jinja.
func (f finding) withheld() bool { return f.value == nil && f.kind != remark }
