package databaseyml

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Default is the pool where nothing says otherwise.
const Default = 5

// Unlimited is a pool without a limit, which Rails has since 8.1.
const Unlimited = math.MaxInt32

// Source tells what a pool comes from.
type Source string

// The sources of a pool.
const (
	Own         Source = "own"          // a key of the database itself
	Inherited   Source = "inherited"    // a key that << merges
	Shared      Source = "shared"       // a key of the section shared:
	URL         Source = "url"          // pool= in the url of the section
	DatabaseURL Source = "DATABASE_URL" // pool= in the variable of that name, or in that of another database
	Unassigned  Source = "default"      // nothing sets it
)

const (
	keyPool = "pool"
	keyMax  = "max_connections"
	keyMin  = "min_connections"
)

// Pool is the number of connections that one database of an environment allows a process.
type Pool struct {
	Database  string // its name in a section of several databases, else ""
	Key       string // that sets it or would: "pool" or "max_connections"
	Size      int    // the least that it may be; Unlimited; 0 when only Ruby can tell
	Source    Source
	From      string   // the section that an inherited key stands in; of a URL, the variable that holds it
	Line      int      // of the key, from 1; 0 when no key sets it
	ERB       bool     // ERB makes it
	Variables []string // of the environment, from which ERB makes it
	Doubt     string   // why it may be another number after all; "" when it is certain

	largest   int      // the most that it may be
	unread    *Refusal // why only Ruby can tell it
	unsettled bool     // what ERB names may set it again
	entry     rubyyaml.Entry
}

