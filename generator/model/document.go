package model

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// place is where a value of the model was written: in a file, or as a flag.
type place struct {
	line, column int
	flag         string
}

// Document is a model as it was written, before anybody judged it.
type Document struct {
	name   string           // of the file, as errors show it
	tree   map[string]any   // as JSON has it; numbers and all else that is one word as yaml's own scalars
	values map[string]place // of the value at a path
	keys   map[string]place // of the key at a path
	faults []Fault
	size   int // values that were read, each alias anew
}

// joined is a path in one string, which orders and finds.
func joined(keys ...string) string { return strings.Join(keys, "\x00") }

// Read makes a model of the text of a file. An error is Faults.
func Read(name string, source []byte) (Model, error) { return Parse(name, source).Model() }

// Parse reads YAML with the place of everything. What cannot be read is a fault; the rest goes on.
func Parse(name string, source []byte) *Document {
	d := &Document{name: name, tree: map[string]any{}, values: map[string]place{}, keys: map[string]place{}}
	decoder := yaml.NewDecoder(strings.NewReader(string(source)))
	var root yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return d
	case err != nil:
		d.syntax(err)
		return d
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		d.fault(nil, place{line: 1, column: 1}, "more than one YAML document", "keep one, with one --- at most")
		return d
	}
	switch content := root.Content[0]; {
	case content.Kind == yaml.MappingNode:
		d.mapping(d.tree, nil, content, 0)
	case content.ShortTag() != "!!null":
		d.fault(nil, at(content), kindOf(content)+" is not accepted; accepted: a mapping", "write fields such as project: hyrax")
	}
	return d
}

func at(n *yaml.Node) place { return place{line: n.Line, column: n.Column} }

func (d *Document) fault(keys []string, where place, what, hint string) {
	d.faults = append(d.faults, Fault{Path: keys, What: what, Hint: hint, file: d.name, place: where})
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// fromZero are the words of the library's parser, which counts lines from 0 there; its scanner counts them from 1.
var fromZero = regexp.MustCompile(`^did not find expected (<|key$|node content$|',' or |'-' indicator$)`)

// SyntaxError is the line and the words of an error of the YAML library; the line is 1 where it names none.
func SyntaxError(err error) (line int, what string) {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return 1, err.Error()
	}
	line, err = strconv.Atoi(m[1])
	switch {
	case err != nil:
		line = 1
	case fromZero.MatchString(m[2]):
		line++
	}
	return line, m[2]
}

// syntax is a fault of YAML itself.
func (d *Document) syntax(err error) {
	line, what := SyntaxError(err)
	d.fault(nil, place{line: line, column: 1}, "no YAML: "+what, "quote values that hold : or # or begin with {{, and indent with blanks alone")
}

// No model nests deeper, or has more values; aliases could make either endless.
const (
	deepest = 8
	largest = 10000
)

func (d *Document) mapping(into map[string]any, keys []string, n *yaml.Node, depth int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		below := append(slices.Clip(keys), key.Value)
		if before, twice := d.keys[joined(below...)]; twice {
			d.fault(below, at(key), fmt.Sprintf("stands there twice, first in line %d", before.line), "keep one of them")
			continue
		}
		d.keys[joined(below...)], d.values[joined(below...)] = at(key), at(value)
		if v := d.value(below, value, depth+1); v != nil {
			into[key.Value] = v
		}
	}
}

// value is a node as JSON has it; nil, as an empty value is: not set.
func (d *Document) value(keys []string, n *yaml.Node, depth int) any {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.size++
	if depth > deepest || d.size > largest {
		if d.size < 2*largest { // said once
			d.size = 2 * largest
			d.fault(keys, at(n), "more than a model holds", "do without aliases")
		}
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		d.mapping(m, keys, n, depth)
		return m
	case yaml.SequenceNode:
		list := []any{}
		for i, e := range n.Content {
			below := append(slices.Clip(keys), strconv.Itoa(i))
			d.values[joined(below...)] = at(e)
			list = append(list, d.value(below, e, depth+1))
		}
		return list
	}
	return scalar(n)
}

// number is a number as it was written: a text takes it as that, so 7.10 stays 7.10 and 0002 stays 0002.
type number struct {
	value any
	text  string
}

func scalar(n *yaml.Node) any {
	var v any
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		if n.Decode(&v) != nil {
			return n.Value
		}
		if b, ok := v.(bool); ok {
			return b
		}
		return number{v, n.Value}
	}
	return n.Value
}

func kindOf(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a text"
}

// Put puts a value into a tree at a key such as redis.url; nil takes it away.
func Put(tree map[string]any, key string, value any) {
	group, rest, nested := strings.Cut(key, ".")
	switch {
	case nested:
		below, is := tree[group].(map[string]any)
		if !is {
			below = map[string]any{}
			tree[group] = below
		}
		Put(below, rest, value)
	case value == nil:
		delete(tree, key)
	default:
		tree[key] = value
	}
}

// Has reports whether a field is set.
func (d *Document) Has(key string) bool { return lookup(d.tree, strings.Split(key, ".")) != nil }

// Set puts a value that a flag gives into the place of what the file says. An empty one takes the default.
func (d *Document) Set(flag, key string, value any) {
	keys := strings.Split(key, ".")
	Put(d.tree, key, value)
	if value == nil {
		return
	}
	where := place{flag: flag}
	d.values[joined(keys...)] = where
	if list, ok := value.([]any); ok {
		for i := range list {
			d.values[joined(append(slices.Clip(keys), strconv.Itoa(i))...)] = where
		}
	}
}
