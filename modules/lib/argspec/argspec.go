// Package argspec holds the interface of a module: it reads NAME.yml, the one list of a module's options, and turns the
// arguments of a task into a params struct by it.
//
// NAME.yml is at once what ansible-doc shows, what the binary enforces and what the generator renders into stubs,
// argument_specs and README tables. Its keys DOCUMENTATION, EXAMPLES and RETURN are in ansible-doc's own format; the fourth,
// ARGUMENT_SPEC, holds what that format cannot say: which options are secret and the rules between options.
//
// # Decisions
//
// Coercions are Ansible's (lib/ansible/module_utils/common/validation.py), since `k=v` arguments and templates arrive as
// strings: "yes", "25", "a,b". Where Ansible guesses and a guess can do harm, the value is refused instead: a boolean where
// text is wanted (an unquoted `name: yes` would become "True"), or a list where text is wanted.
//
// A null value counts as not given, so `"{{ x | default(none) }}"` does what it looks like.
//
// The first fault is the error. It names the option by its path (`rules[1].commands`), quotes the value and says what is
// accepted.
package argspec

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// Type is the type of an option, in Ansible's words.
type Type string

// The types that an option can have.
const (
	Str   Type = "str"
	Int   Type = "int"
	Float Type = "float"
	Bool  Type = "bool"
	Path  Type = "path"
	Raw   Type = "raw"
	List  Type = "list"
	Dict  Type = "dict"
)

// Option is one option of a module, or one suboption of an option of type dict (or of a list of them).
type Option struct {
	Name        string   `yaml:"-"`
	Description []string `yaml:"-"`
	Type        Type
	Elements    Type // of a list
	Required    bool
	Default     any // nil: none
	Choices     []any
	Aliases     []string
	NoLog       bool     `yaml:"-"` // its values never appear in any output
	Suboptions  []Option `yaml:"-"`
}

// RequiredIf demands Options when Option has Value: all of them, or one with Any.
type RequiredIf struct {
	Option  string
	Value   any
	Options []string
	Any     bool
}

// Spec is the interface of one module.
type Spec struct {
	Module           string
	ShortDescription string
	Description      []string
	Options          []Option // in the order of the file

	MutuallyExclusive [][]string
	RequiredTogether  [][]string
	RequiredOneOf     [][]string
	RequiredIf        []RequiredIf

	Examples      string    // YAML tasks
	Documentation yaml.Node // as ansible-doc reads it
	Return        yaml.Node // as ansible-doc reads it
}

// file is NAME.yml.
type file struct {
	Documentation yaml.Node `yaml:"DOCUMENTATION"`
	Examples      string    `yaml:"EXAMPLES"`
	Return        yaml.Node `yaml:"RETURN"`
	ArgumentSpec  rules     `yaml:"ARGUMENT_SPEC"`
}

type documentation struct {
	Module           string    `yaml:"module"`
	ShortDescription string    `yaml:"short_description"`
	Description      []string  `yaml:"description"`
	Options          yaml.Node `yaml:"options"`
}

type rules struct {
	NoLog             []string    `yaml:"no_log"`
	MutuallyExclusive [][]string  `yaml:"mutually_exclusive"`
	RequiredTogether  [][]string  `yaml:"required_together"`
	RequiredOneOf     [][]string  `yaml:"required_one_of"`
	RequiredIf        []yaml.Node `yaml:"required_if"`
}

type option struct {
	Option                  `yaml:",inline"`
	Description, Suboptions yaml.Node
}

// Parse reads NAME.yml. An error is a fault of that file, not of a task.
func Parse(doc []byte) (*Spec, error) {
	var f file
	if err := yaml.Unmarshal(doc, &f); err != nil {
		return nil, fmt.Errorf("reading module interface: %w", err)
	}
	var d documentation
	if err := f.Documentation.Decode(&d); err != nil {
		return nil, fmt.Errorf("reading DOCUMENTATION: %w", err)
	}
	s := &Spec{
		Module: d.Module, ShortDescription: d.ShortDescription, Description: d.Description,
		Examples: f.Examples, Documentation: f.Documentation, Return: f.Return,
	}
	var err error
	if s.Options, err = parseOptions(d.Options); err == nil {
		err = s.setRules(f.ArgumentSpec)
	}
	if err != nil {
		return nil, fmt.Errorf("module %q: %w", d.Module, err)
	}
	return s, nil
}

