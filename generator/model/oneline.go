package model

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// breaks are what ends a line in YAML, as JSON has it.
var breaks = regexp.MustCompile(`\\[nr]|\\u202[89]|\\u0085`)

// unprintable are the characters that JSON has as they are and YAML accepts only as escapes (YAML 1.1, c-printable).
var unprintable = regexp.MustCompile(`[\x{7f}-\x{9f}\x{feff}\x{fffe}\x{ffff}]`)

// OneLine is a value that holds line breaks in a form that has none: JSON, which is YAML as well. It is nil for other values. The library
// writes such text over several lines, whose indent it chooses, and loses a line break at the beginning.
func OneLine(v any) ([]byte, error) {
	text, err := exactly(v)
	if err != nil || !breaks.Match(text) {
		return nil, err
	}
	return text, nil
}

// exactly is a value as JSON that YAML reads in the same way.
func exactly(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return unprintable.ReplaceAllFunc(text, func(c []byte) []byte { return fmt.Appendf(nil, `\u%04x`, []rune(string(c))[0]) }), err
}
