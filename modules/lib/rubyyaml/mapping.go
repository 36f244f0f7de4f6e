package rubyyaml

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"gopkg.in/yaml.v3"
)

// Key is a key of a mapping as Ruby sees it: pool is not :pool.
type Key struct {
	Name   string
	Symbol bool
}

// Entry is one entry of a mapping.
type Entry struct {
	Key, Value *yaml.Node
	Own        bool // written in the mapping itself, not merged into it
}

// Mapping is a mapping as Psych loads it, with everything merged that << merges. Entries keep Ruby's order: a key stays where
// it was first set, its value is the last that was set.
type Mapping struct {
	keys    []Key
	entries map[Key]Entry
}

// Keys are the keys in Ruby's order.
func (m *Mapping) Keys() []Key { return m.keys }

// Entry is the entry of a key, spelled as a string or as a symbol; of both, which libraries that convert keys run into one,
// it is an error to have.
func (m *Mapping) Entry(name string) (Entry, bool, error) {
	plain, isPlain := m.entries[Key{Name: name}]
	symbol, isSymbol := m.entries[Key{Name: name, Symbol: true}]
	if isPlain && isSymbol {
		return Entry{}, false, errors.New("it is set both as a string and as a symbol")
	}
	if isSymbol {
		return symbol, true, nil
	}
	return plain, isPlain, nil
}

// Has tells whether there is exactly this key.
func (m *Mapping) Has(key Key) bool {
	_, found := m.entries[key]
	return found
}

// At is the entry of exactly this key.
func (m *Mapping) At(key Key) Entry { return m.entries[key] }

func newMapping() *Mapping { return &Mapping{entries: map[Key]Entry{}} }

func (m *Mapping) set(key Key, entry Entry) {
	if _, known := m.entries[key]; !known {
		m.keys = append(m.keys, key)
	}
	m.entries[key] = entry
}

// own sets a key that is written in the mapping itself.
func (m *Mapping) own(key, value *yaml.Node) {
	m.set(KeyOf(key), Entry{key, value, true})
}

// merge is Hash#merge!.
func (m *Mapping) merge(other *Mapping) {
	for _, key := range other.keys {
		entry := other.entries[key]
		entry.Own = false
		m.set(key, entry)
	}
}

var quotedSymbol = lazyregexp.New(`^:(?:"(.*)"|'(.*)')`)

// KeyOf is a key as Ruby sees it (psych/scalar_scanner.rb). A key that is not a scalar has no name.
func KeyOf(n *yaml.Node) Key {
	n = Deref(n)
	if n.Kind != yaml.ScalarNode {
		return Key{}
	}
	if n.Style != 0 || len(n.Value) < 2 || n.Value[0] != ':' {
		return Key{Name: n.Value}
	}
	if m := quotedSymbol().FindStringSubmatch(n.Value); m != nil {
		return Key{Name: m[1] + m[2], Symbol: true}
	}
	return Key{Name: n.Value[1:], Symbol: true}
}

// FromERB tells whether the output of an ERB tag is in a scalar.
func FromERB(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && token().MatchString(n.Value) }

// Readable is a name for people: what ERB makes of it is <%= %>.
func Readable(name string) string { return token().ReplaceAllString(name, "<%= %>") }

// KeyMayBe tells whether a key, of which ERB may make a part, could be one of names.
func KeyMayBe(key *yaml.Node, names ...string) bool {
	if !FromERB(key) {
		return slices.Contains(names, KeyOf(key).Name)
	}
	literals := token().Split(key.Value, -1)
	for i := range literals {
		literals[i] = regexp.QuoteMeta(literals[i])
	}
	pattern := regexp.MustCompile(`^:?` + strings.Join(literals, ".*") + `$`)
	return slices.ContainsFunc(names, func(name string) bool { return pattern.MatchString(name) || pattern.MatchString(":"+name) })
}

// Deref is the node for which an alias stands.
func Deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// OwnEntries are the entries that are written in a mapping under name, as a string or as a symbol.
func OwnEntries(mapping *yaml.Node, name string) []Entry {
	var entries []Entry
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if KeyOf(mapping.Content[i]).Name == name {
			entries = append(entries, Entry{Key: mapping.Content[i], Value: mapping.Content[i+1], Own: true})
		}
	}
	return entries
}

// Merges tells whether a key is <<, which Psych takes as a merge also when it is quoted.
func Merges(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && !(key.Style&yaml.TaggedStyle != 0 && key.ShortTag() == "!!str")
}

