package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// largest is the number of values that no model exceeds; aliases could make it endless.
const largest = 10000

// fault adds a fault. Its text may end in a hint.
func (d *Document) fault(path []string, where Place, text string) {
	what, hint, _ := strings.Cut(text, "; hint: ")
	d.faults = append(d.faults, Fault{Path: shownPath(path), What: what, Hint: hint, file: d.name, Place: where})
}

// at is the place of a node, of the file or of a flag.
func (d *Document) at(n *yaml.Node) Place {
	if d.flag != "" {
		return Place{Flag: d.flag}
	}
	return Place{Line: n.Line, Column: n.Column}
}

// placeOf is the place of the value at a path, else of the nearest value above it.
func (d *Document) placeOf(path []string) Place {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if p, ok := d.places[joined(path...)]; ok {
			return p
		}
	}
	return Place{Line: 1, Column: 1}
}

// grouped are fields as a file has them: redis.url is a field of a field redis.
func grouped(fields []Field) (all []Field) {
	for _, f := range fields {
		group, _, nested := strings.Cut(f.Key, ".")
		i := slices.IndexFunc(all, func(f Field) bool { return f.Key == group })
		switch {
		case f.Key == "":
		case !nested:
			all = append(all, f)
		case i < 0:
			all = append(all, Field{Key: group, Type: argspec.Dict, Fields: []Field{f}})
		default:
			all[i].Fields = append(all[i].Fields, f)
		}
	}
	return all
}

// name is the key of a field in its group.
func (f Field) name() string { return f.Key[strings.LastIndex(f.Key, ".")+1:] }

// pairs judges each value of a mapping. It returns those that are set, as JSON has them; a null is not set.
func (d *Document) pairs(path []string, n *yaml.Node, judge func(path []string, key, value *yaml.Node) any) map[string]any {
	tree, lines := map[string]any{}, map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolved(n.Content[i]).Value
		below := append(slices.Clip(path), key)
		if line, twice := lines[key]; twice {
			d.fault(below, d.at(n.Content[i]), fmt.Sprintf("duplicate key, first in line %d; hint: keep one of them", line))
			continue
		}
		lines[key] = n.Content[i].Line
		if v := judge(below, n.Content[i], n.Content[i+1]); v != nil {
			tree[key] = v
		}
	}
	return tree
}

// mapping judges a mapping whose keys are fields.
func (d *Document) mapping(path []string, fields []Field, n *yaml.Node) map[string]any {
	set := map[string]bool{}
	tree := d.pairs(path, n, func(path []string, key, value *yaml.Node) any {
		name := path[len(path)-1]
		i := slices.IndexFunc(fields, func(f Field) bool { return name != "" && f.name() == name })
		switch {
		case i < 0:
			d.fault(path, d.at(key), "unknown key; hint: "+unknownKey(path, fields))
		case scalar(resolved(value)) != nil && d.flags[strings.Join(path, ".")] == nil:
			set[name] = true
			return d.value(fields[i], fields[i].Type, path, value)
		}
		return nil
	})
	for _, f := range fields {
		if f.Required && !set[f.Key] {
			d.fault(path, d.at(n), fmt.Sprintf("%s is missing; hint: give it a %[1]s", f.Key))
		}
	}
	return tree
}

// value judges what is given for a field of type t, or for an element of it, and returns it as JSON has it; nil if it is not accepted.
func (d *Document) value(f Field, t argspec.Type, path []string, given *yaml.Node) any {
	n := resolved(given)
	d.places[joined(path...)] = d.at(given)
	switch d.size++; {
	case d.size == largest:
		d.fault(path, d.at(given), "too many values; hint: do not use aliases")
	case d.size > largest:
	case t == argspec.List && n.Kind == yaml.SequenceNode:
		list := []any{}
		for i, e := range n.Content {
			list = append(list, d.value(f, f.Elements, append(slices.Clip(path), strconv.Itoa(i)), e))
		}
		return list
	case t == argspec.Dict && n.Kind == yaml.MappingNode && f.Fields != nil:
		return d.mapping(path, f.Fields, n)
	case t == argspec.Dict && n.Kind == yaml.MappingNode:
		return d.pairs(path, n, func(path []string, _, value *yaml.Node) any {
			switch n := resolved(value); {
			case scalar(n) == nil:
				return nil
			case f.Lists && n.Kind == yaml.SequenceNode:
				return d.value(Field{Key: f.Key, Type: argspec.List, Elements: argspec.Str, Template: true}, argspec.List, path, value)
			}
			return d.value(f, argspec.Str, path, value)
		})
	default:
		v, accepted := f.takes(t, n)
		if accepted != "" {
			d.fault(path, d.at(given), f.shown(n)+" is not accepted; accepted: "+accepted)
			return nil
		}
		if text, is := v.(string); is {
			key := path[len(path)-1]
			if f.Type == argspec.List && len(path) > 1 {
				key = path[len(path)-2]
			}
			if err := checkText(f, key, text); err != nil {
				d.fault(path, d.at(given), err.Error())
			}
		}
		return v
	}
	return nil
}

// takes is a scalar as a type has it. If the field does not accept it, it says what the field accepts.
func (f Field) takes(t argspec.Type, n *yaml.Node) (v any, accepted string) {
	v = scalar(n)
	number, isNumber := v.(float64)
	_, isBool := v.(bool)
	fits := false
	switch t {
	case argspec.Bool:
		fits = isBool
	case argspec.Int:
		if isNumber && number > most {
			return nil, "at most " + strconv.Itoa(most)
		}
		fits = isNumber && number == math.Trunc(number) && number >= float64(f.Least)
	case argspec.Str, argspec.Path:
		// A number is taken as it was written, so 7.10 stays 7.10 and 0002 stays 0002.
		fits = n.Kind == yaml.ScalarNode && v != nil && !isBool && (f.Choices == nil || slices.Contains(f.Choices, n.Value)) && f.Fits(n.Value)
		v = n.Value
	}
	if !fits {
		return nil, f.acceptedAs(t)
	}
	return v, ""
}

func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// scalar is a bool, a number or else a text; nil for null. A list or a mapping counts as a text.
func scalar(n *yaml.Node) any {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		if v := false; n.Decode(&v) == nil {
			return v
		}
	case "!!int", "!!float":
		if v := 0.0; n.Decode(&v) == nil {
			return v
		}
	}
	return n.Value
}

// shown is a value that the field does not accept. One that may be a secret is not shown: that of a private field, or a text where a
// mapping belongs.
func (f Field) shown(n *yaml.Node) string {
	_, isBool := scalar(n).(bool)
	_, isNumber := scalar(n).(float64)
	switch {
	case f.NoLog:
		return "the value"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case scalar(n) == nil:
		return "an empty value"
	case isBool, isNumber && !f.Textual():
		return n.Value
	case f.Type == argspec.Dict:
		return "a text"
	}
	return strconv.Quote(n.Value)
}
