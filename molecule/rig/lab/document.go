package lab

import (
	"fmt"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
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
	old, changed, err := withSection(path, name, text)
	if err != nil {
		return err
	}
	return atomicfile.Replace(atomicfile.Replacement{
		Path: path, Links: atomicfile.Follow, Data: []byte(changed), Mode: old.Mode, UID: old.UID, GID: old.GID, Found: old,
	})
}

// CheckSection fails if a document has no section of that name; an empty path means that no document is written.
func CheckSection(path, name string) error {
	if path == "" {
		return nil
	}
	_, _, err := withSection(path, name, "text")
	return err
}

// withSection returns the document and its text with the section replaced.
func withSection(path, name, text string) (old *atomicfile.File, changed string, err error) {
	if old, err = atomicfile.Read(path, atomicfile.Follow); err != nil {
		return nil, "", err
	}
	if old == nil {
		return nil, "", fmt.Errorf("document %q does not exist", path)
	}
	if changed, err = replaceSection(string(old.Data), name, text); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return old, changed, err
}

func replaceSection(document, name, text string) (string, error) {
	opening, closing := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, opened := strings.Cut(document, opening)
	_, after, closed := strings.Cut(rest, closing)
	if !opened || !closed {
		return "", fmt.Errorf("no %q followed by %q", strings.TrimSpace(opening), closing)
	}
	if text = strings.TrimSpace(text); text == "" || strings.Contains(text, closing) {
		return "", fmt.Errorf("text %q for section %s is not accepted; accepted: not empty, without %q", text, name, closing)
	}
	return before + opening + text + "\n" + closing + after, nil
}
