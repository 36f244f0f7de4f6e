package rubyyaml

import (
	"fmt"
	"strconv"
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
		return s.within(d, n, n.Tag, mappingMembers(m))
	case yaml.SequenceNode:
		return s.within(d, n, n.Tag, sequenceMembers(n))
	}
	kind := "plain "
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		kind = "quoted "
	}
	return kind + n.Tag + " " + n.Value, nil
}

// member is a value in a mapping or sequence with what tells its place.
type member struct {
	place string
	value *yaml.Node
}

func mappingMembers(m *Mapping) []member {
	var members []member
	for _, key := range m.keys {
		members = append(members, member{strconv.FormatBool(key.Symbol) + strconv.Quote(key.Name), m.entries[key].Value})
	}
	return members
}

func sequenceMembers(n *yaml.Node) []member {
	var members []member
	for _, item := range n.Content {
		members = append(members, member{"-", item})
	}
	return members
}

func (s *Shapes) within(d *Document, n *yaml.Node, tag string, members []member) (string, error) {
	d.resolving[n] = true
	defer delete(d.resolving, n)
	var form strings.Builder
	fmt.Fprintf(&form, "%d %s", n.Kind, tag)
	for _, p := range members {
		number, err := s.Of(d, p.value)
		if err != nil {
			return "", err
		}
		form.WriteString(" " + p.place + ":" + strconv.Itoa(number))
	}
	return form.String(), nil
}
