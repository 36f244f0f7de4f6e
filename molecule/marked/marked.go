// Package marked keeps in a document what programs measure: the text between <!-- NAME --> and <!-- /NAME -->.
package marked

import (
	"fmt"
	"os"
	"strings"
)

// Replace puts text between the two markers of a name. All else stays.
func Replace(document, name, text string) (string, error) {
	opening, closing := "<!-- "+name+" -->", "<!-- /"+name+" -->"
	before, rest, found := strings.Cut(document, opening+"\n")
	_, after, closed := strings.Cut(rest, closing)
	if !found || !closed {
		return "", fmt.Errorf("no %s followed by %s", opening, closing)
	}
	return before + opening + "\n" + text + closing + after, nil
}

// Write does so in a file.
func Write(path, name, text string) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := Replace(string(document), name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}
