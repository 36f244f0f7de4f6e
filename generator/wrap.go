package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// Lengths of lines. The YAML library does not break lines.
const (
	fileWidth     = 80  // of YAML files, the default of yamllint
	documentWidth = 120 // of the documents in a stub
)

// folded matches a line that starts a folded block.
var folded = regexp.MustCompile(`(^|\s)>-?$`)

// wrapped breaks the long lines of a YAML document at blanks, where that does not change its content: in a folded block, or in a
// value that continues on a line with a larger indent.
func wrapped(text string, width int) (string, error) {
	var lines []string
	outer, block := 0, false // the indent of the line that starts a block, and whether the line is in it
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

// broken breaks a line, and indents the rest by n blanks, or makes it a comment again.
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
