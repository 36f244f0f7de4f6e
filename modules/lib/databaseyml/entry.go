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
	Code        Source = "code"         // ERB that writes more than a value, or a library
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
