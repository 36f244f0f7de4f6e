package databaseyml

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Version is that of Rails.
type Version interface {
	Known() bool
	AtLeast(major, minor, patch int) bool
}

// Rules judge a file by the rules of Psych and of Active Record, where these are certain: no ERB but simple ENV lookups in what matters. Every error is a *Refusal;
// of other files it is Uncertain.
type Rules struct {
	Source      []byte
	Environment string          // of Rails
	Environ     environ.Environ // of the process
	Rails       Version
	Threads     func(variables map[string]string) (int, error) // of Sidekiq with these variables in addition; nil: not known
}

// Ask is Judge.Ask.
func (r Rules) Ask(c Change) (Answer, error) {
	r.Environ = environ.Overlay(r.Environ, c.Variables)
	before, err := r.read(r.Source)
	if err != nil {
		return Answer{}, err
	}
	after := before
	if len(c.Splices) > 0 {
		if after, err = r.read(c.Apply(r.Source)); err != nil {
			return Answer{}, err
		}
	}
	a, err := after.answer()
	if err != nil {
		return Answer{}, err
	}
	if len(c.Splices) > 0 {
		if a.Others, a.Differs, err = compare(before.file, after.file, r.Environment); err != nil {
			return a, err
		}
	}
	for name := range c.Variables {
		a.Differs = a.Differs || before.readsElsewhere(before.top, name)
	}
	if r.Threads != nil {
		a.Threads, err = r.Threads(c.Variables)
	}
	return a, err
}

// reading is a file that is read by the rules.
type reading struct {
	Rules
	*file
}

func (r Rules) read(source []byte) (reading, error) {
	f, err := parse(source)
	if err != nil {
		return reading{}, err
	}
	if refusal := f.doc.Uncertain(); refusal != nil {
		return reading{}, refusal
	}
	return reading{r, f}, nil
}

func (f *file) uncertain(at *yaml.Node, format string, args ...any) error {
	refusal := f.refuse(at, "", format, args...)
	refusal.Uncertain = true
	return refusal
}

// readsElsewhere reports whether ERB reads a variable for anything but a pool.
func (f *file) readsElsewhere(n *yaml.Node, variable string) bool {
	for i, child := range n.Content {
		isPool := n.Kind == yaml.MappingNode && i%2 == 1 && slices.Contains([]string{keyPool, keyMax}, rubyyaml.KeyOf(n.Content[i-1]).Name)
		if !isPool && slices.Contains(f.doc.Variables(child), variable) || f.readsElsewhere(child, variable) {
			return true
		}
	}
	return false
}

func (r reading) answer() (a Answer, err error) {
	section, isSet, err := r.root.Entry(r.Environment)
	switch {
	case err != nil:
		return a, r.uncertain(r.top, "the section %q is written both as a string and as a symbol", r.Environment)
	case !isSet:
		return r.fromVariable(&Refusal{Reason: fmt.Sprintf("there is no section %q, and no DATABASE_URL", r.Environment), Hint: r.sections()})
	}
	switch value := rubyyaml.Deref(section.Value); value.Kind {
	case yaml.ScalarNode:
		pool, err := r.sectionURL(value)
		return Answer{Databases: []Database{{primary, pool}}}, err
	case yaml.MappingNode:
		return r.section(section.Key, value)
	}
	return a, r.refuse(section.Key, "write adapter and database", "the section %q is not a mapping", r.Environment)
}

// fromVariable is the database of DATABASE_URL, which Rails takes where the section has none. The refusal is that for no such variable.
func (r reading) fromVariable(refusal *Refusal) (a Answer, err error) {
	for _, variable := range urlVariables(primary) {
		if text, isSet := r.Environ(variable); isSet {
			pool, err := r.poolOfURL(r.top, text)
			a.Databases = []Database{{primary, pool}}
			return a, err
		}
	}
	return a, refusal
}

// sections are the sections of the file, for a hint.
func (f *file) sections() string {
	var all []string
	for _, key := range f.root.Keys() {
		if IsName(key.Name) {
			all = append(all, key.Name)
		}
	}
	if all == nil {
		return "write a section for each environment"
	}
	return "the sections are " + quoted(all)
}

