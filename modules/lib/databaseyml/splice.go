package databaseyml

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// splice replaces source[start:end] by text.
type splice struct {
	start, end int
	text       string
	lines      int    // between start and the line that changes
	key        string // of the pool
	old, new   string
}

func (s splice) apply(source []byte) []byte {
	text := make([]byte, 0, len(source)+len(s.text))
	text = append(text, source[:s.start]...)
	text = append(text, s.text...)
	return append(text, source[s.end:]...)
}

// replace writes the size in the place of the value of an entry and keeps its quotes.
func (r *reading) replace(entry rubyyaml.Entry, key string, size int) (*splice, error) {
	keyStart, keyEnd, ok := r.doc.Span(entry.Key)
	if !ok {
		return nil, r.unlocated(entry.Key)
	}
	source := r.doc.Source()
	digits := strconv.Itoa(size)
	name := string(source[keyStart:keyEnd])
	if isNull(entry.Value) && entry.Value.Value == "" {
		return r.fill(entry, keyEnd, splice{key: key, text: " " + digits, old: name + ":", new: name + ": " + digits})
	}
	start, end, ok := r.doc.Span(entry.Value)
	if !ok {
		return nil, r.unlocated(entry.Value)
	}
	old := string(source[start:end])
	value := digits
	switch quote := old[:1]; {
	case !oneLine().MatchString(old) || r.doc.NamesAlias(entry.Value):
		return nil, r.unlocated(entry.Value)
	case isNull(entry.Value):
	case !spelledNumber().MatchString(old) && !rubyyaml.FromERB(entry.Value):
		return nil, r.unlocated(entry.Value)
	case quote == `"` || quote == "'":
		value = quote + digits + quote
	}
	between := ": " // the value may stand on a line of its own
	if start > keyEnd && oneLine().Match(source[keyEnd:start]) {
		between = string(source[keyEnd:start])
	}
	return &splice{start: start, end: end, text: value, key: key, old: name + between + old, new: name + between + value}, nil
}

var (
	spelledNumber = lazyregexp.New(`^(["']?)[1-9][0-9]*["']?$`)
	oneLine       = lazyregexp.New(`^[^\n\r\x{85}\x{2028}\x{2029}]+$`)
)

// fill places a splice after the colon of a key that has no value.
func (r *reading) fill(entry rubyyaml.Entry, keyEnd int, s splice) (*splice, error) {
	source := r.doc.Source()
	colon := keyEnd
	for colon < len(source) && source[colon] == ' ' {
		colon++
	}
	if colon >= len(source) || source[colon] != ':' || entry.Value.Anchor != "" {
		return nil, r.unlocated(entry.Value)
	}
	s.start, s.end = colon+1, colon+1
	return &s, nil
}

// insert adds a line for the key after the line that must come before it.
func (r *reading) insert(t *target, key string, size int) (*splice, error) {
	if t.node.Style&yaml.FlowStyle != 0 {
		return nil, r.refuse(t.key, fmt.Sprintf("write %s: %d into it", key, size), "the mapping stands in braces and has no %s", key)
	}
	references, err := r.references(t)
	if err != nil {
		return nil, err
	}
	entry := fmt.Sprintf("%s: %d", r.spelling(t, key), size)
	for _, reference := range references {
		if indent, end, lineBreak, ok := r.wholeLine(reference); ok {
			return &splice{start: end, end: end, text: lineBreak + indent + entry, lines: 1, key: key, new: entry}, nil
		}
	}
	return nil, r.unlocated(references[0].Key)
}

// spelling is the key as the entry spells it that the new line overrides: pool or :pool.
func (r *reading) spelling(t *target, key string) string {
	entry, source, err := r.entry(t, key)
	if err == nil && source != Unassigned && rubyyaml.KeyOf(entry.Key).Symbol {
		return ":" + key
	}
	return key
}

// references are entries after which a new one takes effect and looks at home, the best first: the last <<, else those that
// every database has.
func (r *reading) references(t *target) ([]rubyyaml.Entry, error) {
	var merges, common []rubyyaml.Entry
	for i := 0; i < len(t.node.Content); i += 2 {
		if key := t.node.Content[i]; rubyyaml.Merges(key) {
			merges = append(merges, rubyyaml.Entry{Key: key, Value: t.node.Content[i+1], Own: true})
		}
	}
	if len(merges) > 0 {
		last := merges[len(merges)-1]
		if last.Value.Kind != yaml.AliasNode && !r.doc.NamesAlias(last.Value) {
			return nil, r.refuse(last.Key, "write << with one alias, or the pool by hand", "<< merges something other than one alias")
		}
		return []rubyyaml.Entry{last}, nil
	}
	for _, name := range []string{"database", "adapter", "url"} {
		common = append(common, rubyyaml.OwnEntries(t.node, name)...)
	}
	if len(common) == 0 {
		return nil, r.refuse(t.key, byHand, "there is no <<, database, adapter or url to write the pool after")
	}
	return common, nil
}

var onlyComment = lazyregexp.New(`^(?:[ \t]*|[ \t]+#.*)$`)

// wholeLine is the indent of the line that an entry has for itself, where it ends, and its line break.
func (r *reading) wholeLine(entry rubyyaml.Entry) (indent string, end int, lineBreak string, ok bool) {
	keyStart, _, keyOK := r.doc.Span(entry.Key)
	_, valueEnd, valueOK := r.doc.Span(entry.Value)
	if !keyOK || !valueOK {
		return "", 0, "", false
	}
	source := r.doc.Source()
	start, _, _ := r.doc.LineBounds(keyStart)
	_, end, next := r.doc.LineBounds(valueEnd)
	indent = string(source[start:keyStart])
	rest := string(source[valueEnd:end])
	if strings.Trim(indent, " ") != "" || !onlyComment().MatchString(rest) || r.doc.Divides(end) {
		return "", 0, "", false
	}
	return indent, end, r.lineBreak(start, string(source[end:next])), true
}

// lineBreak is the break of a line that begins at start; of the last line, which may have none, that of the one before.
func (r *reading) lineBreak(start int, own string) string {
	if own != "" {
		return own
	}
	if start > 0 {
		_, end, next := r.doc.LineBounds(start - 1)
		return string(r.doc.Source()[end:next])
	}
	return "\n"
}

func (r *reading) unlocated(n *yaml.Node) *Refusal {
	return r.refuse(n, byHand, "what stands here is spelled in a way that cannot be changed with certainty")
}
