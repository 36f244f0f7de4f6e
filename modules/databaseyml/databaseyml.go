// Package databaseyml reads config/database.yml as Rails reads it and raises one pool in it by changing exactly one line.
// Every other byte stays, or the file is refused with the line, the reason and what to do.
//
// # Decisions
//
// The file is never printed from a data structure: the place is located in the parsed tree (package rubyyaml) and spliced in
// the source, so comments, quotes, ERB and line ends stay as people wrote them.
//
// The pool in effect follows ActiveRecord: the key pool, or max_connections as Rails 8.1 calls it, else 5
// (connection_adapters/abstract/connection_pool.rb, database_configurations/hash_config.rb); what << merges counts by Psych's
// order; a section shared: gives what the section leaves open (railties, application/configuration.rb); a url with pool= wins
// over the key, and DATABASE_URL likewise where the section has no url. A section all of whose values are mappings holds
// several databases (database_configurations.rb), and each has its own pool.
//
// A pool that ERB makes is evaluated, with the environment of the process that will read the file, where it is a plain use of ENV.
// It is never rewritten: too small, it is refused with the variable to set.
//
// A pool is only ever raised. It starts empty and grows on demand, so too large costs nothing, and the same file serves the
// web server.
//
// Where the section has no pool of its own, a line is added after its last <<, since Psych lets a later << win over an earlier
// key; without << after its database, adapter or url. Nothing is written into a mapping from which others inherit, unless
// those others are databases of the same environment.
//
// After the splice the text is parsed again and every other value of every section is compared with what it was. Any
// difference is a refusal, so a mistake in the rules above costs an edit and never a file.
package databaseyml

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/rubyyaml"
)

// Environ looks up a variable of the environment in which Rails reads the file.
type Environ = rubyyaml.Environ

// Refusal says why a file is not read or not changed: line, reason, hint. It never quotes a value of the file.
type Refusal = rubyyaml.Refusal

// File is a database.yml. The zero value is not usable.
type File struct {
	doc     *rubyyaml.Document
	top     *yaml.Node
	root    *rubyyaml.Mapping
	environ Environ
}

const byHand = "edit the file by hand"

// Parse reads source. Every error is a *Refusal.
func Parse(source []byte, environ Environ) (*File, error) {
	doc, err := rubyyaml.Parse(source)
	if err != nil {
		return nil, hinted(err, byHand)
	}
	top := doc.Root()
	if top == nil || top.Kind != yaml.MappingNode {
		return nil, &Refusal{Reason: "the file has no sections", Hint: "write a section for each environment"}
	}
	f := &File{doc: doc, top: top, environ: environ}
	if f.root, err = doc.Mapping(top); err != nil {
		return nil, hinted(err, byHand)
	}
	for i := 0; i < len(top.Content); i += 2 {
		if rubyyaml.FromERB(top.Content[i]) {
			return nil, f.refuse(top.Content[i], byHand, "the name of a section comes from ERB")
		}
	}
	return f, nil
}

// Databases are the names of the databases of an environment whose section holds several, in the order of the file; nil when
// it is one database. Every error is a *Refusal.
func (f *File) Databases(environment string) ([]string, error) {
	_, values, err := f.section(environment)
	if err != nil || !severalDatabases(values) {
		return nil, err
	}
	var names []string
	for _, key := range values.Keys() {
		names = append(names, key.Name)
	}
	return names, nil
}

// target is a mapping that describes one database.
type target struct {
	environment string
	database    string // "": the section is one database
	key         *yaml.Node
	node        *yaml.Node
	values      *rubyyaml.Mapping
	shared      *rubyyaml.Mapping // what shared: gives; may be nil
}

// target finds the database of an environment. "" is the one that Rails takes first: primary, else the first.
func (f *File) target(environment, database string) (*target, error) {
	section, values, err := f.section(environment)
	if err != nil {
		return nil, err
	}
	if severalDatabases(values) {
		return f.targetOfSeveral(environment, database, section, values)
	}
	if database != "" && database != "primary" {
		return nil, f.refuse(section.Key, fmt.Sprintf("leave %q out", database),
			"the section %q is one database and has no %q", environment, database)
	}
	shared, err := f.shared("")
	return &target{environment, "", section.Key, section.Value, values, shared}, err
}

