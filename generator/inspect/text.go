package inspect

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// longestLine is what yamllint wants by default.
const longestLine = 80

// head is what stands above the model. yamllint wants short lines, editors the address in one.
func head(schemaURL string) string {
	return "# yamllint disable-line rule:line-length\n# yaml-language-server: $schema=" + schemaURL + "\n#\n" +
		strings.Join(commented("What the Ansible role for this application's Sidekiq is made from, as sidekiq-role init found it. "+
			"Each value says where it comes from. A field in a comment does not count: take its # away, and change it, to answer or to overrule.", ""), "\n") + "\n---\n"
}

// Text is the file of the model, whose schema editors find at an address.
func (a *Application) Text(schemaURL string) []byte {
	var b bytes.Buffer
	b.WriteString(head(schemaURL))
	blocks := [][]string{a.general()}
	for _, group := range sectionsOf(a.entries()) {
		blocks = append(blocks, group.lines())
	}
	for _, lines := range blocks {
		if len(lines) > 0 {
			b.WriteString("\n" + strings.Join(lines, "\n") + "\n")
		}
	}
	return b.Bytes()
}

// general is what was said of the application as a whole.
func (a *Application) general() (lines []string) {
	for _, f := range a.findings {
		if f.key == "" {
			lines = append(lines, commented(f.text, "")...)
		}
	}
	return lines
}

// section are the entries of a mapping of the model, such as ruby; a field at the top is one of its own, without a name.
type section struct {
	name    string
	entries []entry
}

// sectionsOf leaves out those of which nothing is to be said.
func sectionsOf(entries []entry) (groups []section) {
	for _, e := range entries {
		if e.value == nil && len(e.comments) == 0 {
			continue
		}
		name, _, nested := strings.Cut(e.key, ".")
		if !nested {
			groups = append(groups, section{"", []entry{e}})
			continue
		}
		i := slices.IndexFunc(groups, func(g section) bool { return g.name == name })
		if i < 0 {
			i, groups = len(groups), append(groups, section{name: name})
		}
		groups[i].entries = append(groups[i].entries, e)
	}
	return groups
}

// lines of a group: in comments altogether where no value counts. Else what is in comments comes first, since yamllint wants them indented as
// what follows.
func (g section) lines() (lines []string) {
	isLive, isNot := func(e entry) bool { return e.live }, func(e entry) bool { return !e.live }
	live := slices.ContainsFunc(g.entries, isLive)
	indent := ""
	if live && g.name != "" {
		lines, indent = append(lines, g.name+":"), "  "
	}
	var keys []string
	for _, e := range slices.Concat(slices.DeleteFunc(slices.Clone(g.entries), isLive), slices.DeleteFunc(slices.Clone(g.entries), isNot)) {
		for _, text := range append(e.comments, e.asks) {
			lines = append(lines, commented(text, indent)...)
		}
		switch {
		case e.value == nil:
		case g.name != "" && !live:
			keys = append(keys, e.written("#   ")...)
		case e.live:
			lines = append(lines, e.written(indent)...)
		default:
			lines = append(lines, e.written(indent+"# ")...)
		}
	}
	if len(keys) > 0 {
		lines = append(append(lines, "# "+g.name+":"), keys...)
	}
	return lines
}

// written is the field and its value, each line begun with a text.
func (e entry) written(begin string) []string {
	_, key, nested := strings.Cut(e.key, ".")
	if !nested {
		key = e.key
	}
	width := longestLine - len(begin)
	lines := encoded(key, e.value, yaml.FlowStyle)
	if len(lines) > 1 || utf8.RuneCountInString(lines[0]) > width {
		lines = encoded(key, e.value, 0)
	}
	if len(lines) == 1 && utf8.RuneCountInString(lines[0]) > width {
		lines = encoded(key, e.value, yaml.FoldedStyle) // yamllint lets a long word stand on a line of its own
	}
	for i := range lines {
		lines[i] = begin + lines[i]
	}
	return lines
}

// encoded is a value as the library writes it; a text, or a list of words, in the style where that can hold it.
func encoded(key string, value any, style yaml.Style) []string {
	if line, err := model.OneLine(value); err != nil {
		panic(err) // asJSON took it
	} else if line != nil {
		return []string{key + ": " + string(line)}
	}
	var n yaml.Node
	if err := n.Encode(map[string]any{key: value}); err != nil {
		panic(err) // it came from YAML, or from us
	}
	if inner := n.Content[1]; inner.Tag == "!!str" && style == yaml.FoldedStyle ||
		inner.Kind == yaml.SequenceNode && !slices.ContainsFunc(inner.Content, func(e *yaml.Node) bool { return e.Kind != yaml.ScalarNode }) {
		inner.Style = style
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// bound are words that may not begin a line of a comment, where they would look like a field in a comment.
var bound = regexp.MustCompile(`^(["'a-z_]+:|-|#.*)$`)

// commented is a text in lines of comment.
func commented(text, indent string) (lines []string) {
	for _, words := range units(strings.Fields(printable(text, 600))) {
		last := len(lines) - 1
		if last >= 0 && utf8.RuneCountInString(lines[last]+" "+words) <= longestLine {
			lines[last] += " " + words
			continue
		}
		lines = append(lines, indent+"# "+words)
	}
	return lines
}

// units are words that stay together on a line: one that may not begin it with the one before.
func units(words []string) (all []string) {
	for _, word := range words {
		if len(all) > 0 && bound.MatchString(word) {
			all[len(all)-1] += " " + word
		} else {
			all = append(all, word)
		}
	}
	return all
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
