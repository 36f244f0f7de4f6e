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

// form spells a value with the numbers of the values in it, each after what tells its place.
func (s *Shapes) form(d *Document, n *yaml.Node) (string, error) {
	values, place := n.Content, func(int) string { return "-" }
	switch n.Kind {
	case yaml.ScalarNode:
		kind := "plain "
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			kind = "quoted "
		}
		return kind + n.Tag + " " + n.Value, nil
	case yaml.MappingNode:
		m, err := d.Mapping(n)
		if err != nil {
			return "", err
		}
		values = nil
		for _, key := range m.keys {
			values = append(values, m.entries[key].Value)
		}
		place = func(i int) string { return strconv.FormatBool(m.keys[i].Symbol) + strconv.Quote(m.keys[i].Name) }
	}
	d.resolving[n] = true
	defer delete(d.resolving, n)
	var form strings.Builder
	fmt.Fprintf(&form, "%d %s", n.Kind, n.Tag)
	for i, value := range values {
		number, err := s.Of(d, value)
		if err != nil {
			return "", err
		}
		form.WriteString(" " + place(i) + ":" + strconv.Itoa(number))
	}
	return form.String(), nil
}
