package model

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// textFault says what is wrong with one text of a field that a schema cannot say. key is the last of its path.
func textFault(f Field, key, text string) (what, hint string) {
	if jinjaHeader.MatchString(text) {
		return `begins with "#jinja2:", by which Ansible changes the delimiters of Jinja`, "set its variable in group_vars"
	}
	plain, err := withoutJinja(text)
	if err != nil {
		return hinted(err)
	}
	if !f.Template && plain != text {
		return fmt.Sprintf("%q is Jinja, which this field does not take", expression.FindString(text)), "set its variable in group_vars"
	}
	switch f.Key {
	case "environment":
		if what, hint = variableFault(key, text, plain); what != "" {
			return what, hint
		}
	case "extra_directives", "unit_directives":
		return hinted(systemd.CheckDirective(key, systemd.Given(text)))
	case "redis.url":
		if what, hint = addressFault(text); what != "" {
			return what, hint
		}
	case "playbook.hosts", "stage":
		if slices.Contains(reservedWords, text) || f.Key == "playbook.hosts" && slices.Contains(Stages, text) {
			return fmt.Sprintf("%q is not accepted: it has a meaning of its own in the inventory or in YAML", text), "name the group of all hosts that run Sidekiq, such as workers"
		}
	case "sudo.extra_commands":
		_, err := sudoers.ParseExact(plain)
		return hinted(err)
	}
	if f.Accepts.Path {
		what, hint = hinted(systemd.CheckPath(strings.TrimPrefix(plain, "-")))
		if what != "" && plain != text {
			what, hint = fmt.Sprintf("%q is not a clean absolute path", text), ""
		}
		return what, hint
	}
	return hinted(line(text))
}

// Stages are the groups of an inventory that names no servers.
var Stages = []string{"sandbox", "staging", "production"}

// reservedWords are no names of groups: Ansible's own, and words that YAML reads as something else.
var reservedWords = []string{"all", "ungrouped", "localhost", "y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// hinted parts an error as this project writes them.
func hinted(err error) (what, hint string) {
	if err == nil {
		return "", ""
	}
	what, hint, _ = strings.Cut(err.Error(), "; hint: ")
	return what, hint
}

func line(text string) error {
	if strings.ContainsAny(text, "\n\r\x00") {
		return errors.New("has more than one line")
	}
	return nil
}

// jinjaHeader begins a text whose first line changes the delimiters, in ansible-core 2.15 to 2.19.
var jinjaHeader = regexp.MustCompile(`(?i)^\s*#jinja2:`)

var (
	expression = regexp.MustCompile(`\{\{[^{}]*\}\}`)
	braces     = regexp.MustCompile(`\{\{|\}\}|\{%|%\}|\{#|#\}`)
)

// withoutJinja puts a word in the place of each expression, of which the controller alone knows the value.
func withoutJinja(text string) (string, error) {
	plain := expression.ReplaceAllString(text, "x")
	if rest, mayMiss := strings.CutPrefix(text, "-"); strings.HasPrefix(rest, "{{") {
		plain = "/" + strings.TrimPrefix(plain, "-") // a path that begins with an expression is one
		if mayMiss {
			plain = "-" + plain
		}
	}
	if found := braces.FindString(plain); found != "" {
		return "", fmt.Errorf("%q is Jinja's; accepted: expressions such as {{ sidekiq_project }}; hint: set it in group_vars, where Ansible reads more", found)
	}
	return plain, nil
}

var secretName = regexp.MustCompile(`(?i)(^|_)(PASSWORD|PASSWD|PASS|PW|PASSPHRASE|SECRET|SECRETS|TOKEN|CREDENTIALS|(API|ACCESS|PRIVATE|MASTER|ENCRYPTION)_KEY|SECRET_KEY_BASE)$`)

const secretHint = "put it into sidekiq_secret_environment of an encrypted group_vars (Ansible Vault)"

// variableFault judges a variable of the unit, which every user of a host can read. It never quotes the value.
func variableFault(name, text, plain string) (what, hint string) {
	if secretName.MatchString(name) {
		return "looks like a secret, and would stand in the role and in the unit for everybody to read", secretHint
	}
	if hasPassword(plain) {
		return "has a password, which would stand in the role and in the unit for everybody to read", secretHint
	}
	u := systemd.NewUnit(systemd.MinVersion)
	u.Set("Environment", systemd.Assignment{Name: name, Value: text})
	if _, err := u.Text(); err != nil {
		return "a unit cannot hold this variable: a name is letters, digits and _, and a value has no control characters", ""
	}
	return "", ""
}

// addressFault judges an address that no unit holds: a password that is an expression stands nowhere.
func addressFault(text string) (what, hint string) {
	if hasPassword(expression.ReplaceAllString(text, "")) {
		return "has a password, which would stand in the role for everybody to read", "put it into sidekiq_redis_url of an encrypted group_vars (Ansible Vault)"
	}
	return "", ""
}

// hasPassword finds the password of a URL, also of one that is not well formed.
func hasPassword(text string) bool {
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		password, _ := u.User.Password()
		return password != ""
	}
	return userinfo.MatchString(text)
}