// sectionURL is the pool of a section that is a URL.
func (r reading) sectionURL(value *yaml.Node) (int, error) {
	text, err := r.text(value)
	switch {
	case err != nil:
		return 0, err
	case !strings.Contains(text, "://"):
		return 0, r.refuse(value, "write adapter and database", "the section %q is neither a mapping nor a URL", r.Environment)
	}
	return r.poolOfURL(value, text)
}

// poolOfURL is the pool of a database of which nothing but a URL is known.
func (r reading) poolOfURL(at *yaml.Node, url string) (int, error) {
	values := map[string]int{}
	if err := r.addURL(at, values, url); err != nil {
		return 0, err
	}
	return r.effective(at, values)
}

func (r reading) section(key, n *yaml.Node) (a Answer, err error) {
	values, err := r.mapping(n)
	if err != nil {
		return a, err
	}
	shared, err := r.shared()
	if err != nil {
		return a, err
	}
	switch {
	case len(values.Keys()) > 0:
	case shared != nil:
		return a, r.uncertain(key, "the section %q has nothing but what a section shared: gives it", r.Environment)
	default:
		return r.fromVariable(r.refuse(key, "write adapter and database", "the section %q is empty", r.Environment))
	}
	if !severalDatabases(values) {
		if nested := r.nested(values); nested != "" {
			return a, r.refuse(key, "move the plain keys into the databases",
				"the section %q has plain keys beside the database %q, so that Rails takes it for one database without adapter", r.Environment, nested)
		}
		pool, err := r.pool(primary, place{key, n, values})
		a.Databases = []Database{{primary, pool}}
		return a, err
	}
	if shared != nil {
		return a, r.uncertain(key, "versions of Rails differ in what a section shared: gives to several databases")
	}
	for _, key := range values.Keys() {
		entry := values.At(key)
		database, err := r.mapping(entry.Value)
		if err != nil {
			return a, err
		}
		pool, err := r.pool(key.Name, place{entry.Key, rubyyaml.Deref(entry.Value), database})
		if err != nil {
			return a, err
		}
		a.Databases = append(a.Databases, Database{key.Name, pool})
	}
	return a, nil
}

// nested returns the name of a database in a section that has plain keys, but no adapter, url or database: the keys were meant for several databases.
func (r reading) nested(values *rubyyaml.Mapping) string {
	has := func(m *rubyyaml.Mapping, names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return m.Has(rubyyaml.Key{Name: name}) })
	}
	if has(values, "adapter", "url", "database") {
		return ""
	}
	for _, key := range values.Keys() {
		if inner, err := r.mapping(values.At(key).Value); err == nil && has(inner, "adapter", "database") {
			return key.Name
		}
	}
	return ""
}

// shared is the section shared:, which Rails knows since 5.2 (railties, application/configuration.rb).
func (r reading) shared() (*rubyyaml.Mapping, error) {
	entry := r.root.At(rubyyaml.Key{Name: "shared"})
	if entry.Value == nil {
		return nil, nil
	}
	if !r.Rails.AtLeast(5, 2, 0) {
		return nil, r.uncertain(entry.Key, "Rails reads a section shared: from 5.2 on")
	}
	return r.mapping(entry.Value)
}

// pool is the pool of a database by its keys and its URL, whose parameters override the keys (hash_config.rb, url_config.rb).
func (r reading) pool(name string, p place) (int, error) {
	for _, key := range []string{keyPool, keyMax, keyMin, "url"} {
		if p.values.Has(rubyyaml.Key{Name: key}) && p.values.Has(rubyyaml.Key{Name: key, Symbol: true}) {
			return 0, r.uncertain(p.key, "%s is set both as a string and as a symbol", key)
		}
	}
	values := map[string]int{}
	for _, e := range r.poolEntries(p) {
		n, err := r.value(e)
		if err != nil {
			return 0, err
		}
		values[e.Key] = n
	}
	if err := r.checkKeys(p, values); err != nil {
		return 0, err
	}
	url, err := r.urlOf(name, p)
	if err != nil {
		return 0, err
	}
	if err := r.addURL(p.key, values, url); err != nil {
		return 0, err
	}
	return r.effective(p.key, values)
}

