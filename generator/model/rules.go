package model

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// checkText refuses what a schema cannot say of one text of a field. key is the last of its path.
func checkText(f Field, key, text string) error {
	if jinjaHeader.MatchString(text) {
		return errors.New(`begins with "#jinja2:", which changes Ansible's Jinja delimiters; hint: set its variable in group_vars`)
	}
	plain, err := withoutJinja(text)
	if err != nil {
		return err
	}
	if !f.Template && plain != text {
		return fmt.Errorf("%q is Jinja, which this field does not accept; hint: set its variable in group_vars", expression.FindString(text))
	}
	switch f.Key {
	case "environment":
		err = checkVariable(key, text, plain)
	case "extra_directives", "unit_directives":
		if hasPassword(plain) || secretAssignment.MatchString(text) {
			return errors.New("may have a secret" + readable + secretHint)
		}
		return systemd.CheckDirective(key, systemd.Given(text))
	case "redis.url":
		if hasPassword(expression.ReplaceAllString(text, "")) { // one that is an expression is not in the role
			err = errors.New("has a password, which would be readable by everyone in the role; hint: put it into sidekiq_redis_url of an encrypted group_vars (Ansible Vault)")
		}
	case "playbook.hosts", "stage":
		if slices.Contains(reservedWords, text) || f.Key == "playbook.hosts" && slices.Contains(Stages, text) {
			err = fmt.Errorf("%q is not accepted: it is reserved in inventories or in YAML; hint: name the group of all hosts that run Sidekiq, such as workers", text)
		}
	case "host":
		if text == "all" || text == "ungrouped" {
			err = fmt.Errorf("%q is a group of every inventory; hint: name the host", text)
		}
	case "collection.namespace", "collection.name":
		if strings.Contains(pythonKeywords, " "+text+" ") || text == "ansible" {
			err = fmt.Errorf("%q is reserved by Python or Ansible; hint: choose another name", text)
		}
	case "sudo.extra_commands":
		_, err = sudoers.ParseExact(plain)
		return err
	}
	switch {
	case err == nil && f.Accepts.Path:
		if err = systemd.CheckPath(strings.TrimPrefix(plain, "-")); err != nil && plain != text {
			err = fmt.Errorf("%q is not a clean absolute path", text)
		}
	case err == nil && strings.ContainsAny(text, "\n\r\x00"):
		err = errors.New("has more than one line")
	}
	return err
}

// Stages are the groups of an inventory that names no servers.
var Stages = []string{"sandbox", "staging", "production"}

