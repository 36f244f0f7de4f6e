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
	unsettled  int  // how many << of Unsettled come before it; -1: one of them may set the key again
}

// Mapping is a mapping as Psych loads it, with everything merged that << merges. Entries keep Ruby's order: a key stays where
// it was first set, its value is the last that was set.
type Mapping struct {
	keys      []Key
	entries   map[Key]Entry
	unsettled []*yaml.Node // what << merges, where ERB names it
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

// Unsettled are the values of << that ERB names, also of the mappings that are merged. What they merge is not in the entries.
func (m *Mapping) Unsettled() []*yaml.Node { return m.unsettled }

// Settled tells whether a key has the value of its entry whatever Unsettled merges.
func (m *Mapping) Settled(name string) bool {
	return len(m.unsettled) == 0 || m.isSettled(m.entries[Key{Name: name}]) || m.isSettled(m.entries[Key{Name: name, Symbol: true}])
}

// isSettled tells whether no << of Unsettled comes after an entry.
func (m *Mapping) isSettled(entry Entry) bool { return entry.unsettled == len(m.unsettled) }

func newMapping() *Mapping { return &Mapping{entries: map[Key]Entry{}} }

func (m *Mapping) set(key Key, entry Entry) {
	if _, known := m.entries[key]; !known {
		m.keys = append(m.keys, key)
	}
	m.entries[key] = entry
}

// own sets a key that is written in the mapping itself.
func (m *Mapping) own(key, value *yaml.Node) {
	m.set(KeyOf(key), Entry{key, value, true, len(m.unsettled)})
}

// merge is Hash#merge!.
func (m *Mapping) merge(other *Mapping) {
	m.unsettled = append(m.unsettled, other.unsettled...)
	for _, key := range other.keys {
		entry := other.entries[key]
		entry.Own = false
		if entry.unsettled = -1; other.isSettled(other.entries[key]) {
			entry.unsettled = len(m.unsettled)
		}
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

// maxMerged is the number of entries that << may merge in all readings of a file: many << with one large mapping, and a chain of them, take
// the square of what the file holds. Real files have less than a thousand.
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
	merged := newMapping()
	for _, source := range sources {
		if FromERB(source) {
			merged.unsettled = append(merged.unsettled, source)
			continue
		}
		from, err := d.Mapping(source)
		if err != nil {
			return err
		}
		if *d.merged += len(from.keys) + len(from.unsettled); *d.merged > maxMerged {
			return &Refusal{Line: d.Line(key), Reason: fmt.Sprintf("<< merges more than %d entries in all", maxMerged), Hint: "write fewer <<"}
		}
		merged.merge(from)
	}
	m.merge(merged)
	return nil
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

// MayMerge are the mappings of which an alias that ERB names may be one: those with an anchor before it.
func (d *Document) MayMerge(alias *yaml.Node) []*yaml.Node {
	var found []*yaml.Node
	for _, n := range d.Anchored() {
		if n.Line < alias.Line || (n.Line == alias.Line && n.Column < alias.Column) {
			found = append(found, n)
		}
	}
	return found
}

// NamesAlias tells whether a scalar is an alias whose name comes from ERB.
func (d *Document) NamesAlias(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && d.text.aliases[n.Value]
}

// Anchored are the mappings that have an anchor, in the order of the text.
func (d *Document) Anchored() []*yaml.Node {
	if d.anchored == nil && d.root != nil {
		d.collectAnchored(d.root)
	}
	return d.anchored
}

func (d *Document) collectAnchored(n *yaml.Node) {
	if n.Kind == yaml.MappingNode && n.Anchor != "" {
		d.anchored = append(d.anchored, n)
	}
	for _, child := range n.Content {
		d.collectAnchored(child)
	}
}

// Text is the text of a scalar with the output of its ERB tags. It fails with ErrRuby when only Ruby can tell it.
func (d *Document) Text(n *yaml.Node, environ Environ) (string, error) {
	return d.text.expand(Deref(n).Value, environ)
}

// Variables are the names of the environment that the ERB tags of a scalar use, in the order of the text; nil when a tag is
// more than a plain use of ENV, or there are too many.
func (d *Document) Variables(n *yaml.Node) []string {
	var names []string
	if len(Deref(n).Value) > longestText {
		return nil
	}
	for _, tag := range token().FindAllString(Deref(n).Value, -1) {
		expression, err := d.text.expression(tag)
		if err != nil {
			return nil
		}
		names = append(names, expression.variables...)
	}
	return names
}
