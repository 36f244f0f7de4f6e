package lab

import (
	"fmt"
	"os"
	"strings"
)

// A Table is a Markdown table. Its first row has the headings; one that ends in ":" aligns its column to the right.
type Table [][]string

func (t Table) String() string {
	var b strings.Builder
	for i, row := range t {
		cells, rule := make([]string, len(t[0])), make([]string, len(t[0]))
		for j := range t[0] {
			rule[j] = "---"
			if strings.HasSuffix(t[0][j], ":") {
				rule[j] = "--:"
			}
			if j < len(row) {
				cells[j] = strings.ReplaceAll(row[j], "|", `\|`)
			}
			if i == 0 {
				cells[j] = strings.TrimSuffix(cells[j], ":")
			}
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|%s|\n", strings.Join(rule, "|"))
		}
	}
	return b.String()
}

// WriteSection replaces the text between <!-- NAME --> and <!-- /NAME --> in a document.
func WriteSection(path, name, text string) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := replaceSection(string(document), name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

func replaceSection(document, name, text string) (string, error) {
	opening, closing := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, opened := strings.Cut(document, opening)
	_, after, closed := strings.Cut(rest, closing)
	if !opened || !closed {
		return "", fmt.Errorf("no %q followed by %q", strings.TrimSpace(opening), closing)
	}
	return before + opening + strings.TrimRight(text, "\n") + "\n" + closing + after, nil
}
