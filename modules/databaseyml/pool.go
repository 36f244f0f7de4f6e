package databaseyml

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/rubyyaml"
)

// Default is the pool where nothing says otherwise.
const Default = 5

// Source tells what a pool comes from.
type Source string

// The sources of a pool.
const (
	Own        Source = "own"       // a key of the database itself
	Inherited  Source = "inherited" // a key that << merges
	Shared     Source = "shared"    // a key of the section shared:
	URL        Source = "url"       // pool= in the url of the section, or in DATABASE_URL
	Unassigned Source = "default"   // nothing sets it
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
	Size      int
	Source    Source
	From      string   // the section that an inherited key stands in; of a URL, the variable that holds it
	Line      int      // of the key, from 1; 0 when no key sets it
	Variables []string // of the environment, from which ERB makes it
	Doubt     string   // why it may be another number after all; "" when it is certain
}

// Pool tells the pool of a database of an environment; "" is the database that Rails takes first (primary, else the first).
// Every error is a *Refusal.
func (f *File) Pool(environment, database string) (Pool, error) {
	t, err := f.target(environment, database)
	if err != nil {
		return Pool{}, err
	}
	return f.pool(t)
}

func (f *File) pool(t *target) (Pool, error) {
	p := Pool{Database: t.database, Size: Default, Source: Unassigned}
	var err error
	if p.Key, err = f.key(t); err != nil {
		return p, err
	}
	entry, source, err := f.entry(t, p.Key)
	if err != nil {
		return p, err
	}
	if source != Unassigned {
		p.Source, p.Line, p.From = source, f.doc.Line(entry.Key), f.origin(source, entry.Key)
		p.Variables = f.doc.Variables(entry.Value)
		if p.Size, err = f.size(p.Key, entry.Value); err != nil {
			return p, err
		}
	}
	return f.withURL(t, p)
}

// key is the key to read and to write: the one that sets the pool; max_connections where min_connections wants it.
func (f *File) key(t *target) (string, error) {
	pool, hasPool, err := f.lookup(t, keyPool)
	if err != nil {
		return "", err
	}
	_, hasMax, err := f.lookup(t, keyMax)
	if err != nil {
		return "", err
	}
	_, hasMin, err := f.lookup(t, keyMin)
	if err != nil {
		return "", err
	}
	if !hasMax && !hasMin {
		return keyPool, nil
	}
	if hasPool {
		return "", f.refuse(pool.Key, "keep max_connections for Rails 8.1 and later, pool for earlier ones",
			"pool stands beside max_connections or min_connections, which Rails 8.1 refuses and earlier ones do not know")
	}
	return keyMax, nil
}

func (f *File) lookup(t *target, name string) (rubyyaml.Entry, bool, error) {
	entry, source, err := f.entry(t, name)
	return entry, source != Unassigned, err
}

// entry is the entry of a key that is in effect, and where it comes from.
func (f *File) entry(t *target, name string) (rubyyaml.Entry, Source, error) {
	for _, values := range []*rubyyaml.Mapping{t.values, t.shared} {
		if values == nil {
			continue
		}
		entry, found, err := values.Entry(name)
		switch {
		case err != nil:
			return entry, Unassigned, f.refuse(t.key, "keep one", "%s is set both as a string and as a symbol", name)
		case !found:
			continue
		case values == t.shared:
			return entry, Shared, nil
		case entry.Own:
			return entry, Own, nil
		}
		return entry, Inherited, nil
	}
	return rubyyaml.Entry{}, Unassigned, nil
}

// origin is the section in which an inherited key stands.
func (f *File) origin(source Source, key *yaml.Node) string {
	if source == Own {
		return ""
	}
	name := ""
	for i := 0; i < len(f.top.Content) && f.top.Content[i].Line <= key.Line; i += 2 {
		name = rubyyaml.KeyOf(f.top.Content[i]).Name
	}
	return name
}

var number = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

// size is the number that a value stands for. Spellings that YAML parsers take for different numbers are refused.
func (f *File) size(key string, value *yaml.Node) (int, error) {
	scalar := rubyyaml.Deref(value)
	if scalar.Kind != yaml.ScalarNode || scalar.Style&yaml.TaggedStyle != 0 {
		return 0, f.refuse(value, "write a number", "%s is not a plain value", key)
	}
	text, err := f.doc.Text(scalar, f.environ)
	if errors.Is(err, rubyyaml.ErrRuby) {
		return 0, f.refuse(value, "write a number in its place", "%s: %s", key, err)
	} else if err != nil {
		return 0, f.refuse(value, "set it in the environment of the process", "%s: %s", key, err)
	}
	if isNull(scalar) || (text == "" && scalar.Style == 0) { // as if it were not set; Rails 8.1 takes it for unlimited
		return Default, nil
	}
	if !number.MatchString(text) {
		return 0, f.refuse(value, "write a number from 1", "%s is not a decimal number from 1", key)
	}
	return strconv.Atoi(text)
}

// isNull tells whether a value is written as nothing, ~ or null.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Tag == "!!null"
}

// withURL lets the pool= of a URL win, as ActiveRecord does.
func (f *File) withURL(t *target, p Pool) (Pool, error) {
	url, has, err := f.lookup(t, "url")
	if err != nil {
		return p, err
	}
	text, variable := "", ""
	if !has {
		text, variable = f.environmentURL(t)
	} else if text, err = f.doc.Text(url.Value, f.environ); err != nil {
		p.Doubt = "the url of the section comes from ERB that cannot be read here; a pool= in it would win"
		return p, nil
	}
	value, found := poolOf(text)
	if !found {
		return p, nil
	}
	line := 0
	if has {
		line = f.doc.Line(url.Key)
	}
	if !number.MatchString(value) {
		return p, &Refusal{Line: line, Reason: "the pool= of the database URL is not a decimal number from 1", Hint: "write a number from 1 there"}
	}
	size, err := strconv.Atoi(value)
	return Pool{Database: p.Database, Key: keyPool, Size: size, Source: URL, From: variable, Line: line}, err
}

// environmentURL is the variable whose URL Rails merges over a database that has no url of its own.
func (f *File) environmentURL(t *target) (text, variable string) {
	name := t.database
	if name == "" {
		name = "primary"
	}
	variables := []string{strings.ToUpper(name) + "_DATABASE_URL"}
	if name == "primary" {
		variables = append(variables, "DATABASE_URL")
	}
	for _, variable := range variables {
		if text, set := f.environ(variable); set && text != "" {
			return text, variable
		}
	}
	return "", ""
}

// poolOf is the parameter pool (or max_connections) of a URL.
func poolOf(url string) (value string, found bool) {
	_, query, _ := strings.Cut(url, "?")
	query, _, _ = strings.Cut(query, "#")
	for _, parameter := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, text, _ := strings.Cut(parameter, "=")
		if name == keyPool || name == keyMax {
			value, found = text, true
		}
	}
	return value, found
}

// Origin tells in words where a pool comes from.
func (p Pool) Origin() string {
	switch {
	case p.Source == URL && p.From != "":
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
