package databaseyml

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/rubyyaml"
)

// Edit is what raising one pool does to a file.
type Edit struct {
	Before, After Pool
	Text          []byte   // the whole file afterwards
	Line          int      // that was changed or added, from 1; 0 when nothing changed
	Old, New      string   // the entry before and after, without what else stands on its line; Old is "" for an added line
	Also          []string // other databases of the environment that inherit the entry and are raised with it
}

// Changed tells whether the file differs.
func (e *Edit) Changed() bool { return e.Line > 0 }

// RaisePool makes the pool of a database of an environment at least size: one line replaced or added. A pool that is large
// enough stays. database is as for Pool. Every error is a *Refusal.
func (f *File) RaisePool(environment, database string, size int) (*Edit, error) {
	t, err := f.target(environment, database)
	if err != nil {
		return nil, err
	}
	before, err := f.pool(t)
	if err != nil {
		return nil, err
	}
	if before.Size >= size {
		return &Edit{Before: before, After: before, Text: f.doc.Source()}, nil
	}
	s, err := f.splice(t, before, size)
	if err != nil {
		return nil, err
	}
	edit := &Edit{Before: before, Text: s.apply(f.doc.Source()), Old: s.old, New: s.new}
	edit.Line = s.lines + f.doc.LineAt(s.start)
	if err := f.verify(t, edit, size); err != nil {
		return nil, err
	}
	return edit, nil
}

// splice replaces source[start:end] by text.
type splice struct {
	start, end int
	text       string
	lines      int // between start and the line that changes
	old, new   string
}

func (s splice) apply(source []byte) []byte {
	text := make([]byte, 0, len(source)+len(s.text))
	text = append(text, source[:s.start]...)
	text = append(text, s.text...)
	return append(text, source[s.end:]...)
}

func (f *File) splice(t *target, p Pool, size int) (splice, error) {
	if err := f.writable(t, p, size); err != nil {
		return splice{}, err
	}
	own := rubyyaml.OwnEntries(t.node, p.Key)
	switch {
	case len(own) > 1:
		return splice{}, f.refuse(own[1].Key, "keep one", "%s is set a second time", p.Key)
	case len(own) == 0:
		return f.insert(t, p, size)
	case p.Source != Own:
		return splice{}, f.refuse(own[0].Key, fmt.Sprintf("move << above %s", p.Key),
			"the << that follows sets %s again, and Ruby lets the later one win", p.Key)
	}
	return f.replace(own[0], size)
}

// writable refuses pools that are not decided by a value in the file.
func (f *File) writable(t *target, p Pool, size int) error {
	if p.Source == URL {
		return &Refusal{Line: p.Line, Reason: fmt.Sprintf("%s gives %d and wins over the file", p.Origin(), p.Size),
			Hint: fmt.Sprintf("write pool=%d there", size)}
	}
	entry, source, err := f.entry(t, p.Key)
	if err != nil || source == Unassigned || !rubyyaml.FromERB(rubyyaml.Deref(entry.Value)) {
		return err
	}
	hint := "write a number in its place"
	if len(p.Variables) > 0 {
		hint = fmt.Sprintf("set %s to %d in the environment of the process, or write %s: %d into the section", p.Variables[0], size, p.Key, size)
	}
	return f.refuse(entry.Value, hint, "%s is made by ERB and gives %d with this environment", p.Key, p.Size)
}

// replace writes size in the place of the value of an entry and keeps its quotes.
func (f *File) replace(entry rubyyaml.Entry, size int) (splice, error) {
	keyStart, keyEnd, ok := f.doc.Span(entry.Key)
	if !ok {
		return splice{}, f.unlocated(entry.Key)
	}
	source := f.doc.Source()
	digits := strconv.Itoa(size)
	name := string(source[keyStart:keyEnd])
	if isNull(entry.Value) && entry.Value.Value == "" {
		return f.fill(entry, keyEnd, name, digits)
	}
	start, end, ok := f.doc.Span(entry.Value)
	if !ok {
		return splice{}, f.unlocated(entry.Value)
	}
	old := string(source[start:end])
	value := old
	switch m := spelledNumber.FindStringSubmatch(old); {
	case m != nil:
		value = m[1] + digits + m[1]
	case isNull(entry.Value):
		value = digits
	default:
		return splice{}, f.unlocated(entry.Value)
	}
	return splice{start: start, end: end, text: value, old: name + ": " + old, new: name + ": " + value}, nil
}

