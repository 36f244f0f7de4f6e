package databaseyml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Source is what sets a pool.
type Source string

// The sources of a pool.
const (
	Unassigned  Source = "default"      // nothing: Active Record's default
	Own         Source = "own"          // a line of the database
	Inherited   Source = "inherited"    // through <<
	Shared      Source = "shared"       // the section shared:
	URL         Source = "url"          // pool= in the URL of the section
	DatabaseURL Source = "DATABASE_URL" // pool= in that variable, or in NAME_DATABASE_URL
	Code        Source = "code"         // ERB that writes more than a value, or a library: only Ruby can tell
)

// Entry is the entry of a file that sets a pool, as far as it is known without Ruby.
type Entry struct {
	Source    Source
	Key       string   // "pool" or "max_connections"
	Line      int      // 0: none
	Section   string   // of the line, if it is not one of the database; or the name of a variable
	ERB       bool     // ERB computes the value
	Variables []string // that the ERB reads, the best to set first
	value     *yaml.Node
}

// Origin says where a pool comes from.
func (e Entry) Origin() string {
	switch {
	case e.Source == DatabaseURL:
		return e.Section
	case e.Source == URL:
		return fmt.Sprintf("the URL in line %d", e.Line)
	case e.Source == Unassigned:
		return "Active Record's default"
	case e.Source == Code:
		return "code that only Ruby can read"
	case e.Section != "":
		return fmt.Sprintf("line %d, in the section %q", e.Line, e.Section)
	}
	return fmt.Sprintf("line %d", e.Line)
}

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

// entry is the entry of a key in effect at a place.
func (f *file) entry(p place, name string) Entry {
	found, source := rubyyaml.Entry{}, Unassigned
	if entry, isSet, err := p.values.Entry(name); err == nil && isSet {
		found, source = entry, Inherited
		if entry.Own {
			source = Own
		}
	} else if shared := f.root.At(rubyyaml.Key{Name: "shared"}); shared.Value != nil {
		if values, err := f.mapping(shared.Value); err == nil {
			if entry, isSet, err := values.Entry(name); err == nil && isSet {
				found, source = entry, Shared
			}
		}
	}
	if source == Unassigned {
		return Entry{Source: Unassigned, Key: name}
	}
	e := Entry{Source: source, Key: name, Line: f.doc.Line(found.Key), value: rubyyaml.Deref(found.Value)}
	if source != Own {
		e.Section = f.sectionOf(found.Key)
	}
	e.ERB = rubyyaml.FromERB(e.value)
	e.Variables = settable(f.doc.Variables(e.value))
	return e
}

// sectionOf is the section in which a key is written.
func (f *file) sectionOf(key *yaml.Node) string {
	name := ""
	for i := 0; i < len(f.top.Content) && f.top.Content[i].Line <= key.Line; i += 2 {
		name = rubyyaml.KeyOf(f.top.Content[i]).Name
	}
	return rubyyaml.Readable(name)
}

// poolEntries are the entries in effect at a place: max_connections, which counts from Rails 8.1, then pool.
func (f *file) poolEntries(p place) []Entry {
	var all []Entry
	for _, name := range []string{keyMax, keyPool} {
		if e := f.entry(p, name); e.Source != Unassigned {
			all = append(all, e)
		}
	}
	return all
}

// sizeVariable is the name of a variable that may be a number. Others belong to programs that read them.
var sizeVariable = lazyregexp.New(`^[A-Z_][A-Z0-9_]*$`)

// notSizes are variables, or beginnings and ends of their names, that pools are computed from and that are no numbers.
var notSizes = lazyregexp.New(`^(?:RAILS_ENV|RACK_ENV|PATH|HOME|USER|LANG|LC_.*|LD_.*|RUBY.*|GEM_.*|BUNDLE_.*)$|_(?:URL|ENV|HOST|PASSWORD|USERNAME|NAME)$`)

