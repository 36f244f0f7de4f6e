package databaseyml

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// target is a mapping that describes one database.
type target struct {
	environment string
	database    string // "": the section is one database
	key         *yaml.Node
	node        *yaml.Node
	values      *rubyyaml.Mapping
	shared      *rubyyaml.Mapping // what shared: gives; may be nil
}

// mostDatabases is more than anybody has; each change reads the whole file again.
const mostDatabases = 256

// databases are the names of the databases of an environment, the first that Rails takes first; "" is one that needs no name.
func (r *reading) databases(environment string) ([]string, error) {
	section, values, err := r.section(environment)
	if err != nil {
		return nil, err
	}
	if !severalDatabases(values) {
		return []string{""}, nil
	}
	if n := len(values.Keys()); n > mostDatabases {
		return nil, r.refuse(section.Key, "name the databases to look after", "the section %q holds %d databases, more than %d", environment, n, mostDatabases)
	}
	var names []string
	for _, key := range values.Keys() {
		if rubyyaml.FromERB(values.At(key).Key) {
			return nil, r.refuse(section.Key, "name the databases to look after", "the name of one of its databases comes from ERB")
		}
		if key.Name == keyPool || key.Name == keyMax {
			return nil, r.refuse(section.Key, byHand, "%s is a mapping, which makes it the name of a database", key.Name)
		}
		if key.Name == "primary" {
			names = append([]string{key.Name}, names...)
		} else {
			names = append(names, key.Name)
		}
	}
	return names, nil
}

// target finds the database of an environment.
func (r *reading) target(environment, database string) (*target, error) {
	section, values, err := r.section(environment)
	if err != nil {
		return nil, err
	}
	if severalDatabases(values) {
		if len(values.Unsettled()) > 0 {
			return nil, r.refuse(section.Key, byHand, "ERB decides whether the section %q holds several databases", environment)
		}
		return r.targetOfSeveral(environment, database, section, values)
	}
	if database != "" && database != "primary" {
		return nil, r.refuse(section.Key, fmt.Sprintf("leave %q out", database),
			"the section %q is one database and has no %q", environment, database)
	}
	if nested := r.nestedDatabase(values); nested != "" {
		return nil, r.refuse(section.Key, "move the plain keys into the databases",
			"the section %q has plain keys beside the database %q, so that Rails takes it for one database without adapter", environment, nested)
	}
	shared, err := r.shared("")
	return &target{environment, "", section.Key, rubyyaml.Deref(section.Value), values, shared}, err
}

// section is the entry of an environment's mapping, and what it resolves to.
func (r *reading) section(environment string) (rubyyaml.Entry, *rubyyaml.Mapping, error) {
	var none rubyyaml.Entry
	if err := r.checkSectionNames(environment); err != nil {
		return none, nil, err
	}
	own := rubyyaml.OwnEntries(r.top, environment)
	switch {
	case len(r.root.Keys()) == 0:
		return none, nil, absence{&Refusal{Reason: "the file has no sections", Hint: "write a section for each environment"}}
	case len(own) == 0:
		return none, nil, absence{&Refusal{Reason: fmt.Sprintf("there is no section %q", environment), Hint: listed("the sections are ", r.root)}}
	}
	section := own[0]
	switch value := rubyyaml.Deref(section.Value); {
	case len(own) > 1:
		return none, nil, r.refuse(own[1].Key, "keep one", "the section %q begins a second time", environment)
	case value.Kind == yaml.ScalarNode && value.Value == "":
		return none, nil, absence{r.refuse(section.Key, "write adapter and database", "the section %q is empty", environment)}
	case rubyyaml.FromERB(value):
		return none, nil, r.refuse(section.Key, byHand, "the section %q comes from ERB", environment)
	case value.Kind == yaml.ScalarNode:
		return none, nil, r.refuse(section.Key, "move it to a key url: in the section",
			"the section %q is a URL and not a mapping", environment)
	case value.Kind != yaml.MappingNode || len(value.Content) == 0:
		return none, nil, r.refuse(section.Key, "write adapter and database", "the section %q is no mapping with keys", environment)
	}
	if entry, _, err := r.root.Entry(environment); err != nil || entry.Value != section.Value || !r.root.Settled(environment) {
		return none, nil, r.refuse(section.Key, byHand, "the section %q is replaced by what << merges at the top", environment)
	}
	values, err := r.resolve(rubyyaml.Deref(section.Value))
	return section, values, err
}

// checkSectionNames refuses a section whose name comes from ERB and may be one that counts.
func (r *reading) checkSectionNames(environment string) error {
	for i := 0; i < len(r.top.Content); i += 2 {
		if key := r.top.Content[i]; rubyyaml.FromERB(key) && rubyyaml.KeyMayBe(key, environment, "shared", "<<") {
			return r.refuse(key, byHand, "the name of a section comes from ERB")
		}
	}
	return nil
}

