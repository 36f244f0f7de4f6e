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
		commented("Model of the Ansible role for this application's Sidekiq, written by sidekiq-role init. The comment above a value "+
			"names its source. To answer a question or to override a value, uncomment the field and edit it.", ""), []string{"---"})
	for all := append([]entry{a.entry(model.Field{})}, a.entries()...); len(all) > 0; {
		group, size := groupOf(all[0]), 1
		for group != "" && size < len(all) && groupOf(all[size]) == group {
			size++
		}
		if of := linesOf(group, all[:size]); len(of) > 0 {
			lines = append(append(lines, ""), of...)
		}
		all = all[size:]
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// groupOf is the mapping of the model in which a field is, such as ruby; "" is the top.
func groupOf(e entry) string { return e.key[:max(0, strings.Index(e.key, "."))] }

// linesOf are those of a group: in comments altogether where no value counts. Else what is in comments comes first, since yamllint wants
// them indented as what follows.
func linesOf(group string, entries []entry) (lines []string) {
	indent, keys, live := "", []string(nil), []string(nil)
	if group != "" && slices.ContainsFunc(entries, func(e entry) bool { return e.live }) {
		lines, indent = append(lines, group+":"), "  "
	}
	for _, e := range entries {
		var said []string
		for _, text := range e.said() {
			said = append(said, commented(text, indent)...)
		}
		switch {
		case e.live:
			live = slices.Concat(live, said, e.written(indent))
		case group != "" && indent == "":
			lines, keys = append(lines, said...), append(keys, e.written("#   ")...)
		default:
			lines = slices.Concat(lines, said, e.written(indent+"# "))
		}
	}
	if keys != nil {
		lines = append(append(lines, "# "+group+":"), keys...)
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
