package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with a model.
type Fault struct {
	Path  []string // keys, and numbers in lists
	What  string
	Hint  string
	file  string
	place place
}

// Faults are all that is wrong with a model, in the order in which it was written.
type Faults []Fault

// Error has a line for each fault, as compilers do.
func (f Faults) Error() string {
	var lines []string
	for _, fault := range f {
		lines = append(lines, fault.String())
	}
	return strings.Join(lines, "\n")
}

func (f Fault) String() string {
	text := f.What
	if f.Hint != "" {
		text += "; hint: " + f.Hint
	}
	switch {
	case f.place.flag != "":
		return "--" + f.place.flag + ": " + text
	case len(f.Path) > 0:
		text = shownPath(f.Path) + ": " + text
	}
	if f.place.line == 0 {
		return text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.file, f.place.line, f.place.column, text)
}

// Placed tells whether the text of a fault begins with file, line and column, as editors find them.
func (f Fault) Placed() bool { return f.place.line > 0 }

// shownPath is a path as people write it: processes[0].queues[1].
func shownPath(keys []string) string {
	var b strings.Builder
	for i, key := range keys {
		switch {
		case i > 0 && isIndex(key):
			b.WriteString("[" + key + "]")
		case i > 0:
			b.WriteString("." + shownKey(key))
		default:
			b.WriteString(shownKey(key))
		}
	}
	return b.String()
}

// shownKey is a key that a terminal may show.
func shownKey(key string) string {
	if quoted := strconv.Quote(key); key == "" || quoted != `"`+key+`"` {
		return quoted
	}
	return key
}

func isIndex(key string) bool {
	_, err := strconv.Atoi(key)
	return err == nil
}
