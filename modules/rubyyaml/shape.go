package rubyyaml

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Shapes numbers values so that two values have the same number just when Ruby loads them as equal, in one document or in
// two. Time and memory grow with the files, however often aliases repeat a value.
type Shapes struct {
	numbers map[string]int
	known   map[*yaml.Node]int
}

// NewShapes has no values yet.
func NewShapes() *Shapes { return &Shapes{map[string]int{}, map[*yaml.Node]int{}} }

// Of is the number of the value of n, which belongs to d.
func (s *Shapes) Of(d *Document, n *yaml.Node) (int, error) {
	n = Deref(n)
	if number, known := s.known[n]; known {
		return number, nil
	}
	if d.resolving[n] {
		return 0, &Refusal{Line: d.Line(n), Reason: "the value contains itself", Hint: "remove the alias that leads back to it"}
	}
	form, err := s.form(d, n)
	if err != nil {
		return 0, err
	}
	if _, known := s.numbers[form]; !known {
		s.numbers[form] = len(s.numbers)
	}
	s.known[n] = s.numbers[form]
	return s.known[n], nil
}

// form spells a value with the numbers of the values in it.
func (s *Shapes) form(d *Document, n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m, err := d.Mapping(n)
		if err != nil {
			return "", err
		}
		return s.within(d, n, n.Tag, mappingParts(m))
	case yaml.SequenceNode:
		return s.within(d, n, n.Tag, sequenceParts(n))
	}
	return fmt.Sprintf("scalar %s %t %s", n.Tag, n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0, n.Value), nil
}

// part is a value in a mapping or sequence with what tells its place.
type part struct {
	place string
	value *yaml.Node
}

func mappingParts(m *Mapping) []part {
	var parts []part
	for _, key := range m.keys {
		parts = append(parts, part{fmt.Sprintf("%t %q", key.Symbol, key.Name), m.entries[key].Value})
	}
	return parts
}

func sequenceParts(n *yaml.Node) []part {
	var parts []part
	for _, item := range n.Content {
		parts = append(parts, part{"-", item})
	}
	return parts
}

func (s *Shapes) within(d *Document, n *yaml.Node, tag string, parts []part) (string, error) {
	d.resolving[n] = true
	defer delete(d.resolving, n)
	var form strings.Builder
	fmt.Fprintf(&form, "%d %s", n.Kind, tag)
	for _, p := range parts {
		number, err := s.Of(d, p.value)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&form, " %s:%d", p.place, number)
	}
	return form.String(), nil
}