// maxMerged is the number of entries that << may merge in a file: many << with one large mapping, and a chain of them, take the
// square of what the file holds. Real files have less than a thousand.
const maxMerged = 50_000

// Mapping resolves a mapping by Psych's order of merging.
func (d *Document) Mapping(n *yaml.Node) (*Mapping, error) {
	if m := d.mappings[n]; m != nil {
		return m, nil
	}
	if d.resolving[n] {
		return nil, &Refusal{Line: d.Line(n), Reason: "the mapping contains itself", Hint: "remove the alias that leads back to it"}
	}
	d.resolving[n] = true
	defer delete(d.resolving, n)
	m := newMapping()
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := d.apply(m, n.Content[i], n.Content[i+1]); err != nil {
			return nil, err
		}
	}
	d.mappings[n] = m
	return m, nil
}

// apply adds one written entry to m.
func (d *Document) apply(m *Mapping, key, value *yaml.Node) error {
	sources, all := mergeSources(value)
	if !Merges(key) || !all { // Hash#merge! raises, and Psych takes << for an ordinary key
		m.own(key, value)
		return nil
	}
	for _, source := range sources {
		if FromERB(source) { // nobody knows what it merges
			continue
		}
		from, err := d.Mapping(source)
		if err != nil {
			return err
		}
		if d.merged += len(from.keys); d.merged > maxMerged {
			return &Refusal{Line: d.Line(key), Reason: fmt.Sprintf("<< merges more than %d entries in all", maxMerged), Hint: "write fewer <<"}
		}
		m.merge(from)
	}
	return nil
}

// mergesERB reports whether ERB computes a value of <<, or an item of its list.
func mergesERB(value *yaml.Node) bool {
	value = Deref(value)
	return FromERB(value) || value.Kind == yaml.SequenceNode && slices.ContainsFunc(value.Content, func(item *yaml.Node) bool { return FromERB(Deref(item)) })
}

// mergeSources are the mappings that << merges, in the order of merging (of a list the first wins, so it comes last). What ERB
// makes may be one.
func mergeSources(value *yaml.Node) (sources []*yaml.Node, all bool) {
	items := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		items = value.Content
	}
	for i := len(items) - 1; i >= 0; i-- {
		source := Deref(items[i])
		if source.Kind != yaml.MappingNode && !FromERB(source) {
			return nil, false
		}
		sources = append(sources, source)
	}
	return sources, true
}

// Text returns the text of a scalar with the output of its ERB tags, as YAML reads it. The error is ErrRuby if a tag
// requires Ruby. Whether the file is certain at all is what Uncertain reports.
func (d *Document) Text(n *yaml.Node, environ Environ) (string, error) {
	n = Deref(n)
	text, err := d.text.expand(n.Value, environ)
	if FromERB(n) && isPlain(n) { // whose blanks at the ends do not count
		text = strings.Trim(text, " \t\r\n")
	}
	return text, err
}

func isPlain(n *yaml.Node) bool {
	return n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// Variables returns the names of the environment variables that the ERB tags of a scalar mention, in the order of the text, each
// once.
func (d *Document) Variables(n *yaml.Node) []string {
	var codes strings.Builder
	for _, tag := range token().FindAllString(Deref(n).Value, -1) {
		codes.WriteString(d.text.codes[tag] + "\n")
	}
	return mentions(codes.String())
}

// CodeVariables returns the names of the environment variables that the code tags mention.
func (d *Document) CodeVariables() []string {
	var codes strings.Builder
	for _, t := range d.tags {
		if t.kind == codeTag {
			codes.WriteString(t.code + "\n")
		}
	}
	return mentions(codes.String())
}

// Shown returns the source of a scalar for a diff, "" where Span finds none. Of a tag that is more than a plain use of ENV with
// numbers as defaults it shows <%= ... %>: a string in Ruby code may be a secret.
func (d *Document) Shown(n *yaml.Node) string {
	at, end, ok := d.Span(n)
	if !ok {
		return ""
	}
	var shown strings.Builder
	for _, t := range d.tags {
		if t.start < at || t.end > end || t.kind == literalTag || (t.kind == outputTag && onlyNumbers(t.code)) {
			continue
		}
		shown.WriteString(string(d.source[at:t.start]) + "<%= ... %>")
		at = t.end
	}
	return shown.String() + string(d.source[at:end])
}
