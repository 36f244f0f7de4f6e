package databaseyml

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// verify compares every value of every section with what it was before the edit, and completes the edit.
func (r *reading) verify(t *target, key string, after *reading, q Request, edit *Edit) error {
	c := comparison{shapes: rubyyaml.NewShapes(), before: r, after: after, target: t, key: key, request: q}
	if err := c.sections(); err != nil {
		return err
	}
	if len(c.others) > 0 && !q.Others {
		return r.refuse(t.key, "give them what they need by themselves, or this one a pool by hand, or set allow_others",
			"what is to be changed is shared with other sections, which would change too: %s", strings.Join(c.others, ", "))
	}
	p, err := after.pool(t.environment, t.database)
	if err != nil || p.unread != nil || p.Size != q.Size || p.largest != q.Size || p.Source == URL || p.Source == DatabaseURL {
		return r.surprise(t)
	}
	edit.Also, edit.Others = union(edit.Also, c.also), union(edit.Others, c.others)
	return nil
}

// surprise refuses an edit whose result does not read as it was meant.
func (r *reading) surprise(t *target) *Refusal {
	return r.refuse(t.key, byHand, "with the pool changed the file would not read as intended")
}

func union(a, b []string) []string {
	for _, name := range b {
		if !slices.Contains(a, name) {
			a = append(a, name)
		}
	}
	return a
}

type comparison struct {
	shapes        *rubyyaml.Shapes
	before, after *reading
	target        *target
	key           string
	request       Request
	also          []string // databases of the environment that changed, too
	others        []string // sections that did, or may have
}

