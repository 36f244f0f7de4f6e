package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// How long a line gets; the YAML library breaks none.
const (
	fileWidth     = 80  // of YAML files, as yamllint wants it by default
	documentWidth = 120 // of the documents in a module's stub
)

// folded starts a block whose lines are one line to YAML.
var folded = regexp.MustCompile(`(^|\s)>-?$`)

// wrapped breaks the long lines of a YAML document at blanks, where that changes nothing: within a folded block, or within a
// value that goes on when the next line is indented more.
func wrapped(text string, width int) (string, error) {
	var lines []string
	outer, block := 0, false // the indent of the line that starts a block, and whether this is within it
	for _, line := range strings.Split(text, "\n") {
		n := len(line) - len(strings.TrimLeft(line, " "))
		block = block && n > outer
		if block {
			lines = append(lines, broken(line, n, width)...)
			continue
		}
		lines = append(lines, broken(line, n+4, width)...)
		outer, block = n, folded.MatchString(line)
	}
	changed := strings.Join(lines, "\n")
	var before, after any
	if err := errors.Join(yaml.Unmarshal([]byte(text), &before), yaml.Unmarshal([]byte(changed), &after)); err != nil {
		return "", fmt.Errorf("breaking long lines: %w", err)
	}
	if !reflect.DeepEqual(before, after) {
		return "", errors.New("breaking long lines changed what they say; hint: write long text as a folded block (>-)")
	}
	return changed, nil
}

// broken breaks a line, and indents what follows by n blanks; a comment goes on as one.
func broken(line string, n, width int) []string {
	before := strings.Repeat(" ", n)
	if own := strings.TrimLeft(line, " "); strings.HasPrefix(own, "# ") {
		before = line[:len(line)-len(own)] + "# "
	}
	for i := min(width, len(line)-1); len(line) > width && i > len(before); i-- {
		if line[i] == ' ' && line[i-1] != ' ' && line[i+1] != ' ' {
			return append([]string{line[:i]}, broken(before+line[i+1:], n, width)...)
		}
	}
	return []string{line}
}
