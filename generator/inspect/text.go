package inspect

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// longestLine is how long a line of comment may be. Values may be longer.
const longestLine = 80

// Text is the file of the model, whose schema editors find at an address.
func (a *Application) Text(schemaURL string) []byte {
	lines := slices.Concat([]string{"# yamllint disable rule:line-length", "# yaml-language-server: $schema=" + schemaURL, "#"},
		commented("What the Ansible role for this application's Sidekiq is made from, as sidekiq-role init found it. "+
			"Each value says where it comes from. A field in a comment does not count: take its # away, and change it, to answer or to overrule.", ""), []string{"---"})
	general := section{entries: []entry{a.entry(model.Field{})}}
	for _, group := range append([]section{general}, sectionsOf(a.entries())...) {
		if of := group.lines(); len(of) > 0 {
			lines = append(append(lines, ""), of...)
		}
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// section are the entries of a mapping of the model, such as ruby; a field at the top is one of its own, without a name.
type section struct {
	name    string
	entries []entry
}

func sectionsOf(entries []entry) (groups []section) {
	for _, e := range entries {
		name, _, nested := strings.Cut(e.key, ".")
		if !nested {
			name = ""
		}
		if last := len(groups) - 1; nested && last >= 0 && groups[last].name == name {
			groups[last].entries = append(groups[last].entries, e)
		} else {
			groups = append(groups, section{name, []entry{e}})
		}
	}
	return groups
}

// lines of a group: in comments altogether where no value counts. Else what is in comments comes first, since yamllint wants them indented as
// what follows.
func (g section) lines() (lines []string) {
	indent, live := "", []string(nil)
	if g.name != "" && slices.ContainsFunc(g.entries, func(e entry) bool { return e.live }) {
		lines, indent = append(lines, g.name+":"), "  "
	}
	var keys []string
	for _, e := range g.entries {
		var said []string
		for _, text := range e.said() {
			said = append(said, commented(text, indent)...)
		}
		switch {
		case e.live:
			live = slices.Concat(live, said, e.written(indent))
		case g.name != "" && indent == "":
			lines, keys = append(lines, said...), append(keys, e.written("#   ")...)
		default:
			lines = slices.Concat(lines, said, e.written(indent+"# "))
		}
	}
	if len(keys) > 0 {
		lines = append(append(lines, "# "+g.name+":"), keys...)
	}
	return append(lines, live...)
}

// written is the field and its value, each line begun with a text.
func (e entry) written(begin string) (lines []string) {
	if e.value == nil {
		return nil
	}
	key := path.Ext("." + e.key)[1:]
	line, err := model.OneLine(e.value)
	text := bytes.NewBufferString(key + ": " + string(line))
	if line == nil {
		text.Reset()
		encoder := yaml.NewEncoder(text)
		encoder.SetIndent(2)
		err = errors.Join(err, encoder.Encode(map[string]any{key: e.value}))
	}
	if err != nil {
		panic(err) // asJSON took it
	}
	for line := range strings.Lines(text.String()) {
		lines = append(lines, begin+strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// bound are words that may not begin a line of a comment, where they would look like a field in a comment.
var bound = regexp.MustCompile(`^(["'a-z_]+:|-|#.*)$`)

// commented is a text in lines of comment.
func commented(text, indent string) (lines []string) {
	for _, word := range strings.Fields(printable(text, 600)) {
		last := len(lines) - 1
		if last >= 0 && (bound.MatchString(word) || utf8.RuneCountInString(lines[last]+" "+word) <= longestLine) {
			lines[last] += " " + word
		} else {
			lines = append(lines, indent+"# "+word)
		}
	}
	return lines
}

// printable is a text without what a terminal, YAML or Jinja would take for something else, and no longer than so many characters.
func printable(text string, longest int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, text)
	for delimiter.MatchString(text) {
		text = delimiter.ReplaceAllStringFunc(text, func(found string) string { return "{ " + found[1:] })
	}
	if r := []rune(text); len(r) > longest {
		return string(r[:longest]) + "..."
	}
	return text
}
