package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with a model.
type Fault struct {
	Path string `json:"path"` // as people write it: processes[0].queues[1]
	Place
	What string `json:"message"`
	Hint string `json:"hint,omitzero"`
	file string
}

// Place is where a value of the model was written: in a file, or as a flag.
type Place struct {
	Line   int    `json:"line,omitzero"`
	Column int    `json:"column,omitzero"`
	Flag   string `json:"flag,omitzero"`
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
	case f.Flag != "":
		return "--" + f.Flag + ": " + text
	case f.Path != "":
		text = f.Path + ": " + text
	}
	if f.Line == 0 {
		return text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.file, f.Line, f.Column, text)
}

// shownPath is a path as people write it.
func shownPath(path []string) string {
	text := ""
	for i, key := range path {
		if _, err := strconv.Atoi(key); err == nil && i > 0 {
			text += "[" + key + "]"
		} else {
			text += "." + shownKey(key)
		}
	}
	return strings.TrimPrefix(text, ".")
}

// shownKey is a key that a terminal may show.
func shownKey(key string) string {
	if quoted := strconv.Quote(key); key == "" || quoted != `"`+key+`"` {
		return quoted
	}
	return key
}