// settable returns the variables that may make a pool larger. Numbers of processes come last: WEB_CONCURRENCY would start more workers of Puma.
func settable(names []string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return !sizeVariable().MatchString(name) || notSizes().MatchString(name) })
	rank := func(name string) int {
		switch {
		case strings.Contains(name, "POOL"):
			return 0
		case strings.Contains(name, "THREADS"):
			return 1
		case strings.HasPrefix(name, "WEB_"), strings.Contains(name, "PROCESSES"), strings.Contains(name, "WORKERS"):
			return 4
		case strings.Contains(name, "CONCURRENCY"):
			return 2
		}
		return 3
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
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

// candidates are the changes for a database, the best first. The refusal says why there is none, or not more.
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

// url is the refusal of a pool that a URL sets, which overrides the file.
func (e *editor) url(name string) *Refusal {
	found := e.urlEntry(name)
	if found.Source != URL && found.Source != DatabaseURL {
		return nil
	}
	return &Refusal{Line: found.Line, Reason: fmt.Sprintf("the database %q gets its pool, %d, from %s, which overrides a pool in the file", name, e.now.pool(name), found.Origin()),
		Hint: fmt.Sprintf("write pool=%d in the query of that URL", e.request.Size)}
}

// urlEntry is the URL of a database that sets its pool, or that is all that there is of the database.
func (e *editor) urlEntry(name string) Entry {
	q := e.request
	places := e.file.places(q.Environment, name)
	for _, section := range e.file.written(e.file.top, q.Environment) {
		value := rubyyaml.Deref(section.Value)
		if len(places) == 0 && value.Kind == yaml.ScalarNode && value.Value != "" {
			return Entry{Source: URL, Line: e.file.doc.Line(section.Value), value: value}
		}
	}
	for _, p := range places {
		url := e.file.entry(p, "url")
		if url.Source == Unassigned {
			continue
		}
		text, err := e.file.doc.Text(url.value, e.variable)
		if err == nil && e.hasPool(text, name) {
			return Entry{Source: URL, Line: url.Line, value: url.value}
		}
		if err != nil || text != "" { // Rails ignores DATABASE_URL then
			return Entry{}
		}
	}
	for _, variable := range urlVariables(name) {
		text, isSet := e.variable(variable)
		if isSet && (len(places) == 0 || e.hasPool(text, name)) {
			return Entry{Source: DatabaseURL, Section: variable}
		}
	}
	return Entry{}
}

// urlVariables are the variables whose URL Rails merges over a database without url (database_configurations.rb, environment_value_for).
func urlVariables(database string) []string {
	all := []string{strings.ToUpper(database) + "_DATABASE_URL"}
	if database == primary {
		all = append(all, "DATABASE_URL")
	}
	return all
}

// hasPool reports whether a URL sets the pool that a database has.
func (e *editor) hasPool(url, name string) bool {
	return slices.ContainsFunc([]string{keyPool, keyMax}, func(key string) bool {
		text, isSet := parameter(url, key)
		return isSet && text == strconv.Itoa(e.before.pool(name))
	})
}

// entry is what sets the pool of a database, for reports: of several entries the one with the value that counts. Nothing is known if the file cannot be
// parsed.
func (e *editor) entry(name string) Entry {
	found := Entry{Source: Unassigned, Key: keyPool}
	if e.before.pool(name) != Default {
		found.Source = Code
	}
	if e.parse() != nil {
		return found
	}
	if url := e.urlEntry(name); url.Source != "" {
		url.Key = keyPool
		return url
	}
	pool := strconv.Itoa(e.before.pool(name))
	for _, p := range e.file.places(e.request.Environment, name) {
		inEffect := e.file.poolEntries(p)
		slices.Reverse(inEffect) // of equal ones, pool counts in each version
		for _, entry := range append(inEffect, e.file.writtenPools(p)...) {
			if found.Line == 0 || entry.value.Value == pool && found.value.Value != pool {
				found = entry
			}
		}
	}
	return found
}

// writtenPools are the pools that are written at a place, of which code tags may choose one.
func (f *file) writtenPools(p place) []Entry {
	var all []Entry
	for _, key := range []string{keyMax, keyPool} {
		for _, own := range rubyyaml.OwnEntries(p.node, key) {
			all = append(all, Entry{Source: Own, Key: key, Line: f.doc.Line(own.Key), value: rubyyaml.Deref(own.Value)})
		}
	}
	return all
}

// parameter is the last of that name in a URL. Active Record reads none of jdbc:, http: and https: (url_config.rb, build_url_hash).
func parameter(url, name string) (value string, found bool) {
	for _, scheme := range []string{"jdbc:", "http:", "https:"} {
		if strings.HasPrefix(url, scheme) {
			return "", false
		}
	}
	_, query, _ := strings.Cut(url, "?")
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		if key, text, _ := strings.Cut(pair, "="); key == name {
			value, found = text, true
		}
	}
	return value, found
}

var name = lazyregexp.New(`^[A-Za-z0-9_.-]{1,64}$`)

// IsName reports whether a text is the name of a section or of a database. Another one may be a URL with its password that lost a line break.
func IsName(text string) bool { return name().MatchString(text) }