// section is the entry of an environment's mapping, and what it resolves to.
func (f *File) section(environment string) (rubyyaml.Entry, *rubyyaml.Mapping, error) {
	var none rubyyaml.Entry
	own := rubyyaml.OwnEntries(f.top, environment)
	if len(own) == 0 {
		return none, nil, &Refusal{Reason: fmt.Sprintf("there is no section %q", environment),
			Hint: "the sections are " + strings.Join(f.sections(), ", ")}
	}
	section := own[0]
	switch value := section.Value; {
	case len(own) > 1:
		return none, nil, f.refuse(own[1].Key, "keep one", "the section %q begins a second time", environment)
	case value.Kind == yaml.AliasNode:
		return none, nil, f.refuse(value, "write the section out, with << for what it shares",
			"the section %q is an alias of another (*%s)", environment, value.Value)
	case value.Kind == yaml.ScalarNode && value.Value == "":
		return none, nil, f.refuse(section.Key, "write adapter and database", "the section %q is empty", environment)
	case value.Kind == yaml.ScalarNode:
		return none, nil, f.refuse(section.Key, "move it to a key url: in the section",
			"the section %q is a URL and not a mapping", environment)
	case value.Kind != yaml.MappingNode || len(value.Content) == 0:
		return none, nil, f.refuse(section.Key, "write adapter and database", "the section %q is no mapping with keys", environment)
	}
	if entry, _, err := f.root.Entry(environment); err != nil || entry.Value != section.Value {
		return none, nil, f.refuse(section.Key, byHand, "the section %q is replaced by what << merges at the top", environment)
	}
	values, err := f.resolve(section.Value)
	return section, values, err
}

// sections are the names of the sections, for people.
func (f *File) sections() []string {
	var names []string
	for _, key := range f.root.Keys() {
		names = append(names, fmt.Sprintf("%q", key.Name))
	}
	return names
}

func (f *File) targetOfSeveral(environment, database string, section rubyyaml.Entry, values *rubyyaml.Mapping) (*target, error) {
	name := database
	if name == "" {
		name = firstDatabase(values)
	}
	own := rubyyaml.OwnEntries(section.Value, name)
	entry, found, err := values.Entry(name)
	switch {
	case !found:
		return nil, f.refuse(section.Key, "its databases are "+databaseNames(values),
			"the section %q has no database %q", environment, name)
	case len(own) > 1:
		return nil, f.refuse(own[1].Key, "keep one", "the database %q of the section %q begins a second time", name, environment)
	case err != nil || !entry.Own:
		return nil, f.refuse(section.Key, "write the database out in the section",
			"the section %q takes its database %q from another through <<", environment, name)
	case entry.Value.Kind == yaml.AliasNode:
		return nil, f.refuse(entry.Value, "write the database out, with << for what it shares",
			"the database %q is an alias of another (*%s)", name, entry.Value.Value)
	}
	t := &target{environment: environment, database: name, key: entry.Key, node: entry.Value}
	if t.values, err = f.resolve(t.node); err != nil {
		return nil, err
	}
	t.shared, err = f.shared(name)
	return t, err
}

// severalDatabases is the rule of ActiveRecord: nothing but mappings.
func severalDatabases(values *rubyyaml.Mapping) bool {
	for _, key := range values.Keys() {
		if rubyyaml.Deref(values.At(key).Value).Kind != yaml.MappingNode {
			return false
		}
	}
	return len(values.Keys()) > 0
}

func firstDatabase(values *rubyyaml.Mapping) string {
	if _, found, _ := values.Entry("primary"); found {
		return "primary"
	}
	return values.Keys()[0].Name
}

func databaseNames(values *rubyyaml.Mapping) string {
	var names []string
	for _, key := range values.Keys() {
		names = append(names, fmt.Sprintf("%q", key.Name))
	}
	return strings.Join(names, ", ")
}

// shared is what the section shared: gives a database.
func (f *File) shared(database string) (*rubyyaml.Mapping, error) {
	entry, found, _ := f.root.Entry("shared")
	if !found || rubyyaml.Deref(entry.Value).Kind != yaml.MappingNode {
		return nil, nil
	}
	values, err := f.resolve(rubyyaml.Deref(entry.Value))
	if err != nil || database == "" || !severalDatabases(values) {
		return values, err
	}
	entry, found, _ = values.Entry(database)
	if !found {
		return nil, nil
	}
	return f.resolve(rubyyaml.Deref(entry.Value))
}

// resolve is a mapping with what it merges, none of whose keys comes from ERB.
func (f *File) resolve(n *yaml.Node) (*rubyyaml.Mapping, error) {
	values, err := f.doc.Mapping(n)
	if err != nil {
		return nil, hinted(err, byHand)
	}
	for _, key := range values.Keys() {
		switch entry := values.At(key); {
		case rubyyaml.FromERB(entry.Key):
			return nil, f.refuse(entry.Key, byHand, "a key comes from ERB and may be the pool")
		case rubyyaml.Merges(entry.Key) && rubyyaml.FromERB(entry.Value):
			return nil, f.refuse(entry.Key, byHand, "the name of what << merges comes from ERB")
		}
	}
	return values, nil
}

func (f *File) refuse(at *yaml.Node, hint, format string, args ...any) *Refusal {
	return &Refusal{Line: f.doc.Line(at), Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// hinted adds a hint to a refusal that has none.
func hinted(err error, hint string) error {
	if refusal, ok := err.(*Refusal); ok && refusal.Hint == "" {
		refusal.Hint = hint
	}
	return err
}
