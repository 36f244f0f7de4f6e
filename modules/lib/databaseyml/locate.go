package databaseyml

import (
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// place is a mapping that describes a database. With code tags of ERB in the file there may be several for one.
type place struct {
	key, node *yaml.Node
	values    *rubyyaml.Mapping
}

// places returns the mappings that may describe a database. The last in the file comes first, since Psych lets it win.
func (f *file) places(environment, database string) []place {
	var all []place
	for _, section := range f.written(f.top, environment) {
		values, err := f.mapping(section.Value)
		if err != nil {
			continue
		}
		databases := f.written(rubyyaml.Deref(section.Value), database)
		if len(databases) == 0 && values.Has(rubyyaml.Key{Name: database}) {
			databases = []rubyyaml.Entry{values.At(rubyyaml.Key{Name: database})}
		}
		for _, entry := range databases {
			if values, err := f.mapping(entry.Value); err == nil {
				all = append(all, place{entry.Key, rubyyaml.Deref(entry.Value), values})
			}
		}
		if database == primary && !severalDatabases(values) {
			all = append(all, place{section.Key, rubyyaml.Deref(section.Value), values})
		}
	}
	slices.Reverse(all)
	return all
}

// primary is the name of the only database of a section.
const primary = "primary"

// written are the entries of a mapping whose key is a name, or may be by ERB.
func (f *file) written(mapping *yaml.Node, name string) []rubyyaml.Entry {
	var all []rubyyaml.Entry
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if key := mapping.Content[i]; rubyyaml.KeyMayBe(key, name) {
			all = append(all, rubyyaml.Entry{Key: key, Value: mapping.Content[i+1], Own: true})
		}
	}
	return all
}

func (f *file) mapping(n *yaml.Node) (*rubyyaml.Mapping, error) {
	if n = rubyyaml.Deref(n); n.Kind != yaml.MappingNode {
		return nil, f.refuse(n, byHand, "this is not a mapping")
	}
	return f.doc.Mapping(n)
}

// severalDatabases is the rule of Active Record: nothing but mappings (database_configurations.rb, build_configs).
func severalDatabases(values *rubyyaml.Mapping) bool {
	return len(values.Keys()) > 0 && !slices.ContainsFunc(values.Keys(), func(key rubyyaml.Key) bool {
		return rubyyaml.Deref(values.At(key).Value).Kind != yaml.MappingNode
	})
}

// candidate is a change that may make a pool as requested.
type candidate struct {
	Change
	key         string // written
	variable    string // set
	lines       []Line
	line        int    // in errors
	ineffective string // the reason if the pool does not come out as requested
	hint        string // for that reason
}

func (c candidate) refuse(reason, hint string) *Refusal {
	return &Refusal{Line: c.line, Reason: reason, Hint: hint}
}

// candidates returns the changes to try for a database, the best first. The refusal is the reason if there are none, or fewer than places.
func (f *file) candidates(q Request, database string) ([]candidate, *Refusal) {
	var all []candidate
	var refusal *Refusal
	for _, p := range f.places(q.Environment, database) {
		more, reason := f.candidatesAt(p, q)
		all = append(all, more...)
		if refusal == nil {
			refusal = reason
		}
	}
	if all == nil && refusal == nil {
		refusal = &Refusal{Reason: fmt.Sprintf("the database %q of %q is not written as a mapping", database, q.Environment), Hint: byHand}
	}
	return all, refusal
}

func (f *file) candidatesAt(p place, q Request) ([]candidate, *Refusal) {
	entries := f.poolEntries(p)
	if i := slices.IndexFunc(entries, func(e Entry) bool { return e.ERB }); i >= 0 && !q.Replace {
		return f.withVariables(entries[i], q)
	}
	var all []candidate
	keys, refusal := f.keysToWrite(p, entries, q)
	for _, written := range keys {
		c, reason := f.write(p, written, q.Size)
		if reason != nil && refusal == nil {
			refusal = reason
		}
		all = append(all, c...)
	}
	return all, refusal
}