// Pools tells the pools of databases of an environment, in the order of their names; without names, of all that the section
// holds, the one that Rails takes first (primary) first. Where the file has several readings, each has the least size that it
// may have. Every error is a *Refusal.
func Pools(source []byte, by Reader, environment string, databases ...string) ([]Pool, error) {
	f, err := parse(source, by)
	if err != nil {
		return nil, err
	}
	if databases, err = f.named(environment, databases); err != nil {
		return nil, err
	}
	var pools []Pool
	for _, database := range databases {
		p, err := f.pool(environment, database)
		if err != nil {
			return nil, plain(err)
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// maxRead is how many bytes may be read for several databases together: each change of one reads the whole file again. Real files of a
// hundred databases have 10 kB.
const maxRead = 2 << 20

// named are the databases of an environment that are asked for: where none is, all.
func (f *file) named(environment string, databases []string) ([]string, error) {
	if len(databases) == 0 {
		var err error
		if databases, err = f.databases(environment); err != nil {
			return nil, plain(err)
		}
	}
	if n := len(databases); n > 1 && n*len(f.readings)*len(f.source) > maxRead {
		return nil, &Refusal{Reason: fmt.Sprintf("the file has %d bytes, too many to look after %d databases in it", len(f.source), n),
			Hint: "name the databases to look after, fewer of them"}
	}
	return databases, nil
}

// databases are those of all readings that have the environment.
func (f *file) databases(environment string) ([]string, error) {
	var all []string
	var fault error
	for _, r := range f.readings {
		names, err := r.databases(environment)
		if err != nil {
			if fault == nil || errors.As(fault, new(absence)) {
				fault = err
			}
			continue
		}
		for _, name := range names {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	switch {
	case all == nil:
		return nil, fault
	case len(all) > 1 && slices.Contains(all, ""):
		return nil, &Refusal{Reason: fmt.Sprintf("ERB decides whether the section %q holds several databases", environment), Hint: byHand}
	}
	return all, nil
}

// pool is the smallest pool of all readings that have the database.
func (f *file) pool(environment, database string) (Pool, error) {
	p, err := f.look(environment, database)
	if err == nil && p.unread != nil {
		return Pool{}, p.unread
	}
	return p, err
}

// look is pool, but lets the pool be one that only Ruby can tell.
func (f *file) look(environment, database string) (Pool, error) {
	var smallest *Pool
	var fault error
	for _, r := range f.readings {
		p, err := r.pool(environment, database)
		switch {
		case err == nil && (smallest == nil || p.Size < smallest.Size):
			smallest = &p
		case err != nil && !errors.As(err, new(absence)):
			return Pool{}, err
		case err != nil:
			fault = err
		}
	}
	if smallest == nil {
		return Pool{}, fault
	}
	return *smallest, nil
}

func (r *reading) pool(environment, database string) (Pool, error) {
	t, err := r.target(environment, database)
	if err != nil {
		return Pool{}, err
	}
	return r.poolOf(t)
}

func (r *reading) poolOf(t *target) (Pool, error) {
	p := Pool{Database: t.database, Size: Default, Source: Unassigned}
	var err error
	if p.Key, err = r.key(t); err != nil {
		return p, err
	}
	entry, source, err := r.entry(t, p.Key)
	if err != nil {
		return p, err
	}
	if source != Unassigned {
		p.Source, p.Line, p.From, p.entry = source, r.doc.Line(entry.Key), r.origin(source, entry.Key), entry
		p.ERB, p.Variables = rubyyaml.FromERB(rubyyaml.Deref(entry.Value)), settable(r.doc.Variables(entry.Value))
		if p.Size, err = r.size(p.Key, entry.Value); err != nil {
			p.unread = err.(*Refusal)
		}
	}
	if p.Key == keyMax && !r.since(8, 1) {
		p.Doubt = "max_connections counts from Rails 8.1, and which Rails reads the file is not known"
	}
	p.largest = p.Size
	if err := r.reckonWithUnsettled(t, &p); err != nil {
		return p, err
	}
	return r.withURL(t, p)
}

// settable are the variables that a pool may be made large with: not those that tell the environment.
func settable(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return name == "RAILS_ENV" || name == "RACK_ENV" })
}

// reckonWithUnsettled lets the pool be what a mapping may give that ERB names.
func (r *reading) reckonWithUnsettled(t *target, p *Pool) error {
	entries, err := r.possible(t, p.Key)
	if err != nil {
		return err
	}
	p.unsettled = len(entries) > 0
	for _, entry := range entries {
		size, err := r.size(p.Key, entry.Value)
		if err != nil {
			p.unread = err.(*Refusal)
			continue
		}
		if size < p.Size {
			p.Size, p.Source, p.Line, p.From = size, Inherited, r.doc.Line(entry.Key), r.origin(Inherited, entry.Key)
		}
		p.largest = max(p.largest, size)
	}
	return nil
}

// possible are the entries that an unsettled << may give a key.
func (r *reading) possible(t *target, name string) ([]rubyyaml.Entry, error) {
	unsettled := []*yaml.Node{}
	if !t.values.Settled(name) {
		unsettled = append(unsettled, t.values.Unsettled()...)
	}
	if _, found, _ := t.values.Entry(name); !found && t.shared != nil && !t.shared.Settled(name) {
		unsettled = append(unsettled, t.shared.Unsettled()...)
	}
	sources, err := r.mayMerge(unsettled)
	if err != nil {
		return nil, err
	}
	var entries []rubyyaml.Entry
	for _, source := range sources {
		values, err := r.resolve(source)
		if err != nil {
			return nil, err
		}
		entry, found, err := values.Entry(name)
		if err != nil {
			return nil, r.refuse(source, "keep one", "%s is set both as a string and as a symbol", name)
		}
		if found {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// mayMerge are the mappings of which unsettled << merge some. The last of them may name every one that an earlier one may.
func (r *reading) mayMerge(unsettled []*yaml.Node) ([]*yaml.Node, error) {
	var last *yaml.Node
	for _, n := range unsettled {
		if !r.doc.NamesAlias(n) {
			return nil, r.refuse(n, byHand, "what << merges comes from ERB")
		}
		if last == nil || n.Line > last.Line || (n.Line == last.Line && n.Column > last.Column) {
			last = n
		}
	}
	if last == nil {
		return nil, nil
	}
	return r.doc.MayMerge(last), nil
}

// key is the key to read and to write: the one that sets the pool; max_connections where min_connections wants it.
func (r *reading) key(t *target) (string, error) {
	found := map[string]rubyyaml.Entry{}
	for _, name := range []string{keyPool, keyMax, keyMin} {
		entry, source, err := r.entry(t, name)
		if err != nil {
			return "", err
		}
		if source != Unassigned {
			found[name] = entry
		}
		if name == keyPool {
			continue
		}
		if possible, err := r.possible(t, name); err != nil {
			return "", err
		} else if len(possible) > 0 {
			return "", r.refuse(t.key, byHand, "ERB decides whether %s is set", name)
		}
	}
	pool, hasPool := found[keyPool]
	_, hasMax := found[keyMax]
	_, hasMin := found[keyMin]
	switch {
	case !hasMax && !hasMin, r.before(8, 1) && !hasMax:
		return keyPool, nil
	case r.before(8, 1):
		return "", r.refuse(found[keyMax].Key, "write pool, which every version knows", "max_connections is set, which Rails knows from 8.1 only")
	case hasPool:
		return "", r.refuse(pool.Key, "keep max_connections for Rails 8.1 and later, pool for earlier ones",
			"pool stands beside max_connections or min_connections, which Rails 8.1 refuses and earlier ones do not know")
	}
	return keyMax, nil
}

// entry is the entry of a key that is in effect, and where it comes from. What shared: gives in the other spelling, as a symbol or
// as a string, would win over the section's own.
func (r *reading) entry(t *target, name string) (rubyyaml.Entry, Source, error) {
	entry, found, err := t.values.Entry(name)
	common, has := rubyyaml.Entry{}, false
	if t.shared != nil && err == nil {
		common, has, err = t.shared.Entry(name)
	}
	switch {
	case err != nil, found && has && rubyyaml.KeyOf(entry.Key) != rubyyaml.KeyOf(common.Key):
		return entry, Unassigned, r.refuse(t.key, "keep one", "%s is set both as a string and as a symbol", name)
	case found && entry.Own:
		return entry, Own, nil
	case found:
		return entry, Inherited, nil
	case has:
		return common, Shared, nil
	}
	return entry, Unassigned, nil
}

// origin is the section in which an inherited key stands.
func (r *reading) origin(source Source, key *yaml.Node) string {
	if source == Own {
		return ""
	}
	name := ""
	for i := 0; i < len(r.top.Content) && r.top.Content[i].Line <= key.Line; i += 2 {
		name = rubyyaml.KeyOf(r.top.Content[i]).Name
	}
	return name
}

var number = lazyregexp.New(`^[1-9][0-9]{0,8}$`)

// size is the number that a value stands for. Spellings that YAML parsers take for different numbers are refused. Every error is
// a *Refusal.
func (r *reading) size(key string, value *yaml.Node) (int, error) {
	scalar := rubyyaml.Deref(value)
	if scalar.Kind != yaml.ScalarNode || scalar.Style&yaml.TaggedStyle != 0 || r.doc.NamesAlias(scalar) {
		return 0, r.refuse(value, "write a number", "%s is not a plain value", key)
	}
	text, err := r.doc.Text(scalar, r.Environ)
	if errors.Is(err, rubyyaml.ErrRuby) {
		return 0, r.refuse(value, "write a number in its place", "%s: %s", key, err)
	} else if err != nil {
		return 0, r.refuse(value, "set it in the environment of the process", "%s: %s", key, err)
	}
	if isNull(scalar) || (text == "" && scalar.Style == 0) {
		if r.since(8, 1) {
			return Unlimited, nil
		}
		return Default, nil // as if it were not set
	}
	if r.since(8, 1) && negative().MatchString(text) {
		return Unlimited, nil
	}
	if !number().MatchString(text) {
		return 0, r.refuse(value, "write a number from 1", "%s is not a decimal number from 1", key)
	}
	n, _ := strconv.Atoi(text) // nine digits fit
	return n, nil
}

var negative = lazyregexp.New(`^-[1-9][0-9]{0,8}$`)

// isNull tells whether a value is written as nothing, ~ or null.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Tag == "!!null"
}

// withURL lets the pool= of a URL win, as ActiveRecord does.
func (r *reading) withURL(t *target, p Pool) (Pool, error) {
	url, source, err := r.entry(t, "url")
	if err != nil {
		return p, err
	}
	if possible, err := r.possible(t, "url"); err != nil {
		return p, err
	} else if len(possible) > 0 {
		return p, r.refuse(t.key, byHand, "ERB decides whether url is set")
	}
	if source == Unassigned {
		return r.withDatabaseURL(t, p)
	}
	text, err := r.doc.Text(url.Value, r.Environ)
	if value := rubyyaml.Deref(url.Value); value.Kind != yaml.ScalarNode || rubyyaml.FromERB(value) && (err != nil || !r.allSet(r.doc.Variables(url.Value))) {
		p.Doubt = "the url of the section comes from ERB over what is not known here; a pool= in it would win"
	}
	if err != nil {
		return p, nil
	}
	return r.withPoolOf(text, Pool{Database: p.Database, Source: URL, Line: r.doc.Line(url.Key)}, p)
}

func (r *reading) allSet(variables []string) bool {
	return !slices.ContainsFunc(variables, func(name string) bool {
		_, set := r.Environ(name)
		return !set
	})
}

// withDatabaseURL lets the variable win whose URL Rails merges over a database that has no url of its own.
func (r *reading) withDatabaseURL(t *target, p Pool) (Pool, error) {
	name := t.database
	if name == "" {
		name = "primary"
	}
	variables := []string{strings.ToUpper(name) + "_DATABASE_URL"}
	if name == "primary" {
		variables = append(variables, "DATABASE_URL")
	}
	for _, variable := range variables {
		if text, set := r.Environ(variable); set && text != "" {
			p.Doubt = variable + " is set and wins over the file, and a pool= in it would"
			return r.withPoolOf(text, Pool{Database: p.Database, Source: DatabaseURL, From: variable}, p)
		}
	}
	return p, nil
}

// withPoolOf is the pool of a URL, else otherwise.
func (r *reading) withPoolOf(url string, p, otherwise Pool) (Pool, error) {
	value, found := parameter(url, keyPool)
	if max, has := parameter(url, keyMax); has && r.since(8, 1) {
		value, found = max, true
	} else if has && !r.before(8, 1) {
		otherwise.Doubt = "the URL has max_connections=, which wins from Rails 8.1"
	}
	if !found {
		return otherwise, nil
	}
	if !number().MatchString(value) {
		return p, &Refusal{Line: p.Line, Reason: "the pool= of the database URL is not a decimal number from 1", Hint: "write a number from 1 there"}
	}
	p.Key = keyPool
	p.Size, _ = strconv.Atoi(value) // nine digits fit
	p.largest = p.Size
	return p, nil
}

// parameter is the last of that name in a URL. Of some kinds of URL ActiveRecord reads none (url_config.rb).
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

// Origin tells in words where a pool comes from.
func (p Pool) Origin() string {
	switch {
	case p.Source == DatabaseURL:
		return "pool= in " + p.From
	case p.Source == URL:
		return "pool= in the url of the section"
	case p.Source == Unassigned:
		return "ActiveRecord's default"
	case p.From != "":
		return fmt.Sprintf("line %d, in the section %q", p.Line, p.From)
	}
	return fmt.Sprintf("line %d", p.Line)
}
