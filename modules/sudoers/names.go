package sudoers

import (
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lazyregexp"
)

// all is sudoers' word for everybody, everywhere, everything.
const all = "ALL"

var (
	account = lazyregexp.New(`^[a-z0-9][a-z0-9_.-]{0,254}$`)
	digits  = lazyregexp.New(`^[0-9.]+$`) // a number or an IP address
	id      = lazyregexp.New(`^(0|[1-9][0-9]{0,8})$`)
)

// User is who may run something: a user or all members of a group, by name or by number.
type User struct {
	group bool
	id    bool
	name  string // without its marks
}

// ParseUser takes a name, %group, #uid or %#gid.
func ParseUser(s string) (User, error) {
	rest, group := strings.CutPrefix(s, "%")
	rest, number := strings.CutPrefix(rest, "#")
	u := User{group: group, id: number, name: rest}
	switch {
	case s == all:
		return User{}, refuse(All, "%q would be everybody", s).hint("name users or groups")
	case strings.HasPrefix(s, "!"):
		return User{}, refuse(Negation, "%q is a negation, which is easily got round", s).hint("name those who may")
	case number && !id().MatchString(rest):
		return User{}, refuse(Unportable, "%q is no id; accepted: # and up to nine digits, as every sudo reads them", s)
	case !number && (!account().MatchString(rest) || digits().MatchString(rest)):
		return User{}, refuse(Unportable, "%q cannot be written so that every sudo reads the same name; accepted: a-z 0-9 _ . -, "+
			"starting with a letter or digit", s).hint("give its id as %q", s[:len(s)-len(rest)]+"#1000")
	}
	return u, nil
}

// ParseGroup takes the name of a group or #gid; a % before it changes nothing.
func ParseGroup(s string) (User, error) {
	return ParseUser("%" + strings.TrimPrefix(s, "%"))
}

// String is the user as it stands in sudoers.
func (u User) String() string {
	text := u.name
	if u.id {
		text = "#" + text
	}
	if u.group {
		text = "%" + text
	}
	return text
}

// IsGroup tells whether all members of a group are meant.
func (u User) IsGroup() bool { return u.group }

// Key is the account's name or number, as getent(1) takes it.
func (u User) Key() string { return u.name }

// Host is where a rule holds.
type Host struct{ name string }

// ParseHost takes ALL or the name of a host. Addresses and netgroups are refused: sudo-rs knows neither.
func ParseHost(s string) (Host, error) {
	if s == all || account().MatchString(s) && !digits().MatchString(s) {
		return Host{s}, nil
	}
	return Host{}, refuse(Unportable, "%q is no host name that every sudo reads the same; accepted: ALL, or a-z 0-9 _ . - starting "+
		"with a letter or digit, no address", s)
}

// String is the host as it stands in sudoers.
func (h Host) String() string { return h.name }

// Runas is whom a user may become for a command.
type Runas struct{ user User }

// ParseRunas takes a name, #uid or ALL. The members of a group are refused: nobody means them.
func ParseRunas(s string) (Runas, error) {
	if s == all {
		return Runas{User{name: all}}, nil
	}
	u, err := ParseUser(s)
	if err == nil && u.group {
		err = refuse(Unportable, "%q is a group; accepted: a user name, #uid or ALL", s)
	}
	if err != nil {
		return Runas{}, err
	}
	return Runas{u}, nil
}

// Group is a group that a user may become for a command with sudo -g, while remaining the same user.
type Group struct{ user User }

// ParseRunasGroup takes a name or #gid; a % before it changes nothing.
func ParseRunasGroup(s string) (Group, error) {
	u, err := ParseGroup(s)
	return Group{u}, err
}

// String is the group as it stands in sudoers behind the colon, and as sudo -g takes it.
func (g Group) String() string { return strings.TrimPrefix(g.user.String(), "%") }

// User is the group as one who may, which package accounts can look up.
func (g Group) User() User { return g.user }

// String is the account as it stands in sudoers, and as sudo -u takes it.
func (r Runas) String() string { return r.user.String() }

// IsAll tells whether every account is meant.
func (r Runas) IsAll() bool { return r.user.name == all }

// User is the account; it means nothing when IsAll.
func (r Runas) User() User { return r.user }
