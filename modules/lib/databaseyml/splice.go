package databaseyml

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// replace writes the size in the place of the value of an entry and keeps its quotes.
func (f *file) replace(entry rubyyaml.Entry, key string, size int) (*candidate, *Refusal) {
	keyStart, keyEnd, ok := f.doc.Span(entry.Key)
	if !ok {
		return nil, f.unlocated(entry.Key)
	}
	source := f.source
	line := f.doc.Line(entry.Key)
	digits := strconv.Itoa(size)
	name := string(source[keyStart:keyEnd])
	if isNull(entry.Value) && entry.Value.Value == "" {
		return f.fill(entry, keyEnd, candidate{line: line, lines: []Line{{line, name + ":", name + ": " + digits}}}, " "+digits)
	}
	start, end, ok := f.doc.Span(entry.Value)
	if !ok {
		return nil, f.unlocated(entry.Value)
	}
	old := string(source[start:end])
	value := digits
	switch quote := old[:1]; {
	case !oneLine().MatchString(old):
		return nil, f.unlocated(entry.Value)
	case isNull(entry.Value):
	case quote == `"` || quote == "'":
		value = quote + digits + quote
	}
	between := ": " // the value may stand on a line of its own
	if start > keyEnd && oneLine().Match(source[keyEnd:start]) {
		between = string(source[keyEnd:start])
	}
	shown := f.doc.Shown(entry.Value)
	if !rubyyaml.FromERB(entry.Value) && !isNull(entry.Value) && !spelledNumber().MatchString(old) {
		shown = "..." // whatever it is, it is no pool
	}
	return &candidate{Change: splice(start, end, value), line: line, lines: []Line{{f.doc.LineAt(start), name + between + shown, name + between + value}}}, nil
}

var (
	spelledNumber = lazyregexp.New(`^(["']?)[1-9][0-9]*["']?$`)
	oneLine       = lazyregexp.New(`^[^\n\r\x{85}\x{2028}\x{2029}]+$`)
)

// splice is the change of one place in the file.
func splice(from, to int, text string) Change { return Change{Splices: []Splice{{from, to, text}}} }

// fill writes text after the colon of a key that has no value.
func (f *file) fill(entry rubyyaml.Entry, keyEnd int, c candidate, text string) (*candidate, *Refusal) {
	source := f.source
	colon := keyEnd
	for colon < len(source) && source[colon] == ' ' {
		colon++
	}
	if colon >= len(source) || source[colon] != ':' || entry.Value.Anchor != "" {
		return nil, f.unlocated(entry.Value)
	}
	c.Change = splice(colon+1, colon+1, text)
	return &c, nil
}

// insert adds a line for the key after the line that must come before it.
func (f *file) insert(p place, key string, size int) (*candidate, *Refusal) {
	if p.node.Style&yaml.FlowStyle != 0 {
		return nil, f.refuse(p.key, fmt.Sprintf("write %s: %d into it", key, size), "the mapping is written in braces and has no %s", key)
	}
	references, refusal := f.references(p)
	if refusal != nil {
		return nil, refusal
	}
	entry := fmt.Sprintf("%s: %d", f.spelling(p, key), size)
	for _, reference := range references {
		if indent, end, lineBreak, ok := f.wholeLine(reference); ok {
			line := f.doc.LineAt(end)
			c := &candidate{Change: splice(end, end, lineBreak+indent+entry), line: line, lines: []Line{{line, "", entry}}}
			c.ineffective, c.hint = f.noEffect(p, key, size)
			return c, nil
		}
	}
	return nil, f.unlocated(references[0].Key)
}

// spelling is the key as the entry that the new line overrides spells it: pool or :pool.
func (f *file) spelling(p place, key string) string {
	if entry, isSet, err := p.values.Entry(key); err == nil && isSet && rubyyaml.KeyOf(entry.Key).Symbol {
		return ":" + key
	}
	return key
}

// references are entries after which a new one takes effect and looks at home, the best first: the last <<, else those that
// every database has.
func (f *file) references(p place) ([]rubyyaml.Entry, *Refusal) {
	var merges, common []rubyyaml.Entry
	for i := 0; i < len(p.node.Content); i += 2 {
		if key := p.node.Content[i]; rubyyaml.Merges(key) {
			merges = append(merges, rubyyaml.Entry{Key: key, Value: p.node.Content[i+1], Own: true})
		}
	}
	if len(merges) > 0 {
		last := merges[len(merges)-1]
		return []rubyyaml.Entry{last}, nil
	}
	for _, name := range []string{"database", "adapter", "url"} {
		common = append(common, rubyyaml.OwnEntries(p.node, name)...)
	}
	if len(common) == 0 {
		return nil, f.refuse(p.key, byHand, "there is no <<, database, adapter or url to write the pool after")
	}
	return common, nil
}

var onlyComment = lazyregexp.New(`^(?:[ \t]*\])?(?:[ \t]*|[ \t]+#.*)$`)

// wholeLine is the indent of the line that an entry has for itself, where it ends, and its line break.
func (f *file) wholeLine(entry rubyyaml.Entry) (indent string, end int, lineBreak string, ok bool) {
	keyStart, _, keyOK := f.doc.Span(entry.Key)
	value := entry.Value
	if value.Kind == yaml.SequenceNode && len(value.Content) > 0 {
		value = value.Content[len(value.Content)-1] // the last of << with a list
	}
	_, valueEnd, valueOK := f.doc.Span(value)
	if !keyOK || !valueOK {
		return "", 0, "", false
	}
	source := f.source
	start, _, _ := f.doc.LineBounds(keyStart)
	_, end, next := f.doc.LineBounds(valueEnd)
	indent = string(source[start:keyStart])
	rest := string(source[valueEnd:end])
	if strings.Trim(indent, " ") != "" || !onlyComment().MatchString(rest) || f.doc.Divides(end) {
		return "", 0, "", false
	}
	return indent, end, f.lineBreak(start, string(source[end:next])), true
}

// lineBreak is the break of a line that begins at start; of the last line, which may have none, that of the one before.
func (f *file) lineBreak(start int, own string) string {
	if own != "" {
		return own
	}
	if start > 0 {
		_, end, next := f.doc.LineBounds(start - 1)
		return string(f.source[end:next])
	}
	return "\n"
}

func (f *file) unlocated(n *yaml.Node) *Refusal {
	return f.refuse(n, byHand, "this value cannot be edited safely")
}

// isNull reports whether a value is written as nothing, ~ or null.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Tag == "!!null"
}
