package sudoers

import (
	"fmt"
	"math"
	"strings"
)

// maxItems is sudo-rs' limit for a list.
const maxItems = 127

// Request is a rule in plain words, nothing checked yet: Users may run Commands as Runas on Hosts.
type Request struct {
	Users      []string // name, %group, #uid or %#gid
	Groups     []string // name or #gid
	Hosts      []string // host name or ALL
	Runas      []string // name, #uid or ALL
	Commands   []string // as ParseCommand takes them
	NoPassword bool
}

// FieldError says which field of a Request is at fault, in the words of the module's options.
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap gives the fault itself.
func (e *FieldError) Unwrap() error { return e.Err }

// Rule is a Request that can be said in sudoers. ParseRule makes it.
type Rule struct {
	users      []User
	hosts      []Host
	runas      []Runas
	commands   []Command
	noPassword bool
}

// ParseRule checks every word. Its errors are of type *FieldError.
func ParseRule(q Request) (Rule, error) {
	r := Rule{noPassword: q.NoPassword}
	groups, err := parseAll("groups", q.Groups, ParseGroup)
	if err != nil {
		return Rule{}, err
	}
	if r.users, err = parseAll("users", q.Users, ParseUser); err != nil {
		return Rule{}, err
	}
	r.users = append(r.users, groups...)
	if r.hosts, err = parseAll("hosts", q.Hosts, ParseHost); err != nil {
		return Rule{}, err
	}
	if r.runas, err = parseAll("runas", q.Runas, ParseRunas); err != nil {
		return Rule{}, err
	}
	if r.commands, err = parseAll("commands", q.Commands, ParseCommand); err != nil {
		return Rule{}, err
	}
	return r, r.checkLengths()
}

// checkLengths refuses empty lists, which sudoers cannot say, and lists too long for sudo-rs. Commands have a line each.
func (r Rule) checkLengths() error {
	for _, list := range []struct {
		field   string
		n, most int
		wanted  string
	}{
		{"users", len(r.users), maxItems, "user or group"}, {"hosts", len(r.hosts), maxItems, "host, or ALL"},
		{"runas", len(r.runas), maxItems, "account"}, {"commands", len(r.commands), math.MaxInt, "command"},
	} {
		if list.n == 0 {
			return &FieldError{list.field, fmt.Errorf("is empty; hint: name at least one %s", list.wanted)}
		}
		if list.n > list.most {
			return &FieldError{list.field, fmt.Errorf("%d are too many for sudo-rs; accepted: up to %d; hint: use a group or several rules", list.n, list.most)}
		}
	}
	return nil
}

func parseAll[T any](field string, words []string, parse func(string) (T, error)) ([]T, error) {
	parsed := make([]T, len(words))
	for i, w := range words {
		var err error
		if parsed[i], err = parse(w); err != nil {
			return nil, &FieldError{field, err}
		}
	}
	return parsed, nil
}

// Users are those who may, groups included.
func (r Rule) Users() []User { return r.users }

// Runas are the accounts that they may become.
func (r Rule) Runas() []Runas { return r.runas }

// Commands are what they may run.
func (r Rule) Commands() []Command { return r.commands }

// Everywhere tells whether the rule holds on every host that has the file.
func (r Rule) Everywhere() bool {
	for _, h := range r.hosts {
		if h.name == all {
			return true
		}
	}
	return false
}

func (r Rule) lines() []string {
	tag := "PASSWD"
	if r.noPassword {
		tag = "NOPASSWD"
	}
	start := fmt.Sprintf("%s %s=(%s) %s: ", join(r.users), join(r.hosts), join(r.runas), tag)
	lines := make([]string, len(r.commands))
	for i, c := range r.commands {
		lines[i] = start + c.String()
	}
	return lines
}

func join[T fmt.Stringer](items []T) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.String()
	}
	return strings.Join(texts, ", ")
}
