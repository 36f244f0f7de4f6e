package watch

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	colour      = regexp.MustCompile(`^\x1b\[[0-9;]{0,20}m`)
	colourBegun = regexp.MustCompile(`^\x1b(\[[0-9;]{0,20})?$`)
)

// Visible makes control characters other than line breaks and tabs, and those that change the direction of text, visible as the modules do: ESC becomes \u001b,
// a text of six characters.
func Visible(text string) string {
	shown, rest := visible(text, false)
	return shown + escaped(rest)
}

// visible is Visible, and keeps colours where they are Ansible's own. rest is the begin of a character or of a colour that text ends in.
func visible(text string, colours bool) (shown, rest string) {
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		painted := colours && r == '\x1b'
		switch {
		case painted && colour.MatchString(text):
			size = len(colour.FindString(text))
			b.WriteString(text[:size])
		case painted && colourBegun.MatchString(text), text == "\r", !utf8.FullRuneInString(text):
			return b.String(), text
		case r == '\n', r == '\t', strings.HasPrefix(text, "\r\n"), !unicode.In(r, unicode.Cc, unicode.Bidi_Control):
			b.WriteRune(r)
		default:
			b.WriteString(escaped(text[:size]))
		}
		text = text[size:]
	}
	return b.String(), ""
}

func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}
