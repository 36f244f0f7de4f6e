package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Document is a model as it was written, before it is judged.
type Document struct {
	name   string                // of the file, as errors show it
	root   *yaml.Node            // a mapping, or nil
	flags  map[string]*yaml.Node // values that replace those of the file, by key; null takes the default
	flag   string                // whose value is judged; "": the file
	places map[string]Place      // of the value at a path
	faults []Fault
	size   int // values that were judged, each alias anew
}

// joined is a path in one string.
func joined(path ...string) string { return strings.Join(path, "\x00") }

// Read makes a model of the text of a file. An error is Faults.
func Read(name string, source []byte) (Model, error) { return Parse(name, source).Model() }

// Parse reads the YAML of a file. What cannot be read is a fault.
func Parse(name string, source []byte) *Document {
	d := &Document{name: name, flags: map[string]*yaml.Node{}, places: map[string]Place{}}
	decoder := yaml.NewDecoder(strings.NewReader(string(source)))
	var root, second yaml.Node
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return d
	} else if err != nil {
		line, what := SyntaxError(err)
		d.fault(nil, Place{Line: line, Column: 1}, "invalid YAML: "+what+"; hint: quote values that hold : or # or begin with {{, and indent with spaces only")
		return d
	}
	content := root.Content[0]
	switch err := decoder.Decode(&second); {
	case !errors.Is(err, io.EOF):
		d.fault(nil, Place{Line: 1, Column: 1}, "more than one YAML document; hint: keep one, with one --- at most")
	case content.Kind == yaml.MappingNode:
		d.root = content
	case scalar(content) != nil:
		d.fault(nil, d.at(content), Field{Type: argspec.Dict}.shown(content)+" is not accepted; accepted: a mapping; hint: write fields such as project: hyrax")
	}
	return d
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
	line, _ = strconv.Atoi(m[1]) // without a line it is 0
	if fromZero.MatchString(m[2]) {
		line++
	}
	return max(1, line), m[2]
}

// Set replaces what the file says of a key by the values of its flag. An empty one, and 0, takes the default.
func (d *Document) Set(key string, values []string) {
	field, _ := FieldOf(key)
	list, last := &yaml.Node{Kind: yaml.SequenceNode}, &yaml.Node{}
	for _, v := range values {
		last = &yaml.Node{Kind: yaml.ScalarNode, Value: v}
		if field.Textual() {
			last.Tag = "!!str"
		}
		list.Content = append(list.Content, last)
	}
	switch {
	case last.Value == "" && len(values) == 1 || last.Value == "0" && !field.Textual():
		d.flags[key] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	case field.Type == argspec.List:
		d.flags[key] = list
	default:
		d.flags[key] = last
	}
}

// Model judges a document and makes a model of it, with defaults for what it leaves out.
func (d *Document) Model() (Model, error) {
	fields := grouped(described())
	tree := map[string]any{}
	if d.root != nil {
		tree = d.mapping(nil, fields, d.root)
	}
	for key, n := range d.flags {
		if field, _ := FieldOf(key); scalar(n) != nil {
			d.flag = field.Flag
			Put(tree, key, d.value(field, field.Type, strings.Split(key, "."), n))
		}
	}
	m := Default()
	text, err := json.Marshal(tree)
	if err = cmp.Or(err, json.Unmarshal(text, &m)); err != nil {
		return Model{}, err
	}
	d.together(m)
	if len(d.faults) == 0 {
		return m, nil
	}
	slices.SortStableFunc(d.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return Model{}, Faults(d.faults)
}

// Validate refuses what a role could not be made from. The modules check again on the host.
func (m Model) Validate() error {
	text, err := exactly(m)
	if err == nil {
		_, err = Read("model", text)
	}
	return err
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

// Has reports whether a document that was judged sets a field.
func (d *Document) Has(key string) bool {
	_, has := d.places[joined(strings.Split(key, ".")...)]
	return has
}
