package watch

import (
	"fmt"
	"regexp"
)

// control matches control characters, and those that change the direction of text (Bidi_Control of Unicode). Line breaks are none.
var control = regexp.MustCompile(`\r\n|[\x00-\x08\x0b-\x1f\x7f-\x9f\x{061c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]`)

// Visible makes control characters visible as the modules do: ESC becomes \u001b, a text of six characters.
func Visible(text string) string {
	return control.ReplaceAllStringFunc(string([]rune(text)), func(found string) string {
		if found == "\r\n" {
			return found
		}
		return fmt.Sprintf(`\u%04x`, []rune(found)[0])
	})
}
