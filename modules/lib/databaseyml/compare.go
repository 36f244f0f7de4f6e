package databaseyml

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// comparison compares two files of which the rules are certain.
type comparison struct {
	shapes        *rubyyaml.Shapes
	before, after *file
	section       string // at hand
	seen          map[[2]*yaml.Node]bool
	others        []string
	differs       bool
}

// compare returns the sections, but for one, whose pools differ, and reports whether anything but pools differs.
func compare(before, after *file, environment string) (others []string, differs bool, err error) {
	c := comparison{shapes: rubyyaml.NewShapes(), before: before, after: after}
	if !slices.Equal(before.root.Keys(), after.root.Keys()) {
		return nil, true, nil
	}
	for _, key := range before.root.Keys() {
		c.section, c.seen = key.Name, map[[2]*yaml.Node]bool{}
		if err := c.values(before.root.At(key).Value, after.root.At(key).Value); err != nil {
			return nil, false, err
		}
	}
	return slices.DeleteFunc(c.others, func(name string) bool { return name == environment }), c.differs, nil
}

func (c *comparison) values(a, b *yaml.Node) error {
	a, b = rubyyaml.Deref(a), rubyyaml.Deref(b)
	if c.seen[[2]*yaml.Node{a, b}] {
		return nil
	}
	c.seen[[2]*yaml.Node{a, b}] = true
	same, err := c.same(a, b)
	if err != nil || same {
		return err
	}
	if a.Kind != yaml.MappingNode || b.Kind != yaml.MappingNode {
		c.differs = true
		return nil
	}
	from, err := c.before.doc.Mapping(a)
	if err != nil {
		return err
	}
	to, err := c.after.doc.Mapping(b)
	if err != nil {
		return err
	}
	return c.mappings(from, to)
}

func (c *comparison) mappings(from, to *rubyyaml.Mapping) error {
	for _, key := range slices.Concat(from.Keys(), to.Keys()) {
		switch isPool := key.Name == keyPool || key.Name == keyMax; {
		case from.Has(key) && to.Has(key) && !isPool:
			if err := c.values(from.At(key).Value, to.At(key).Value); err != nil {
				return err
			}
		case !isPool:
			c.differs = true
		default:
			if err := c.pools(from, to, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *comparison) pools(from, to *rubyyaml.Mapping, key rubyyaml.Key) error {
	if from.Has(key) && to.Has(key) {
		if same, err := c.same(from.At(key).Value, to.At(key).Value); err != nil || same {
			return err
		}
	}
	if !slices.Contains(c.others, c.section) {
		c.others = append(c.others, c.section)
	}
	return nil
}

func (c *comparison) same(a, b *yaml.Node) (bool, error) {
	before, err := c.shapes.Of(c.before.doc, a)
	if err != nil {
		return false, rubyyaml.Hinted(err, byHand)
	}
	after, err := c.shapes.Of(c.after.doc, b)
	return before == after, rubyyaml.Hinted(err, byHand)
}
