package sidekiq

import (
	"errors"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Config is what a config/sidekiq.yml says for one environment.
type Config struct {
	Concurrency *int // threads; nil: not set
	Timeout     *int // seconds that running jobs get at the end; nil: not set
	Queues      []Queue
	Capsules    []Capsule
	Require     string // the application to load; "": not set, or requires Ruby
}

// Queue is a queue to work on.
type Queue struct {
	Name   string // "": requires Ruby
	Weight int    // 0: none, the queues are taken in their order
}

// Capsule is a group of queues with its own threads. The default capsule is the one that Config.Concurrency is for; the others
// come in addition.
type Capsule struct {
	Name        string
	Concurrency *int // threads; nil: an initializer must set them (lib/sidekiq/manager.rb), presumably to Config.Concurrency
}

const defaultCapsule = "default" // lib/sidekiq/config.rb, default_capsule

const setElsewhere = "set concurrency and timeout as options"

// ReadConfig reads a config/sidekiq.yml for an environment such as production as a version of Sidekiq reads it. Every error is a
// *Refusal, also if the file requires Ruby. Then nothing but Timeout is set, to the longest that the file mentions.
func ReadConfig(source []byte, environment string, env environ.Environ, version Version) (Config, error) {
	config, err := readConfig(source, environment, env, version)
	if err != nil {
		return Config{Timeout: longestTimeout(source)}, rubyyaml.Hinted(err, setElsewhere)
	}
	return config, nil
}

var (
	timeoutLine = lazyregexp.New(`(?m)^[ \t]*:?["']?timeout["']?[ \t]*:(.*)$`)
	seconds     = lazyregexp.New(`\b[1-9][0-9]{0,4}\b`)
)

// longestTimeout returns the largest number in the lines of a file that set a timeout, nil without such a line.
func longestTimeout(source []byte) *int {
	var longest *int
	for _, line := range timeoutLine().FindAllSubmatch(source, -1) {
		for _, text := range seconds().FindAllString(string(line[1]), -1) {
			if n, err := strconv.Atoi(text); err == nil && (longest == nil || n > *longest) {
				longest = &n
			}
		}
	}
	return longest
}

func readConfig(source []byte, environment string, env environ.Environ, version Version) (Config, error) {
	doc, err := parseCertain(source, version.trim())
	if err != nil {
		return Config{}, err
	}
	r := reader{doc: doc, env: env, onlySymbols: version.Known() && !version.AtLeast(5, 1, 0)}
	settings, err := r.settings(environment)
	if err != nil {
		return Config{}, err
	}
	return r.config(settings)
}

// parseCertain refuses a document that is uncertain.
func parseCertain(source []byte, trim rubyyaml.Trim) (*rubyyaml.Document, error) {
	doc, err := rubyyaml.Parse(source, trim)
	if err != nil {
		return nil, err
	}
	if uncertain := doc.Uncertain(); uncertain != nil {
		return nil, uncertain
	}
	return doc, nil
}

type reader struct {
	doc         *rubyyaml.Document
	env         environ.Environ
	onlySymbols bool // keys without a leading colon have no effect, but for the name of a section, which must have none (before 5.1)
}

// settings are the values by name: those of the top level, and over them those of the section of the environment.
func (r reader) settings(environment string) (map[string]*yaml.Node, error) {
	settings := map[string]*yaml.Node{}
	root := r.doc.Root()
	if root == nil || isNull(root) {
		return settings, nil
	}
	if err := r.put(settings, root); err != nil {
		return nil, err
	}
	section := settings[environment]
	delete(settings, environment)
	if r.onlySymbols {
		section = r.sectionByString(root, environment)
	}
	if section == nil || isNull(section) {
		return settings, nil
	}
	return settings, r.put(settings, section)
}

// sectionByString is the value of a key without a leading colon.
func (r reader) sectionByString(root *yaml.Node, name string) *yaml.Node {
	values, err := r.doc.Mapping(rubyyaml.Deref(root))
	if err != nil || !values.Has(rubyyaml.Key{Name: name}) {
		return nil
	}
	return rubyyaml.Deref(values.At(rubyyaml.Key{Name: name}).Value)
}

// put adds the entries of a mapping.
func (r reader) put(settings map[string]*yaml.Node, n *yaml.Node) error {
	n = rubyyaml.Deref(n)
	if n.Kind != yaml.MappingNode {
		return &Refusal{Line: r.doc.Line(n), Reason: "settings are wanted here, not a plain value or a list",
			Hint: "write lines such as :concurrency: 10"}
	}
	return r.each(n, func(name string, value *yaml.Node) error {
		settings[name] = value
		return nil
	})
}

// each calls f with the entries of a mapping in their order. Of a key that is written as string and as symbol the string counts:
// what symbolize_keys_deep! comes to.
func (r reader) each(n *yaml.Node, f func(name string, value *yaml.Node) error) error {
	values, err := r.doc.Mapping(n)
	if err != nil {
		return err
	}
	for _, key := range values.Keys() {
		entry := values.At(key)
		if r.onlySymbols != key.Symbol && (r.onlySymbols || values.Has(rubyyaml.Key{Name: key.Name})) {
			continue
		}
		if err := f(key.Name, rubyyaml.Deref(entry.Value)); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) config(settings map[string]*yaml.Node) (Config, error) {
	var c Config
	var err error
	if c.Concurrency, err = r.number("concurrency", settings["concurrency"]); err != nil {
		return Config{}, err
	}
	if c.Timeout, err = r.number("timeout", settings["timeout"]); err != nil {
		return Config{}, err
	}
	if c.Capsules, err = r.capsules(settings["capsules"]); err != nil {
		return Config{}, err
	}
	c.Queues = r.queues(settings["queues"])
	c.Require = r.text(settings["require"])
	return c, nil
}

var positive = lazyregexp.New(`^[1-9][0-9]{0,8}$`)

// number is a setting that Sidekiq wants to be above 0; nil when it is not set.
func (r reader) number(name string, n *yaml.Node) (*int, error) {
	if n == nil || isNull(n) {
		return nil, nil
	}
	line := r.doc.Line(n)
	if n.Kind != yaml.ScalarNode {
		return nil, &Refusal{Line: line, Reason: name + " is not a number", Hint: "write a number from 1"}
	}
	text, err := r.doc.Text(n, r.env)
	if err != nil {
		return nil, &Refusal{Line: line, Reason: name + ": " + err.Error(), Uncertain: errors.Is(err, rubyyaml.ErrRuby)}
	}
	if text == "" && n.Style == 0 {
		return nil, nil
	}
	if !positive().MatchString(text) {
		hint := "write a number from 1"
		if variables := r.doc.Variables(n); len(variables) > 0 {
			hint += ", or set " + strings.Join(variables, " or ") + " to one"
		}
		return nil, &Refusal{Line: line, Reason: name + " is not a number from 1, with which Sidekiq does not start", Hint: hint}
	}
	value, err := strconv.Atoi(text)
	return &value, err
}

// capsules are in the order of the file. Several may be one mapping, by aliases.
func (r reader) capsules(n *yaml.Node) ([]Capsule, error) {
	if n == nil || isNull(n) {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, &Refusal{Line: r.doc.Line(n), Reason: "capsules is not a mapping of names", Hint: "write a mapping for each capsule"}
	}
	var all []Capsule
	known := map[*yaml.Node]*int{}
	err := r.each(n, func(name string, capsule *yaml.Node) error {
		threads, isKnown := known[capsule]
		if !isKnown {
			settings := map[string]*yaml.Node{}
			err := r.put(settings, capsule)
			if err == nil {
				threads, err = r.number("concurrency", settings["concurrency"])
			}
			if err != nil {
				return err
			}
			known[capsule] = threads
		}
		all = append(all, Capsule{name, threads})
		return nil
	})
	return all, err
}

// queues are written as names or as pairs of name and weight.
func (r reader) queues(n *yaml.Node) []Queue {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var all []Queue
	for _, item := range n.Content {
		parts := []*yaml.Node{rubyyaml.Deref(item)}
		if parts[0].Kind == yaml.SequenceNode {
			parts = parts[0].Content
		}
		all = append(all, r.queue(parts))
	}
	return all
}

func (r reader) queue(parts []*yaml.Node) Queue {
	var q Queue
	if len(parts) > 0 {
		q.Name = r.text(rubyyaml.Deref(parts[0]))
	}
	if len(parts) > 1 {
		if weight, err := strconv.Atoi(r.text(rubyyaml.Deref(parts[1]))); err == nil && weight > 0 {
			q.Weight = weight
		}
	}
	return q
}

// text is the text of a scalar, "" if it requires Ruby.
func (r reader) text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	text, err := r.doc.Text(n, r.env)
	if err != nil {
		return ""
	}
	return text
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
