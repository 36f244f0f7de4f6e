package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Textual tells whether a field takes text, or lists and mappings of it.
func (f Field) Textual() bool {
	return !slices.Contains([]argspec.Type{argspec.Int, argspec.Bool}, f.Type)
}

// Accepted says what a field takes.
func (f Field) Accepted() string { return f.acceptedAs(f.Type) }

// acceptedAs says what a field takes where it has a value of type t: its own, or that of its elements.
func (f Field) acceptedAs(t argspec.Type) string {
	switch {
	case t == argspec.List && f.Choices != nil:
		return "a list of " + strings.Join(f.Choices, ", ")
	case t == argspec.List:
		return "a list (each " + f.acceptedAs(f.Elements) + ")"
	case t == argspec.Dict && f.Fields != nil:
		var names []string
		for _, below := range f.Fields {
			names = append(names, below.name())
		}
		return "a mapping with " + strings.Join(names, ", ")
	case t == argspec.Dict:
		return "a mapping of names and values"
	case t == argspec.Bool:
		return "true, false"
	case t == argspec.Int:
		return fmt.Sprintf("a whole number, %d or more", f.Least)
	case f.Choices != nil:
		return strings.Join(f.Choices, ", ")
	default:
		return cmp.Or(f.Accepts.Accepted, "a text")
	}
}
