package main

import (
	"fmt"
	"path"
	"regexp"
)

// Model is what a role is made from: the defaults of its variables. Each field has a default; nothing in the role's tasks is
// bound to one environment, so one role serves sandbox, staging and production through group_vars.
type Model struct {
	Project     string // "" takes ansible-samvera's variable project_name
	ServiceName string
	DeployUser  string
	DeployGroup string
	DeployRoot  string // "" is /opt/PROJECT
	RailsEnv    string
	Bundle      string // path of bundle; "" looks for it on the host
	Concurrency int    // threads; 0 leaves it to the application's configuration
	Queues      []string
}

// DefaultModel makes the role that is a drop-in for ansible-samvera's.
func DefaultModel() Model {
	return Model{ServiceName: "sidekiq", DeployUser: "deploy", DeployGroup: "deploy", RailsEnv: "production"}
}

var (
	railsEnv = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	word     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	account  = regexp.MustCompile(`^[a-z_][a-z0-9_-]*$`)
	queue    = regexp.MustCompile(`^[^\s,]+(,[0-9]+)?$`)
)

// Validate refuses what a role could not be made from. The modules check again on the host; here it is for the words of the
// one who generates.
func (m Model) Validate() error {
	for _, check := range []func() error{m.checkWords, m.checkPaths, m.checkQueues} {
		if err := check(); err != nil {
			return err
		}
	}
	if m.Concurrency < 0 {
		return fmt.Errorf("--concurrency: %d is not accepted; accepted: 1 or more, or 0 for the application's own", m.Concurrency)
	}
	return nil
}

func (m Model) checkWords() error {
	for _, f := range []struct {
		flag, value, accepted string
		pattern               *regexp.Regexp
		optional              bool
	}{
		{"project", m.Project, "letters, digits, _ and -", word, true},
		{"service-name", m.ServiceName, "letters, digits, _ and - (sudo ignores files with a dot in their name)", word, false},
		{"deploy-user", m.DeployUser, "the name of an account", account, false},
		{"deploy-group", m.DeployGroup, "the name of a group", account, false},
		{"rails-env", m.RailsEnv, "letters, digits and _", railsEnv, false},
	} {
		if !(f.optional && f.value == "") && !f.pattern.MatchString(f.value) {
			return fmt.Errorf("--%s: %q is not accepted; accepted: %s", f.flag, f.value, f.accepted)
		}
	}
	return nil
}

func (m Model) checkPaths() error {
	for flag, p := range map[string]string{"deploy-root": m.DeployRoot, "bundle": m.Bundle} {
		if p != "" && (!path.IsAbs(p) || path.Clean(p) != p) {
			return fmt.Errorf("--%s: %q is not a clean absolute path; hint: for example /opt/hyrax", flag, p)
		}
	}
	return nil
}

func (m Model) checkQueues() error {
	for _, q := range m.Queues {
		if !queue.MatchString(q) {
			return fmt.Errorf("--queue: %q is not accepted; accepted: NAME or NAME,WEIGHT", q)
		}
	}
	return nil
}
