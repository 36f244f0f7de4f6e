package rubyyaml

import (
	"errors"
	"fmt"
)

// Refusal says why a file is not read, or not changed. It quotes names of sections, keys and variables, never a value of the file.
type Refusal struct {
	Line   int    // of the source, from 1; 0: the whole file
	Reason string // what stands there
	Hint   string // what to do about it; may be empty

	Uncertain bool // the file requires Ruby
}

// Error is "line N: reason; hint: what to do".
func (r *Refusal) Error() string {
	text := r.Reason
	if r.Uncertain {
		text = "requires Ruby: " + text
	}
	if r.Line > 0 {
		text = fmt.Sprintf("line %d: %s", r.Line, text)
	}
	if r.Hint != "" {
		text += "; hint: " + r.Hint
	}
	return text
}

// Hinted adds a hint to a refusal that has none.
func Hinted(err error, hint string) error {
	if refusal := new(Refusal); errors.As(err, &refusal) && refusal.Hint == "" {
		refusal.Hint = hint
	}
	return err
}
