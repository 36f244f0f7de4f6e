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

// Row is a directive of a unit. One that the host's systemd does not know is left out (Since).
type Row struct {
	Directive string
	Value     any    // a string, which is Text, or a number; a Value, or several for a line each; "" and nil: no line
	When      bool   // condition
	SetBy     string // who decides about it, for messages
}

// Render is the text of a unit for a version of systemd. Sections without rows that apply are left out.
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

// SetBy is that of a directive's first row, "" where it has none.
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

// CheckDirective refuses a value that a unit cannot have. The version of systemd is the first that knows the directive.
func CheckDirective(name string, v Value) error {
	u := NewUnit(Since(name))
	u.Set(name, v)
	_, err := u.Text()
	return err
}