var userinfo = regexp.MustCompile(`://[^/@\s]*:[^/@\s]+@`)

// together are the faults of fields that do not go with each other.
func together(m Model) []Fault {
	var faults []Fault
	first := map[string]int{}
	for i, p := range m.Processes {
		if before, twice := first[p.Name]; twice && p.Name != "" {
			faults = append(faults, Fault{Path: []string{"processes", strconv.Itoa(i), "name"},
				What: fmt.Sprintf("%q is the name of processes[%d] as well", p.Name, before), Hint: "give each process a name of its own"})
		}
		first[p.Name] = i
		if strings.HasSuffix(p.Name, ".service") {
			faults = append(faults, Fault{Path: []string{"processes", strconv.Itoa(i), "name"},
				What: fmt.Sprintf("%q ends in .service", p.Name), Hint: fmt.Sprintf("write %q", strings.TrimSuffix(p.Name, ".service"))})
		}
	}
	for i, s := range m.Playbook.Servers {
		if s.Stage == m.Playbook.Hosts {
			faults = append(faults, Fault{Path: []string{"playbook", "servers", strconv.Itoa(i), "stage"},
				What: fmt.Sprintf("%q is the group of all hosts as well", s.Stage), Hint: "change playbook.hosts"})
		}
	}
	if m.Timeout > 0 && m.StopTimeout > 0 && m.StopTimeout < m.Timeout+5 {
		faults = append(faults, Fault{Path: []string{"stop_timeout"}, What: fmt.Sprintf("%d is less than 5 more than timeout (%d), and systemd would kill jobs that Sidekiq pushes back",
			m.StopTimeout, m.Timeout), Hint: "leave it out: the role computes it"})
	}
	if !slices.Contains(m.Sudo.Systemctl, "restart") {
		faults = append(faults, Fault{Path: []string{"sudo", "systemctl"}, What: "restart is missing", Hint: "without it no deploy can restart Sidekiq"})
	}
	return append(faults, leaning(Variables(m))...)
}

var (
	quotedText  = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	ownVariable = regexp.MustCompile(`\bsidekiq_\w+`)
)

// leaning are the faults of defaults that lean on themselves, by way of other variables or not.
func leaning(variables []Field) []Fault {
	on := map[string][]string{}
	for _, v := range variables {
		for _, e := range expression.FindAllString(fmt.Sprint(v.Default), -1) {
			on[v.Name] = append(on[v.Name], ownVariable.FindAllString(quotedText.ReplaceAllString(e, ""), -1)...)
		}
	}
	var faults []Fault
	for _, v := range variables {
		i := slices.IndexFunc(on[v.Name], func(name string) bool { return reaches(on, name, v.Name, map[string]bool{}) })
		if i >= 0 {
			faults = append(faults, Fault{Path: strings.Split(v.Key, "."), What: fmt.Sprintf("leans on %s, which leans on it", on[v.Name][i]), Hint: "write it out"})
		}
	}
	return faults
}

// reaches tells whether a variable leans on another, or is it.
func reaches(on map[string][]string, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	seen[from] = true
	return slices.ContainsFunc(on[from], func(next string) bool { return !seen[next] && reaches(on, next, to, seen) })
}
