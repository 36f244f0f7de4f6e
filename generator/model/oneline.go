package model

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// breaks are what ends a line in YAML, as JSON has it.
var breaks = regexp.MustCompile(`\\[nr]|\\u202[89]|\x{85}`)

// OneLine is a value that holds line breaks in a form that has none: JSON, which is YAML as well. It is nil for other values. The library
// writes such text over several lines, whose indent it chooses, and loses a line break at the beginning.
func OneLine(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil || !breaks.Match(text) {
		return nil, err
	}
	return bytes.ReplaceAll(text, []byte("\u0085"), []byte(`\u0085`)), nil
}
