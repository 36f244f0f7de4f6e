package watch

import (
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
)

// style has whether words are painted, and how wide the terminal is; 0 if there is none.
type style struct {
	colour  bool
	columns int
}

// The colours are Ansible's own: green for what is as it should be, yellow for what changes, red for what failed.
var colourOf = map[string]string{
	"ok": "32", unchanged: "32", "skipped": "36", changed: "33", "would change": "33", "differs": "33",
	failed: "31", unreachable: "31", unfinished: "31", "not judged": "31", "error:": "31", "hint:": "36", "warning:": "35",
}

// word paints a word by its meaning.
func (s style) word(word string) string { return s.paint(colourOf[word], word) }

func (s style) bold(text string) string  { return s.paint("1", text) }
func (s style) faint(text string) string { return s.paint("2", text) }

func (s style) paint(code, text string) string {
	if !s.colour || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Diff paints the lines of a difference if out is a terminal.
func Diff(out io.Writer, diff string) string { return style{colour: coloured(out)}.diff(diff) }

// diff paints the lines of a difference.
func (s style) diff(text string) string {
	return diffLine.ReplaceAllStringFunc(text, func(line string) string {
		return s.paint(map[byte]string{'+': "32", '-': "31", '@': "36"}[line[0]], line)
	})
}

var diffLine = regexp.MustCompile(`(?m)^(\+|-|@@).*$`)

// coloured reports whether colours are wanted on out: it is a terminal, and NO_COLOR is not set (https://no-color.org).
func coloured(out io.Writer) bool {
	_, interactive := terminal(out)
	return interactive && os.Getenv("NO_COLOR") == ""
}

// width is the number of columns that a text takes.
func width(text string) int { return runewidth.StringWidth(text) }

// pad fills a text with spaces.
func pad(text string, to int) string { return runewidth.FillRight(text, to) }

// cut shortens a text that is too wide.
func cut(text string, to int) string {
	if to <= 3 {
		return runewidth.Truncate(text, max(0, to), "")
	}
	return runewidth.Truncate(text, to, "...")
}

// shift sets each line of a text off by spaces, and ends the last one.
func shift(text string, by int) string {
	if text == "" {
		return ""
	}
	space := strings.Repeat(" ", by)
	return space + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+space) + "\n"
}

// wrap breaks the lines of a text between words. A word that is too wide stays whole.
func wrap(text string, to int) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		words := strings.Split(line, " ")
		line = words[0]
		for _, word := range words[1:] {
			if strings.TrimSpace(line) != "" && width(line)+1+width(word) > to {
				lines = append(lines, line)
				line = word
			} else {
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
