package sudoersentry

import (
	"errors"
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
)

// Params are the options of sudoers_entry.yml.
type Params struct {
	Name     string   `option:"name"`
	State    string   `option:"state"`
	Users    []string `option:"users"`
	Groups   []string `option:"groups"`
	Hosts    []string `option:"hosts"`
	Runas    []string `option:"runas"`
	Commands []string `option:"commands"`
	NoPasswd bool     `option:"nopasswd"`
	Rules    []Rule   `option:"rules"`

	name sudoers.FileName
	file sudoers.File
}

// Rule is one rule of the option rules.
type Rule struct {
	Users    []string `option:"users"`
	Groups   []string `option:"groups"`
	Hosts    []string `option:"hosts"`
	Runas    []string `option:"runas"`
	Commands []string `option:"commands"`
	NoPasswd bool     `option:"nopasswd"`
}

// Validate turns the words into a file. For state absent only the name counts.
func (p *Params) Validate() error {
	var err error
	if p.name, err = sudoers.ParseFileName(p.Name); err != nil {
		return fmt.Errorf("option %q: %w", "name", err)
	}
	if p.State == "absent" {
		return nil
	}
	if p.Rules == nil {
		return p.add("", Rule{p.Users, p.Groups, p.Hosts, p.Runas, p.Commands, p.NoPasswd})
	}
	if len(p.Rules) == 0 {
		return errors.New(`option "rules": is empty; hint: name at least one rule, or state: absent`)
	}
	for i, r := range p.Rules {
		if err := p.add(fmt.Sprintf("rules[%d].", i), r); err != nil {
			return err
		}
	}
	return nil
}

// add checks a rule; prefix is where its options stand.
func (p *Params) add(prefix string, r Rule) error {
	rule, err := sudoers.ParseRule(sudoers.Request{
		Users: r.Users, Groups: r.Groups, Hosts: r.Hosts, Runas: r.Runas, Commands: r.Commands, NoPassword: r.NoPasswd,
	})
	var fault *sudoers.FieldError
	if errors.As(err, &fault) {
		return fmt.Errorf("option %q: %w", prefix+fault.Field, fault.Err)
	}
	p.file = append(p.file, rule)
	return err
}
