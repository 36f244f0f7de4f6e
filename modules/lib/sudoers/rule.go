package sudoers

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxItems is sudo-rs' limit for a list.
const maxItems = 127

// Request is a rule in plain words, nothing checked yet: Users may run Commands as Runas on Hosts.
type Request struct {
	Users       []string // name, %group, #uid or %#gid
	Groups      []string // name or #gid
	Hosts       []string // host name or ALL
	Runas       []string // name, #uid or ALL; and with :GROUP behind it
	RunasGroups []string // name or #gid
	Commands    []string // as ParseCommand takes them
	NoPassword  bool
	SetEnv      bool // the caller may set variables of the command
	NoExec      bool // the command may not start others
}

// FieldError says which field of a Request is at fault, in the words of the module's options. Err is a *Refusal.
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap gives the fault itself.
func (e *FieldError) Unwrap() error { return e.Err }

// Rule is a Request that can be said in sudoers. ParseRule makes it.
type Rule struct {
	users       []User
	hosts       []Host
	runas       []Runas
	runasGroups []Group
	commands    []Command
	noPassword  bool
	setEnv      bool
	noExec      bool
}

// ParseRule checks every word. Its errors are of type *FieldError, joined.
func ParseRule(q Request) (Rule, error) {
	r := Rule{noPassword: q.NoPassword, setEnv: q.SetEnv, noExec: q.NoExec}
	var faults [6]error
	var groups []User
	r.users, faults[0] = parseAll("users", q.Users, ParseUser)
	groups, faults[1] = parseAll("groups", q.Groups, ParseGroup)
	r.hosts, faults[2] = parseAll("hosts", q.Hosts, ParseHost)
	r.runas, faults[3] = parseAll("runas", q.Runas, ParseRunas)
	r.runasGroups, faults[4] = parseAll("runas_groups", q.RunasGroups, ParseRunasGroup)
	r.commands, faults[5] = parseAll("commands", q.Commands, ParseCommand)
	if err := errors.Join(faults[:]...); err != nil {
		return Rule{}, err
	}
	r.users = append(r.users, groups...)
	return r, r.checkLists()
}

// checkLists refuses empty lists, which sudoers cannot say, and lists too long for sudo-rs. Commands have a line each.
func (r Rule) checkLists() error {
	for _, list := range []struct {
		field   string
		n, most int
		wanted  string
	}{
		{"users", len(r.users), maxItems, "user or group"}, {"hosts", len(r.hosts), maxItems, "host, or ALL"},
		{"runas", len(r.runas) + len(r.runasGroups), maxItems, "account"}, {"commands", len(r.commands), math.MaxInt, "command"},
	} {
		if list.n == 0 {
			return &FieldError{list.field, refuse(Empty, "is empty").hint("name at least one %s", list.wanted)}
		}
		if list.n > list.most {
			return &FieldError{list.field, refuse(TooLong, "%d are too many for sudo-rs; accepted: up to %d", list.n, list.most).hint("use a group or several rules")}
		}
	}
	return nil
}

// parseAll goes on after a fault, so that all can be told at once.
func parseAll[T any](field string, words []string, parse func(string) (T, error)) ([]T, error) {
	parsed := make([]T, len(words))
	var faults []error
	for i, w := range words {
		var err error
		if parsed[i], err = parse(w); err != nil {
			faults = append(faults, &FieldError{field, err})
		}
	}
	return parsed, errors.Join(faults...)
}

// Users are those who may, groups included.
func (r Rule) Users() []User { return r.users }

// Runas are the accounts that they may become; none where the rule has groups alone.
func (r Rule) Runas() []Runas { return r.runas }

// RunasGroups are the groups that they may become while they remain who they are.
func (r Rule) RunasGroups() []Group { return r.runasGroups }

// Accounts are all users and groups that the rule names.
func (r Rule) Accounts() []User {
	all := slices.Clone(r.users)
	for _, as := range r.runas {
		all = append(all, as.user, as.group.user)
	}
	for _, g := range r.runasGroups {
		all = append(all, g.user)
	}
	return slices.DeleteFunc(all, func(u User) bool { return u.IsAll() || u.name == "" })
}

// Sample is a policy that names an account which not every sudo reads.
type Sample struct {
	Account User
	Text    string
}

// Samples are one for each such account and place: sudo-rs takes fewer characters in a name, and fewer digits in an id. The account stands where
// that is an error: elsewhere sudo-rs takes an id of ten digits for a comment, or for nobody.
func (r Rule) Samples() (all []Sample) {
	add := func(u User, before, text, after string) {
		if !u.isCommon() && !u.IsAll() {
			all = append(all, Sample{u, before + text + after + "root) /bin/true\n"})
		}
	}
	for _, u := range r.users {
		add(u, "root, ", u.text(), " ALL=(")
	}
	groups := slices.Clone(r.runasGroups)
	for _, as := range r.runas {
		add(as.user, "root ALL=(", as.user.text(), ", ")
		if group, isPair := as.Group(); isPair {
			groups = append(groups, group)
		}
	}
	for _, g := range groups {
		add(g.user, "root ALL=(root : ", g.text(), ", ")
	}
	return all
}

// Commands are what they may run.
func (r Rule) Commands() []Command { return r.commands }

// NoPassword reports whether no password is asked.
func (r Rule) NoPassword() bool { return r.noPassword }

// SetsEnv reports whether callers may set any variable of the command.
func (r Rule) SetsEnv() bool { return r.setEnv }

// Everywhere reports whether the rule holds on every host that has the file.
func (r Rule) Everywhere() bool { return slices.Contains(r.hosts, Host{all}) }

// With is the same rule for other commands.
func (r Rule) With(commands []Command) Rule {
	r.commands = commands
	return r
}

// lines has one line for each command and target.
func (r Rule) lines(d Dialect) []string {
	users, hosts := join(r.users, User.text), join(r.hosts, Host.String)
	var lines []string
	for _, target := range r.targets() {
		for _, c := range r.commands {
			lines = append(lines, fmt.Sprintf("%s %s=(%s) %s %s", users, hosts, target, strings.Join(r.tags(), " "), c.text(d)))
		}
	}
	return lines
}

// targets are the contents of the parentheses. In one list, (a, b : g) would allow g with both, and g alone to sudo before 1.9.15.
func (r Rule) targets() []string {
	var alone []Runas
	var targets []string
	for _, as := range r.runas {
		if _, isPair := as.Group(); isPair {
			targets = append(targets, as.text())
		} else {
			alone = append(alone, as)
		}
	}
	if len(r.runasGroups) > 0 {
		targets = append([]string{":" + join(r.runasGroups, Group.text)}, targets...)
	}
	if len(alone) > 0 {
		targets = append([]string{join(alone, Runas.text)}, targets...)
	}
	return targets
}

func (r Rule) tags() []string {
	tags := []string{"PASSWD:"}
	if r.noPassword {
		tags[0] = "NOPASSWD:"
	}
	if r.setEnv {
		tags = append(tags, "SETENV:")
	}
	if r.noExec {
		tags = append(tags, "NOEXEC:")
	}
	return tags
}

func join[T any](items []T, text func(T) string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = text(item)
	}
	return strings.Join(texts, ", ")
}