func (r *reading) targetOfSeveral(environment, database string, section rubyyaml.Entry, values *rubyyaml.Mapping) (*target, error) {
	section.Value = rubyyaml.Deref(section.Value)
	own := rubyyaml.OwnEntries(section.Value, database)
	entry, found, err := values.Entry(database)
	switch {
	case !found:
		return nil, absence{r.refuse(section.Key, listed("its databases are ", values),
			"the section %q has no database %q", environment, database)}
	case len(own) > 1:
		return nil, r.refuse(own[1].Key, "keep one", "the database %q of the section %q begins a second time", database, environment)
	case err != nil || slices.ContainsFunc(values.Keys(), func(key rubyyaml.Key) bool {
		at := values.At(key).Key
		return rubyyaml.FromERB(at) && rubyyaml.KeyMayBe(at, database)
	}):
		return nil, r.refuse(section.Key, "write the database out in the section",
			"ERB decides what the database %q of the section %q is", database, environment)
	}
	t := &target{environment: environment, database: database, key: entry.Key, node: rubyyaml.Deref(entry.Value)}
	if t.values, err = r.resolve(t.node); err != nil {
		return nil, err
	}
	t.shared, err = r.shared(database)
	return t, err
}

// severalDatabases is the rule of ActiveRecord: nothing but mappings.
func severalDatabases(values *rubyyaml.Mapping) bool {
	return len(values.Keys()) > 0 && !slices.ContainsFunc(values.Keys(), func(key rubyyaml.Key) bool {
		return rubyyaml.Deref(values.At(key).Value).Kind != yaml.MappingNode
	})
}

// nestedDatabase is a database within a section that has no connection of its own: its plain keys were meant for several.
func (r *reading) nestedDatabase(values *rubyyaml.Mapping) string {
	if slices.ContainsFunc(values.Keys(), func(key rubyyaml.Key) bool { return slices.Contains([]string{"adapter", "url", "database"}, key.Name) }) {
		return ""
	}
	for _, key := range values.Keys() {
		value := rubyyaml.Deref(values.At(key).Value)
		if value.Kind != yaml.MappingNode {
			continue
		}
		if inner, err := r.doc.Mapping(value); err == nil && (inner.Has(rubyyaml.Key{Name: "adapter"}) || inner.Has(rubyyaml.Key{Name: "database"})) {
			return key.Name
		}
	}
	return ""
}

// printable is what a name looks like. What does not may be a URL with its password that lost a line break.
var printable = lazyregexp.New(`^[A-Za-z0-9_.-]{1,64}$`)

// listed is the printable keys of a mapping after a text, or empty without any.
func listed(begin string, m *rubyyaml.Mapping) string {
	var quoted []string
	for _, key := range m.Keys() {
		if printable().MatchString(key.Name) {
			quoted = append(quoted, fmt.Sprintf("%q", key.Name))
		}
	}
	if quoted == nil {
		return ""
	}
	return begin + strings.Join(quoted, ", ")
}

// shared is what the section shared: gives a database. Rails knows it since 5.2, with several databases since 7.1.
func (r *reading) shared(database string) (*rubyyaml.Mapping, error) {
	entry := r.root.At(rubyyaml.Key{Name: "shared"}) // Rails does not know it as a symbol
	if entry.Value == nil || rubyyaml.Deref(entry.Value).Kind != yaml.MappingNode || r.before(5, 2) {
		return nil, nil
	}
	values, err := r.resolve(rubyyaml.Deref(entry.Value))
	switch several := err == nil && severalDatabases(values); {
	case err != nil || database == "" || (!several && !r.before(7, 1)):
		return values, err
	case !several:
		return nil, r.refuse(entry.Key, "write what is shared into the databases",
			"shared: has plain keys, by which Rails before 7.1 takes a section of several databases for one")
	case r.before(7, 1): // a database that is there takes nothing from it
		return nil, nil
	}
	entry, found, _ := values.Entry(database)
	if !found {
		return nil, nil
	}
	return r.resolve(rubyyaml.Deref(entry.Value))
}

// resolve is a mapping with what it merges, none of whose keys that count may come from ERB.
func (r *reading) resolve(n *yaml.Node) (*rubyyaml.Mapping, error) {
	values, err := r.doc.Mapping(n)
	if err != nil {
		return nil, rubyyaml.Hinted(err, byHand)
	}
	for _, key := range values.Keys() {
		if at := values.At(key).Key; at.Kind == yaml.AliasNode {
			return nil, r.refuse(at, byHand, "a key is an alias")
		}
		if at := values.At(key).Key; rubyyaml.FromERB(at) && rubyyaml.KeyMayBe(at, keyPool, keyMax, keyMin, "url", "<<") {
			return nil, r.refuse(at, byHand, "a key comes from ERB and may be the pool")
		}
	}
	return values, nil
}