// checkKeys refuses what Rails 8.1 refuses (hash_config.rb, validate_configuration!).
func (r reading) checkKeys(p place, values map[string]int) error {
	pool, hasPool := values[keyPool]
	maximum, hasMax := values[keyMax]
	hasMin := r.entry(p, keyMin).Source != Unassigned
	switch {
	case hasMin && !r.Rails.Known():
		return r.uncertain(p.key, "Rails reads min_connections from 8.1 on, and its version is not known")
	case !r.Rails.AtLeast(8, 1, 0):
		return nil
	case hasPool && hasMax && pool != maximum:
		return r.refuse(p.key, "keep max_connections", "pool and max_connections differ, which Rails 8.1 refuses")
	case hasPool && hasMin:
		return r.refuse(p.key, "replace pool by max_connections", "pool is set beside min_connections, which Rails 8.1 refuses")
	}
	return nil
}

// addURL adds the parameters of a URL.
func (r reading) addURL(at *yaml.Node, values map[string]int, url string) error {
	for _, key := range []string{keyPool, keyMax} {
		text, isSet := parameter(url, key)
		if !isSet {
			continue
		}
		if !number().MatchString(text) {
			return r.uncertain(at, "%s= of the database URL is not a number from 1", key)
		}
		values[key], _ = strconv.Atoi(text) // nine digits fit
	}
	return nil
}

// effective is the pool of the keys in effect: Rails 8.1 and later prefer max_connections, earlier ones do not know it.
func (r reading) effective(at *yaml.Node, values map[string]int) (int, error) {
	pool, hasPool := values[keyPool]
	if !hasPool {
		pool = Default
	}
	maximum, hasMax := values[keyMax]
	switch {
	case hasMax && !r.Rails.Known() && maximum != pool:
		return 0, r.uncertain(at, "Rails reads max_connections from 8.1 on, and its version is not known")
	case hasMax && r.Rails.AtLeast(8, 1, 0):
		return maximum, nil
	}
	return pool, nil
}

// urlOf is the URL of a database: its own, else that of a variable (database_configurations.rb).
func (r reading) urlOf(name string, p place) (string, error) {
	if url := r.entry(p, "url"); url.Source != Unassigned {
		text, err := r.text(url.value)
		if err != nil || text != "" {
			return text, err
		}
	}
	for _, variable := range urlVariables(name) {
		if text, isSet := r.Environ(variable); isSet {
			return text, nil
		}
	}
	return "", nil
}

// text is the text of a scalar, with its ERB.
func (r reading) text(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Style&yaml.TaggedStyle != 0 {
		return "", r.uncertain(n, "this is not a plain value")
	}
	text, err := r.doc.Text(n, r.Environ)
	switch {
	case errors.Is(err, rubyyaml.ErrRuby):
		return "", r.uncertain(n, "%v", err)
	case err != nil:
		return "", r.refuse(n, "set it by environment or environment_files", "%s", err)
	}
	return text, nil
}

var number = lazyregexp.New(`^[1-9][0-9]{0,8}$`)

// value is the number of an entry. Of other spellings versions of Ruby and of Rails make different numbers.
func (r reading) value(e Entry) (int, error) {
	text, err := r.text(e.value)
	switch {
	case err != nil:
		return 0, err
	case number().MatchString(text):
		return strconv.Atoi(text)
	case text == "" && e.value.Style == 0 && r.Rails.AtLeast(8, 1, 0):
		return Unlimited, nil
	case text == "" && e.value.Style == 0 && r.Rails.Known():
		return Default, nil
	}
	for _, name := range e.Variables {
		if text, isSet := r.Environ(name); isSet && !number().MatchString(strings.TrimSpace(text)) {
			return 0, r.refuse(e.value, fmt.Sprintf("set %s to a number", name), "ERB computes %s from %s, which is not a number from 1", e.Key, name)
		}
	}
	return 0, r.uncertain(e.value, "%s is not a number from 1", e.Key)
}
