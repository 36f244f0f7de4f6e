package sudoersentry

import (
	"errors"
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

// Params are the options of sudoers_entry.yml.
type Params struct {
	Name       string   `option:"name"`
	State      string   `option:"state"`
	Rule                // the short form
	Rules      []Rule   `option:"rules"`
	Defaults   []string `option:"defaults"`
	ExpandUnit bool     `option:"expand_unit"`
	Takeover   string   `option:"takeover"`

	AllowFindings []string `option:"allow_findings"`

	name sudoers.FileName
}

// Rule is one rule, of the option rules or by options of its own.
type Rule struct {
	Users       []string `option:"users"`
	Groups      []string `option:"groups"`
	Hosts       []string `option:"hosts"`
	Runas       []string `option:"runas"`
	RunasGroups []string `option:"runas_groups"`
	Commands    []string `option:"commands"`
	NoPasswd    bool     `option:"nopasswd"`
	SetEnv      bool     `option:"setenv"`
	NoExec      bool     `option:"noexec"`
}

// Validate checks the name and that there is something to grant; what the words of the rules are worth, file tells.
func (p *Params) Validate() error {
	var err error
	if p.name, err = sudoers.ParseFileName(p.Name); err != nil {
		return fmt.Errorf("option %q: %w", "name", err)
	}
	if p.State == "present" && p.Rules != nil && len(p.Rules) == 0 {
		return errors.New(`option "rules": is empty; hint: name at least one rule, or state: absent`)
	}
	return nil
}

// allows reports whether the user allows findings of a check.
func (p *Params) allows(check sudoers.Check) bool {
	return slices.Contains(p.AllowFindings, string(check))
}

// rules are those of either form, each with the words before its options' names.
func (p *Params) rules() (rules []Rule, prefixes []string) {
	if p.Rules == nil {
		return []Rule{p.Rule}, []string{""}
	}
	for i := range p.Rules {
		prefixes = append(prefixes, fmt.Sprintf("rules[%d].", i))
	}
	return p.Rules, prefixes
}

// file turns the words into a file, for a host that has systemctl at these places. Words that are refused are findings; what is wide is a finding
// of package sudolint.
func (p *Params) file(systemctl []string) (sudoers.File, []sudolint.Finding) {
	f := sudoers.File{Name: p.name}
	var refused []sudolint.Finding
	rules, prefixes := p.rules()
	for i, r := range rules {
		rule, err := sudoers.ParseRule(r.request())
		if err != nil {
			refused = append(refused, refusals(prefixes[i], err)...)
			continue
		}
		f.Rules = append(f.Rules, p.spell(rule, systemctl))
	}
	for _, s := range p.Defaults {
		setting, err := sudoers.ParseSetting(s)
		if err != nil {
			refused = append(refused, refusals("", &sudoers.FieldError{Field: "defaults", Err: err})...)
		}
		f.Settings = append(f.Settings, setting)
	}
	if len(refused) == 0 {
		refused = refusals("", f.CheckSettings())
	}
	return f, refused
}

// request is the rule in the words of package sudoers. Without any account it is for root.
func (r Rule) request() sudoers.Request {
	runas := r.Runas
	if runas == nil && r.RunasGroups == nil {
		runas = []string{"root"}
	}
	return sudoers.Request{
		Users: r.Users, Groups: r.Groups, Hosts: r.Hosts, Runas: runas, RunasGroups: r.RunasGroups, Commands: r.Commands,
		NoPassword: r.NoPasswd, SetEnv: r.SetEnv, NoExec: r.NoExec,
	}
}

// spell writes each command as this host needs it: systemctl where it is, and units in both spellings.
func (p *Params) spell(r sudoers.Rule, systemctl []string) sudoers.Rule {
	var all []sudoers.Command
	seen := map[string]bool{}
	for _, command := range r.Commands() {
		spellings := []sudoers.Command{command}
		if p.ExpandUnit {
			spellings = command.Expanded()
		}
		for _, c := range spellings {
			for _, placed := range c.Placed(systemctl) {
				if !seen[placed.String()] {
					seen[placed.String()] = true
					all = append(all, placed)
				}
			}
		}
	}
	return r.With(all)
}

// refusals turns the errors of package sudoers into findings; prefix is where the options stand.
func refusals(prefix string, err error) []sudolint.Finding {
	if err == nil {
		return nil
	}
	var all []sudolint.Finding
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			all = append(all, refusals(prefix, one)...)
		}
		return all
	}
	var field *sudoers.FieldError
	var refusal *sudoers.Refusal
	if !errors.As(err, &field) || !errors.As(err, &refusal) {
		panic(err)
	}
	return []sudolint.Finding{{
		Check: refusal.Check, Severity: sudolint.Error, Option: prefix + field.Field, Message: refusal.Reason, Hint: refusal.Hint,
	}}
}
