package environ

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FormatFile writes variables as systemd reads them from EnvironmentFile= (systemd.exec(5)), sorted by name. In double quotes a
// backslash is written before the four characters that every version unescapes (env-file.c), a line break as it is. An error
// quotes no value.
func FormatFile(variables map[string]string) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		if !variableName().MatchString(name) {
			return "", fmt.Errorf("%q is not a variable name; hint: letters, digits and _, not starting with a digit", name)
		}
		if !utf8.ValidString(value) {
			return "", fmt.Errorf("the value of %q is not UTF-8", name)
		}
		for _, r := range value {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				return "", fmt.Errorf("the value of %q holds the control character %U, which systemd does not accept", name, r)
			}
		}
		fmt.Fprintf(&text, "%s=\"%s\"\n", name, escapeInQuotes.Replace(value))
	}
	return text.String(), nil
}

var escapeInQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`)