func (s *Spec) setRules(r rules) error {
	s.MutuallyExclusive, s.RequiredTogether, s.RequiredOneOf = r.MutuallyExclusive, r.RequiredTogether, r.RequiredOneOf
	for _, n := range r.RequiredIf {
		required, err := parseRequiredIf(n)
		if err != nil {
			return err
		}
		s.RequiredIf = append(s.RequiredIf, required)
	}
	for _, name := range r.NoLog {
		o := find(s.Options, name)
		if o == nil {
			return fmt.Errorf("no_log names %q, which is no option", name)
		}
		o.NoLog = true
	}
	return s.checkNames()
}

// parseOptions keeps the order of the file, which is the order of the documentation.
func parseOptions(n yaml.Node) ([]Option, error) {
	var options []Option
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		o, err := parseOption(name, n.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("option %q: %w", name, err)
		}
		options = append(options, o)
	}
	return options, nil
}

func parseOption(name string, n *yaml.Node) (Option, error) {
	var raw option
	if err := n.Decode(&raw); err != nil {
		return Option{}, err
	}
	o := raw.Option
	o.Name = name
	var err error
	if o.Description, err = parseDescription(raw.Description); err != nil {
		return o, err
	}
	if o.Suboptions, err = parseOptions(raw.Suboptions); err != nil {
		return o, err
	}
	return o, o.check()
}

// parseDescription takes a string or a list of paragraphs: ansible-doc allows both.
func parseDescription(n yaml.Node) ([]string, error) {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}, nil
	}
	var paragraphs []string
	err := n.Decode(&paragraphs)
	return paragraphs, err
}

func (o Option) check() error {
	if len(o.Description) == 0 {
		return fmt.Errorf("has no description")
	}
	switch o.Type {
	case Str, Int, Float, Bool, Path, Raw, Dict:
		if o.Elements != "" {
			return fmt.Errorf("elements belongs to type list, not to %q", o.Type)
		}
	case List:
		if o.Elements == "" {
			return fmt.Errorf("a list needs elements")
		}
	default:
		return fmt.Errorf("unknown type %q", o.Type)
	}
	if o.Required && o.Default != nil {
		return fmt.Errorf("is required and has a default")
	}
	return nil
}

// parseRequiredIf reads Ansible's form: [option, value, [options], any].
func parseRequiredIf(n yaml.Node) (RequiredIf, error) {
	var r RequiredIf
	if n.Kind != yaml.SequenceNode || len(n.Content) < 3 || len(n.Content) > 4 {
		return r, fmt.Errorf("required_if wants [option, value, [options], any]")
	}
	fields := []any{&r.Option, &r.Value, &r.Options, &r.Any}
	for i, c := range n.Content {
		if err := c.Decode(fields[i]); err != nil {
			return r, fmt.Errorf("required_if: %w", err)
		}
	}
	return r, nil
}

// checkNames finds rules that name no option: they would never hold.
func (s *Spec) checkNames() error {
	groups := append(append(append([][]string{}, s.MutuallyExclusive...), s.RequiredTogether...), s.RequiredOneOf...)
	for _, r := range s.RequiredIf {
		groups = append(groups, []string{r.Option}, r.Options)
	}
	for _, names := range groups {
		for _, name := range names {
			if find(s.Options, name) == nil {
				return fmt.Errorf("a rule names %q, which is no option", name)
			}
		}
	}
	return nil
}

func find(options []Option, name string) *Option {
	if i := slices.IndexFunc(options, func(o Option) bool { return o.Name == name }); i >= 0 {
		return &options[i]
	}
	return nil
}