func (c *comparison) sections() error {
	keys := c.before.root.Keys()
	if !slices.Equal(keys, c.after.root.Keys()) {
		return c.before.surprise(c.target)
	}
	mayFollow, err := c.anchorChanged()
	if err != nil {
		return err
	}
	for _, key := range keys {
		before, after := c.before.root.At(key).Value, c.after.root.At(key).Value
		if key.Name == c.target.environment {
			err = c.section(before, after, mayFollow)
		} else {
			err = c.other(key.Name, before, after, mayFollow)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// other compares the section of another environment, in which nothing but pools may have followed.
func (c *comparison) other(name string, before, after *yaml.Node, mayFollow bool) error {
	changed, err := c.changed(before, after)
	if err != nil {
		return err
	}
	if changed || (mayFollow && c.hasUnsettled(before, map[*yaml.Node]bool{})) {
		c.others = append(c.others, fmt.Sprintf("%q", rubyyaml.Readable(name)))
	}
	return nil
}

// section compares the section of the environment, in which the pool of the target must differ and those of databases that
// inherit from it may.
func (c *comparison) section(before, after *yaml.Node, mayFollow bool) error {
	if c.target.database == "" {
		_, err := c.database(before, after, mayFollow)
		return err
	}
	from, to, err := c.pair(before, after)
	if err != nil {
		return err
	}
	for _, key := range from.Keys() {
		changed, err := c.database(from.At(key).Value, to.At(key).Value, mayFollow)
		if err != nil {
			return err
		}
		if changed && key.Name != c.target.database {
			c.also = append(c.also, rubyyaml.Readable(key.Name))
		}
	}
	return nil
}

// database compares one database of the environment. It may merge what ERB names, but no value in it may be that.
func (c *comparison) database(before, after *yaml.Node, mayFollow bool) (bool, error) {
	changed, err := c.changed(before, after)
	if err != nil || !mayFollow {
		return changed, err
	}
	values, err := c.before.doc.Mapping(rubyyaml.Deref(before))
	if err != nil {
		return false, err
	}
	for _, key := range values.Keys() {
		if c.hasUnsettled(values.At(key).Value, map[*yaml.Node]bool{}) {
			return false, c.before.surprise(c.target)
		}
	}
	return changed, nil
}

// changed tells whether pools differ, at whatever depth. That anything else does is an error; the order of keys may.
func (c *comparison) changed(before, after *yaml.Node) (bool, error) {
	if same, err := c.same(before, after); err != nil || same {
		return false, err
	}
	from, to, err := c.pair(before, after)
	if err != nil {
		return false, err
	}
	changed, err := c.poolChanged(from, to)
	for _, key := range from.Keys() {
		if key.Name == c.key || err != nil {
			continue
		}
		var inner bool
		inner, err = c.changed(from.At(key).Value, to.At(key).Value)
		changed = changed || inner
	}
	return changed, err
}

// poolChanged tells whether the pools of two mappings differ, and demands that then it is the one that was asked for.
func (c *comparison) poolChanged(from, to *rubyyaml.Mapping) (bool, error) {
	old, had, _ := from.Entry(c.key)
	now, has, _ := to.Entry(c.key)
	if !had && !has {
		return false, nil
	}
	if had && has {
		if same, err := c.same(old.Value, now.Value); err != nil || same {
			return false, err
		}
		if err := c.checkRaised(old); err != nil {
			return false, err
		}
	}
	if !has || rubyyaml.Deref(now.Value).Value != fmt.Sprint(c.request.Size) {
		return false, c.before.surprise(c.target)
	}
	return true, nil
}

// checkRaised refuses to lower a pool that follows the one that is changed.
func (c *comparison) checkRaised(old rubyyaml.Entry) error {
	size, err := c.before.size(c.key, old.Value)
	if err != nil && c.request.ERB != Overrule {
		return err
	}
	if size > c.request.Size && !c.request.Lower {
		return c.before.refuse(c.target.key, byHand, "a pool that follows this one is larger (line %d) and would become smaller", c.before.doc.Line(old.Key))
	}
	return nil
}

// pair are two mappings with the same keys, but for that of the pool.
func (c *comparison) pair(before, after *yaml.Node) (from, to *rubyyaml.Mapping, err error) {
	before, after = rubyyaml.Deref(before), rubyyaml.Deref(after)
	if before.Kind != yaml.MappingNode || after.Kind != yaml.MappingNode {
		return nil, nil, c.before.surprise(c.target)
	}
	if from, err = c.before.doc.Mapping(before); err != nil {
		return nil, nil, err
	}
	if to, err = c.after.doc.Mapping(after); err != nil {
		return nil, nil, err
	}
	if !slices.Equal(c.withoutPool(from), c.withoutPool(to)) {
		return nil, nil, c.before.surprise(c.target)
	}
	return from, to, nil
}

func (c *comparison) withoutPool(m *rubyyaml.Mapping) []rubyyaml.Key {
	return slices.DeleteFunc(slices.Clone(m.Keys()), func(key rubyyaml.Key) bool { return key.Name == c.key })
}

func (c *comparison) same(before, after *yaml.Node) (bool, error) {
	a, err := c.shapes.Of(c.before.doc, before)
	if err != nil {
		return false, rubyyaml.Hinted(err, byHand)
	}
	b, err := c.shapes.Of(c.after.doc, after)
	return a == b, rubyyaml.Hinted(err, byHand)
}

// anchorChanged tells whether a mapping differs that an alias could name.
func (c *comparison) anchorChanged() (bool, error) {
	before, after := c.before.doc.Anchored(), c.after.doc.Anchored()
	if len(before) != len(after) {
		return false, c.before.surprise(c.target)
	}
	for i := range before {
		if same, err := c.same(before[i], after[i]); err != nil || !same {
			return err == nil, err
		}
	}
	return false, nil
}

// hasUnsettled tells whether ERB names an alias in a value, or what is merged in it.
func (c *comparison) hasUnsettled(n *yaml.Node, seen map[*yaml.Node]bool) bool {
	n = rubyyaml.Deref(n)
	if seen[n] {
		return false
	}
	seen[n] = true
	if c.before.doc.NamesAlias(n) {
		return true
	}
	if n.Kind == yaml.MappingNode {
		if values, err := c.before.doc.Mapping(n); err != nil || len(values.Unsettled()) > 0 {
			return true
		}
	}
	return slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return c.hasUnsettled(child, seen) })
}