// withVariables are the variables of ERB that may make a pool larger.
func (f *file) withVariables(e Entry, q Request) ([]candidate, *Refusal) {
	size := strconv.Itoa(q.Size)
	replace := fmt.Sprintf("set erb: replace to replace it by %s: %d", e.Key, q.Size)
	variables := e.Variables
	if len(variables) == 0 { // the expression may use what a code tag has read
		variables = settable(f.doc.CodeVariables())
	}
	if len(variables) == 0 {
		return nil, f.refuse(e.value, replace, "%s is computed by ERB that reads no variable", e.Key)
	}
	var all []candidate
	for _, name := range variables {
		all = append(all, candidate{Change: Change{Variables: map[string]string{name: size}}, variable: name, line: e.Line, hint: replace,
			ineffective: fmt.Sprintf("ERB computes %s, and %s=%s does not make it large enough", e.Key, name, size)})
	}
	return all, nil
}

// keysToWrite are the keys that may be written, each list together: the keys in effect, both if they have the same value, which Rails 8.1 wants.
func (f *file) keysToWrite(p place, entries []Entry, q Request) (all [][]string, refusal *Refusal) {
	for _, e := range entries {
		all = append(all, []string{e.Key})
	}
	switch {
	case len(entries) == 2 && entries[0].value.Value == entries[1].value.Value:
		return [][]string{{keyMax, keyPool}}, nil
	case len(entries) > 0 && q.Key != "" && !slices.ContainsFunc(entries, func(e Entry) bool { return e.Key == q.Key }):
		return nil, f.refuse(p.key, fmt.Sprintf("omit option key, or write %s by hand", q.Key), "%s is set, and Rails 8.1 and later refuse %s beside it", entries[0].Key, q.Key)
	case len(entries) == 1 && entries[0].Key == keyMax: // which Rails before 8.1 does not read, and Rails 8.1 wants to agree with pool
		if n, err := strconv.Atoi(entries[0].value.Value); err == nil && n > q.Size && !q.Lower {
			return append(all, []string{keyPool}), nil
		}
		return append(all, []string{keyMax, keyPool}), nil
	case len(entries) > 0:
		return all, nil
	case q.Key != "":
		return [][]string{{q.Key}}, nil
	case f.entry(p, keyMin).Source != Unassigned:
		return [][]string{{keyMax}}, nil
	}
	return [][]string{{keyPool}}, nil
}

// write are the candidates that write keys at a place: each of them replaced, or added.
func (f *file) write(p place, keys []string, size int) (all []candidate, refusal *Refusal) {
	all = []candidate{{}}
	for _, key := range keys {
		var next []candidate
		for _, c := range all {
			more, reason := f.writeKey(p, key, size)
			if reason != nil {
				refusal = reason
			}
			for _, m := range more {
				both, fits := c.Change.with(m.Change)
				m.Change, m.key, m.lines = both, key, append(slices.Clone(c.lines), m.lines...)
				if !fits {
					refusal = f.refuse(p.key, "keep one of them: max_connections from Rails 8.1 on, else pool", "both pool and max_connections are inherited")
					continue
				}
				next = append(next, m)
			}
		}
		all = next
	}
	return all, refusal
}

func (f *file) writeKey(p place, key string, size int) ([]candidate, *Refusal) {
	own := rubyyaml.OwnEntries(p.node, key)
	slices.Reverse(own) // the last counts
	if len(own) == 0 {
		c, refusal := f.insert(p, key, size)
		if refusal != nil {
			return nil, refusal
		}
		return []candidate{*c}, nil
	}
	var all []candidate
	var refusal *Refusal
	for _, entry := range own {
		c, reason := f.replace(entry, key, size)
		if reason != nil {
			refusal = reason
			continue
		}
		c.ineffective, c.hint = f.noEffect(p, key, size)
		if e := f.entry(p, key); e.Source == Inherited {
			c.ineffective, c.hint = fmt.Sprintf("the << that follows sets %s again, and Ruby lets the later one win", key), fmt.Sprintf("move << above %s", key)
		}
		all = append(all, *c)
	}
	return all, refusal
}

// noEffect explains a pool that is written and does not count.
func (f *file) noEffect(p place, key string, size int) (reason, hint string) {
	switch url := f.entry(p, "url"); {
	case url.ERB:
		return fmt.Sprintf("%s: %d here does not change the pool that Rails uses", key, size), fmt.Sprintf("write pool=%d in the query of the URL in line %d, if that has a pool=", size, url.Line)
	case key == keyMax:
		return fmt.Sprintf("%s: %d does not change the pool before Rails 8.1", key, size), "write pool there, not max_connections"
	}
	return fmt.Sprintf("%s: %d here does not change the pool that Rails uses", key, size), byHand
}
