package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// yamlWidth is how long a line of a document gets; the YAML library breaks none.
const yamlWidth = 120

// folded starts a block whose lines are one line to YAML.
var folded = regexp.MustCompile(`(^|\s)>-?$`)

// wrapped breaks the long lines of a YAML document at blanks, where that changes nothing: within a folded block, or within a
// value that goes on when the next line is indented more.
func wrapped(text string) (string, error) {
	var lines []string
	outer, block := 0, false // the indent of the line that starts a block, and whether this is within it
	for _, line := range strings.Split(text, "\n") {
		n := len(line) - len(strings.TrimLeft(line, " "))
		block = block && n > outer
		if block {
			lines = append(lines, broken(line, n)...)
			continue
		}
		lines = append(lines, broken(line, n+4)...)
		outer, block = n, folded.MatchString(line)
	}
	changed := strings.Join(lines, "\n")
	return changed, sameYAML(text, changed)
}

// broken breaks a line, and indents what follows by n blanks.
func broken(line string, n int) []string {
	for i := min(yamlWidth, len(line)-1); len(line) > yamlWidth && i > n; i-- {
		if line[i] == ' ' && line[i-1] != ' ' && line[i+1] != ' ' {
			return append([]string{line[:i]}, broken(strings.Repeat(" ", n)+line[i+1:], n)...)
		}
	}
	return []string{line}
}

func sameYAML(one, two string) error {
	var a, b any
	if err := yaml.Unmarshal([]byte(one), &a); err != nil {
		return err
	}
	if err := yaml.Unmarshal([]byte(two), &b); err != nil {
		return fmt.Errorf("breaking long lines: %w", err)
	}
	if !reflect.DeepEqual(a, b) {
		return fmt.Errorf("breaking long lines changed what they say; hint: write long text as a folded block (>-)")
	}
	return nil
}
