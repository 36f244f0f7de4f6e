package systemd

import (
	"fmt"
	"slices"
)

// Section is a section of a unit as a table, one row for each directive in the order of the file.
type Section struct {
	Name string
	Rows []Row
}

// Row is a directive of a unit.
type Row struct {
	Directive string
	Value     any    // a Value, []Value for a line each, a string (Text), an int or *int; "" and nil: no line
	When      bool   // the row applies
	SetBy     string // the option that sets it, or another word for what does; not written
}

// Render is the text of a unit for a version of systemd. Left out are sections without rows that apply, and directives of this project that this
// version does not know. The error is about the first value that a unit cannot have.
func Render(version int, comments []string, table []Section) (string, error) {
	u := NewUnit(version)
	for _, text := range comments {
		u.Comment(text)
	}
	for _, s := range table {
		if !slices.ContainsFunc(s.Rows, func(r Row) bool { return r.When }) {
			continue
		}
		u.Section(s.Name)
		for _, r := range s.Rows {
			for _, v := range r.values() {
				u.Set(r.Directive, v)
			}
		}
	}
	return u.Text()
}

func (r Row) values() []Value {
	if !r.When {
		return nil
	}
	switch v := r.Value.(type) {
	case []Value:
		return v
	case Value:
		return []Value{v}
	case *int:
		if v == nil {
			return nil
		}
		return []Value{Literal(fmt.Sprint(*v))}
	case string:
		if v == "" {
			return nil
		}
	}
	return []Value{Text(fmt.Sprint(r.Value))}
}

// SetBy is Row.SetBy of the first row with a directive, "" if there is none.
func SetBy(table []Section, directive string) string {
	for _, s := range table {
		for _, r := range s.Rows {
			if r.Directive == directive {
				return r.SetBy
			}
		}
	}
	return ""
}