// reservedWords are no names of groups: Ansible's own, and words that YAML reads as something else.
var reservedWords = []string{"all", "ungrouped", "localhost", "y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// jinjaHeader begins a text whose first line changes the delimiters, in ansible-core 2.15 to 2.19.
var jinjaHeader = regexp.MustCompile(`(?i)^\s*#jinja2:`)

var (
	expression = regexp.MustCompile(`\{\{[^{}]*\}\}`)
	leading    = regexp.MustCompile(`^(-?)\{\{`) // a path that begins with an expression is absolute
	braces     = regexp.MustCompile(`\{\{|\}\}|\{%|%\}|\{#|#\}`)
)

// withoutJinja puts a word in the place of each expression, of which the controller alone knows the value.
func withoutJinja(text string) (string, error) {
	plain := expression.ReplaceAllString(leading.ReplaceAllString(text, "$1/{{"), "x")
	if found := braces.FindString(plain); found != "" {
		return "", fmt.Errorf("%q is Jinja's; accepted: expressions such as {{ sidekiq_project }}; hint: set it in group_vars, where Ansible reads more", found)
	}
	return plain, nil
}

// pythonKeywords cannot name a package, which a collection is.
const pythonKeywords = " and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield "

const secretWord = `(?i)(^|_|\b)(PASSWORD|PASSWD|PASS|PW|PASSPHRASE|SECRET|SECRETS|TOKEN|CREDENTIALS|(API|ACCESS|PRIVATE|MASTER|ENCRYPTION)_KEY|SECRET_KEY_BASE)`

var secretName, secretAssignment = regexp.MustCompile(secretWord + `$`), regexp.MustCompile(secretWord + `=`)

const (
	readable   = ", which would be readable by everyone in the role and the unit"
	secretHint = "; hint: put it into sidekiq_secret_environment of an encrypted group_vars (Ansible Vault)"
)

// checkVariable judges a variable of the unit, which every user of a host can read. It never quotes the value.
func checkVariable(name, text, plain string) error {
	if secretName.MatchString(name) {
		return errors.New("looks like a secret" + readable + secretHint)
	}
	if hasPassword(plain) {
		return errors.New("has a password" + readable + secretHint)
	}
	u := systemd.NewUnit(systemd.MinVersion)
	u.Set("Environment", systemd.Assignment{Name: name, Value: text})
	if _, err := u.Text(); err != nil {
		return errors.New("a unit cannot hold this variable: a name is letters, digits and _, and a value has no control characters")
	}
	return nil
}

// hasPassword finds the password of a URL, also of one that is not well formed.
func hasPassword(text string) bool { return userinfo.MatchString(text) }

var userinfo = regexp.MustCompile(`//[^/@\s]*:[^/@\s]+@`)

// together judges fields that do not go with each other.
func (d *Document) together(m Model) {
	refuse := func(path, format string, values ...any) {
		keys := strings.Split(path, ".")
		d.fault(keys, d.placeOf(keys), fmt.Sprintf(format, values...))
	}
	first := map[string]int{}
	for i, p := range m.Processes {
		path := fmt.Sprintf("processes.%d.name", i)
		if before, twice := first[p.Name]; twice && p.Name != "" {
			refuse(path, "%q is the name of processes[%d] as well; hint: give each process a unique name", p.Name, before)
		}
		first[p.Name] = i
		if name, is := strings.CutSuffix(p.Name, ".service"); is {
			refuse(path, "%q ends in .service; hint: write %q", p.Name, name)
		}
	}
	groups := []string{m.Playbook.Hosts}
	for i, s := range m.Playbook.Servers {
		if s.Stage == m.Playbook.Hosts {
			refuse(fmt.Sprintf("playbook.servers.%d.stage", i), "%q is the group of all hosts as well; hint: change playbook.hosts", s.Stage)
		}
		groups = append(groups, s.Stage)
	}
	stages := map[string]string{}
	for i, s := range m.Playbook.Servers {
		path := fmt.Sprintf("playbook.servers.%d", i)
		if stage, twice := stages[s.Host]; twice {
			refuse(path+".host", "%q is in the stage %q as well, and has one set of variables; hint: keep one stage, or give the host a separate name for each and ansible_host in the inventory", s.Host, stage)
		}
		stages[s.Host] = s.Stage
		if slices.Contains(groups, s.Host) {
			refuse(path+".host", "%q is the name of a group as well; hint: write the full name of the host", s.Host)
		}
		if s.Port > 65535 {
			refuse(path+".port", "%d is not accepted; accepted: a port, at most 65535", s.Port)
		}
	}
	if m.Timeout > 0 && m.StopTimeout > 0 && m.StopTimeout < m.Timeout+5 {
		refuse("stop_timeout", "%d is less than 5 more than timeout (%d), and systemd would kill jobs that Sidekiq pushes back; hint: leave it out: the role computes it", m.StopTimeout, m.Timeout)
	}
	if !slices.Contains(m.Sudo.Systemctl, "restart") {
		refuse("sudo.systemctl", "restart is missing; hint: without it no deploy can restart Sidekiq")
	}
	for _, v := range Variables(m) {
		for _, e := range expression.FindAllString(fmt.Sprint(v.Default), -1) {
			if slices.Contains(name.FindAllString(quoted.ReplaceAllString(e, ""), -1), v.Name) {
				refuse(v.Key, "refers to itself, %s; hint: write it out", v.Name)
			}
		}
	}
}

// The names in an expression of Jinja.
var (
	quoted = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	name   = regexp.MustCompile(`\w+`)
)