var spelledNumber = regexp.MustCompile(`^(["']?)[1-9][0-9]*["']?$`)

// fill writes digits after the colon of a key that has no value.
func (f *File) fill(entry rubyyaml.Entry, keyEnd int, name, digits string) (splice, error) {
	source := f.doc.Source()
	colon := keyEnd
	for colon < len(source) && source[colon] == ' ' {
		colon++
	}
	if colon >= len(source) || source[colon] != ':' || entry.Value.Anchor != "" {
		return splice{}, f.unlocated(entry.Value)
	}
	return splice{start: colon + 1, end: colon + 1, text: " " + digits, old: name + ":", new: name + ": " + digits}, nil
}

// insert adds a line for the key after the line that must come before it.
func (f *File) insert(t *target, p Pool, size int) (splice, error) {
	if t.node.Style&yaml.FlowStyle != 0 {
		return splice{}, f.refuse(t.key, fmt.Sprintf("write %s: %d into it", p.Key, size), "the mapping stands in braces and has no %s", p.Key)
	}
	references, err := f.references(t)
	if err != nil {
		return splice{}, err
	}
	entry := fmt.Sprintf("%s: %d", f.spelling(t, p), size)
	for _, reference := range references {
		if indent, end, lineBreak, ok := f.wholeLine(reference); ok {
			return splice{start: end, end: end, text: lineBreak + indent + entry, lines: 1, new: entry}, nil
		}
	}
	return splice{}, f.unlocated(references[0].Key)
}

// spelling is the key as the entry spells it that the new line overrides: pool or :pool.
func (f *File) spelling(t *target, p Pool) string {
	entry, source, err := f.entry(t, p.Key)
	if err == nil && source != Unassigned && rubyyaml.KeyOf(entry.Key).Symbol {
		return ":" + p.Key
	}
	return p.Key
}

// references are entries after which a new one takes effect and looks at home, the best first: the last <<, else those that
// every database has.
func (f *File) references(t *target) ([]rubyyaml.Entry, error) {
	var merges, common []rubyyaml.Entry
	for i := 0; i < len(t.node.Content); i += 2 {
		if key := t.node.Content[i]; rubyyaml.Merges(key) {
			merges = append(merges, rubyyaml.Entry{Key: key, Value: t.node.Content[i+1], Own: true})
		}
	}
	if len(merges) > 0 {
		last := merges[len(merges)-1]
		if last.Value.Kind != yaml.AliasNode {
			return nil, f.refuse(last.Key, "write << with one alias, or the pool by hand", "<< merges something other than one alias")
		}
		return []rubyyaml.Entry{last}, nil
	}
	for _, name := range []string{"database", "adapter", "url"} {
		common = append(common, rubyyaml.OwnEntries(t.node, name)...)
	}
	if len(common) == 0 {
		return nil, f.refuse(t.key, byHand, "there is no <<, database, adapter or url to write the pool after")
	}
	return common, nil
}

var onlyComment = regexp.MustCompile(`^(?:[ \t]*|[ \t]+#.*)$`)

// wholeLine is the indent of the line that an entry has for itself, where it ends, and its line break.
func (f *File) wholeLine(entry rubyyaml.Entry) (indent string, end int, lineBreak string, ok bool) {
	keyStart, _, keyOK := f.doc.Span(entry.Key)
	_, valueEnd, valueOK := f.doc.Span(entry.Value)
	if !keyOK || !valueOK {
		return "", 0, "", false
	}
	source := f.doc.Source()
	start, _, _ := f.doc.LineBounds(keyStart)
	_, end, next := f.doc.LineBounds(valueEnd)
	indent = string(source[start:keyStart])
	rest := string(source[valueEnd:end])
	if strings.Trim(indent, " ") != "" || !onlyComment.MatchString(rest) || strings.Contains(rest, "<%") {
		return "", 0, "", false
	}
	return indent, end, f.lineBreak(start, string(source[end:next])), true
}

// lineBreak is the break of a line that begins at start; of the last line, which may have none, that of the one before.
func (f *File) lineBreak(start int, own string) string {
	if own != "" {
		return own
	}
	if start > 0 {
		_, end, next := f.doc.LineBounds(start - 1)
		return string(f.doc.Source()[end:next])
	}
	return "\n"
}

func (f *File) unlocated(n *yaml.Node) *Refusal {
	return f.refuse(n, byHand, "what stands here is spelled in a way that cannot be changed with certainty")
}
