package sudoersentry

import (
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

// options are those of sudoers_entry.yml.
type options struct {
	Name       string   `option:"name"`
	State      string   `option:"state"`
	rule                // the short form
	Rules      []rule   `option:"rules"`
	Defaults   []string `option:"defaults"`
	ExpandUnit bool     `option:"expand_unit"`
	Takeover   string   `option:"takeover"`

	AllowFindings []string `option:"allow_findings"`

	file    sudoers.File // what the options say, once they are validated
	refused []sudolint.Finding
}

// rule is one rule, of the option rules or by options of its own.
type rule struct {
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

// Validate checks the name and that there is something to grant. Words that sudoers cannot say are findings, so that all of them are returned.
func (o *options) Validate() (err error) {
	if o.file.Name, err = sudoers.ParseFileName(o.Name); err != nil {
		return argspec.Errorf("name", "%w", err)
	}
	if o.State == "absent" {
		return nil
	}
	if o.Rules != nil && len(o.Rules) == 0 {
		return argspec.Errorf("rules", "is empty; hint: name at least one rule, or state: absent")
	}
	if o.Rules == nil {
		o.parseRule("", o.rule)
	}
	for i, r := range o.Rules {
		o.parseRule(fmt.Sprintf("rules[%d].", i), r)
	}
	for _, s := range o.Defaults {
		setting, err := sudoers.ParseSetting(s)
		if err != nil {
			o.refused = append(o.refused, refusals("", &sudoers.FieldError{Field: "defaults", Err: err})...)
		}
		o.file.Settings = append(o.file.Settings, setting)
	}
	return nil
}

// parseRule adds a rule; prefix is where its options stand. Without any account it is for root.
func (o *options) parseRule(prefix string, r rule) {
	if r.Runas == nil && r.RunasGroups == nil {
		r.Runas = []string{"root"}
	}
	parsed, err := sudoers.ParseRule(sudoers.Request{
		Users: r.Users, Groups: r.Groups, Hosts: r.Hosts, Runas: r.Runas, RunasGroups: r.RunasGroups, Commands: r.Commands,
		NoPassword: r.NoPasswd, SetEnv: r.SetEnv, NoExec: r.NoExec,
	})
	if err != nil {
		o.refused = append(o.refused, refusals(prefix, err)...)
		return
	}
	o.file.Rules = append(o.file.Rules, parsed)
}
