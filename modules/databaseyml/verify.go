package databaseyml

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/rubyyaml"
)

// verify reads the edited text and compares every value of every section with what it was. It completes the edit.
func (f *File) verify(t *target, edit *Edit, size int) error {
	after, err := Parse(edit.Text, f.environ)
	if err != nil {
		return f.surprise(t)
	}
	c := comparison{shapes: rubyyaml.NewShapes(), before: f, after: after, target: t, key: edit.Before.Key, size: size}
	if err := c.sections(); err != nil {
		return err
	}
	if edit.After, err = after.Pool(t.environment, t.database); err != nil || edit.After.Size != size || edit.After.Source != Own {
		return f.surprise(t)
	}
	edit.Also = c.also
	return nil
}

// surprise refuses an edit whose result does not read as it was meant.
func (f *File) surprise(t *target) *Refusal {
	return f.refuse(t.key, byHand, "with the pool changed the file would not read as intended")
}

type comparison struct {
	shapes        *rubyyaml.Shapes
	before, after *File
	target        *target
	key           string
	size          int
	also          []string
}

func (c *comparison) sections() error {
	keys := c.before.root.Keys()
	if !slices.Equal(keys, c.after.root.Keys()) {
		return c.before.surprise(c.target)
	}
	for _, key := range keys {
		before, after := c.before.root.At(key), c.after.root.At(key)
		if key.Name == c.target.environment {
			if err := c.section(before.Value, after.Value); err != nil {
				return err
			}
		} else if same, err := c.same(before.Value, after.Value); err != nil {
			return err
		} else if !same {
			return c.before.refuse(c.target.key, fmt.Sprintf("give %q what it needs by itself, or this one a pool by hand", key.Name),
				"the section %q inherits from this one and would change too", key.Name)
		}
	}
	return nil
}

// section compares the section of the environment, in which the pool of the target must differ and those of databases that
// inherit from it may.
func (c *comparison) section(before, after *yaml.Node) error {
	if c.target.database == "" {
		_, err := c.database(before, after)
		return err
	}
	from, to, err := c.pair(before, after)
	if err != nil {
		return err
	}
	if !slices.Equal(from.Keys(), to.Keys()) {
		return c.before.surprise(c.target)
	}
	for _, key := range from.Keys() {
		raised, err := c.database(from.At(key).Value, to.At(key).Value)
		if err != nil {
			return err
		}
		if raised && key.Name != c.target.database {
			c.also = append(c.also, key.Name)
		}
	}
	return nil
}

// database compares all values of one database but the pool, and tells whether that has become size.
func (c *comparison) database(before, after *yaml.Node) (raised bool, err error) {
	from, to, err := c.pair(before, after)
	if err != nil {
		return false, err
	}
	fromKeys, toKeys := c.others(from), c.others(to)
	if !slices.Equal(fromKeys, toKeys) {
		return false, c.before.surprise(c.target)
	}
	for _, key := range fromKeys {
		if same, err := c.same(from.At(key).Value, to.At(key).Value); err != nil {
			return false, err
		} else if !same {
			return false, c.before.surprise(c.target)
		}
	}
	return c.raised(from, to)
}

// raised compares the pools of one database.
func (c *comparison) raised(from, to *rubyyaml.Mapping) (bool, error) {
	old, had, _ := from.Entry(c.key)
	now, has, _ := to.Entry(c.key)
	if had && has {
		if same, err := c.same(old.Value, now.Value); err != nil || same {
			return false, err
		}
	}
	if !had && !has {
		return false, nil
	}
	if !has || rubyyaml.Deref(now.Value).Value != fmt.Sprint(c.size) {
		return false, c.before.surprise(c.target)
	}
	return true, nil
}

func (c *comparison) pair(before, after *yaml.Node) (from, to *rubyyaml.Mapping, err error) {
	before, after = rubyyaml.Deref(before), rubyyaml.Deref(after)
	if before.Kind != yaml.MappingNode || after.Kind != yaml.MappingNode {
		return nil, nil, c.before.surprise(c.target)
	}
	if from, err = c.before.doc.Mapping(before); err != nil {
		return nil, nil, err
	}
	to, err = c.after.doc.Mapping(after)
	return from, to, err
}

// others are the keys of a database but that of the pool.
func (c *comparison) others(m *rubyyaml.Mapping) []rubyyaml.Key {
	return slices.DeleteFunc(slices.Clone(m.Keys()), func(key rubyyaml.Key) bool { return key.Name == c.key })
}

func (c *comparison) same(before, after *yaml.Node) (bool, error) {
	a, err := c.shapes.Of(c.before.doc, before)
	if err != nil {
		return false, hinted(err, byHand)
	}
	b, err := c.shapes.Of(c.after.doc, after)
	return a == b, hinted(err, byHand)
}
