package sudoers

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// all is sudoers' word for everybody, everywhere, everything.
const all = "ALL"

// maxID is the largest id: the next is (uid_t)-1, which setresuid(2) takes for "no change" and sudo before 1.8.28 therefore for root
// (CVE-2019-14287).
const maxID = 1<<32 - 2

const maxName = 255 // bytes, for sudo-rs

var (
	// common is what every sudo reads as it is.
	common = lazyregexp.New(`^[a-z0-9][a-z0-9_.-]{0,254}$`)
	digits = lazyregexp.New(`^[0-9.]+$`) // a number or an IP address
	id     = lazyregexp.New(`^(0|[1-9][0-9]{0,9})$`)
	// reserved start another kind of line, quoted or not (sudo-rs), or mean everything.
	reserved = lazyregexp.New(`^(ALL|Defaults|(User|Runas|Host|Cmnd|Cmd)_Alias)$`)
	// taken are read as something else unless they are quoted: an alias, an address, a command, a digest.
	taken = lazyregexp.New(`^([A-Z][A-Z0-9_]*|[0-9.]+|sudoedit|sha(224|256|384|512))$`)
)

// User is who may run something: a user or all members of a group, by name or by number.
type User struct {
	group bool
	id    bool
	name  string // without its marks
}

// ParseUser takes a name, %group, #uid or %#gid. A name may be any that an account can have and that means nothing else in sudoers.
func ParseUser(s string) (User, error) {
	rest, group := strings.CutPrefix(s, "%")
	rest, number := strings.CutPrefix(rest, "#")
	u := User{group: group, id: number, name: rest}
	switch {
	case s == all:
		return User{}, refuse(All, "%q matches every user", s).hint("name users or groups")
	case strings.HasPrefix(s, "!"):
		return User{}, refuse(Negation, "%q is a negation, which is easy to bypass", s).hint("name those who may")
	case number && !isID(rest):
		return User{}, refuse(Unportable, "%q is not an id; accepted: # and a number up to %d", s, maxID)
	case number:
		return u, nil
	}
	if refused := checkName(rest); refused != nil {
		return User{}, refused.of(strconv.Quote(s))
	}
	return u, nil
}

func isID(text string) bool {
	n, err := strconv.ParseUint(text, 10, 64)
	return id().MatchString(text) && err == nil && n <= maxID
}

// checkName refuses what no account is called, what means something else in sudoers, and characters that cannot be seen.
func checkName(name string) *Refusal {
	const accepted = "; accepted: letters, digits, single characters that can be printed, and blanks between them"
	switch {
	case name == "":
		return refuse(Empty, "has no name")
	case digits().MatchString(name) && !strings.Contains(name, "."):
		return refuse(Unportable, "is a number").hint("write an id as #NUMBER")
	case reserved().MatchString(name):
		return refuse(Unportable, "has a meaning of its own in sudoers").hint("give the id of the account, with a # before it")
	case strings.ContainsAny(name[:1], "%#!+-"):
		return refuse(Unportable, "starts with %q, which means something else in sudoers", name[:1]).hint("give the id of the account, with a # before it")
	case strings.Contains(name, ":"):
		return refuse(Unportable, "has a colon, which no account has (passwd(5))")
	case len(name) > maxName:
		return refuse(TooLong, "has %d bytes; accepted: up to %d", len(name), maxName)
	case strings.HasPrefix(name, " ") || strings.HasSuffix(name, " ") || strings.HasSuffix(name, `\`):
		return refuse(Unportable, "starts or ends with a blank, or ends in a backslash%s", accepted)
	}
	for _, r := range name {
		if r == utf8.RuneError || !isLetter(r) && (r < ' ' || r > '~') {
			return refuse(ControlChar, "has the character %q, which cannot be seen or could pass for another%s", r, accepted)
		}
	}
	return nil
}

// isLetter reports whether it is a letter or digit of any script.
func isLetter(r rune) bool { return unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit) }

// word is a name as it stands in sudoers. Characters with a meaning have a backslash before them, which no sudo misreads: sudo-rs refuses a
// line with one that it does not expect. Double quotes are for whole words with a meaning alone, since sudo-rs takes only the start of a
// quoted name up to the first character that it does not know: for 0.2.5 "deploy@corp.example" is deploy.
func word(name string) string {
	if taken().MatchString(name) {
		return `"` + name + `"`
	}
	return escaped(name)
}

func escaped(name string) string {
	var text strings.Builder
	for i, r := range name {
		if !isLetter(r) && !strings.ContainsRune("._-$", r) && (r != '@' || i == 0) {
			text.WriteByte('\\')
		}
		text.WriteRune(r)
	}
	return text.String()
}

// ParseGroup takes the name of a group or #gid; a % before it changes nothing.
func ParseGroup(s string) (User, error) {
	return ParseUser("%" + strings.TrimPrefix(s, "%"))
}

// String is the user in the words of ParseUser.
func (u User) String() string {
	mark := ""
	if u.group {
		mark = "%"
	}
	if u.id {
		mark += "#"
	}
	return mark + u.name
}

// text is the user as it stands in sudoers. Behind a % no word has a meaning.
func (u User) text() string {
	switch {
	case u.id:
		return u.String()
	case u.group:
		return "%" + escaped(u.name)
	default:
		return word(u.name)
	}
}

// isCommon reports whether every sudo can read it.
func (u User) isCommon() bool {
	if u.id {
		return len(u.name) < 10
	}
	return common().MatchString(u.name) && word(u.name) == u.name
}

// IsAll reports whether it is every account, or every group, as only Runas may have it.
func (u User) IsAll() bool { return u.name == all }

// IsGroup reports whether all members of a group are meant.
func (u User) IsGroup() bool { return u.group }

// IsID reports whether it is known by number.
func (u User) IsID() bool { return u.id }

// WithID is the same account by its number.
func (u User) WithID(n uint32) User {
	return User{group: u.group, id: true, name: strconv.FormatUint(uint64(n), 10)}
}

// Lower is an account of the same name without capitals.
func (u User) Lower() User {
	u.name = strings.ToLower(u.name)
	return u
}

// Key is the account's name or number, as getent(1) takes it.
func (u User) Key() string { return u.name }

// Host is where a rule holds.
type Host struct{ name string }

// ParseHost takes ALL or the name of a host. Addresses and netgroups are refused: sudo-rs knows neither.
func ParseHost(s string) (Host, error) {
	if s == all || common().MatchString(s) && !digits().MatchString(s) {
		return Host{s}, nil
	}
	return Host{}, refuse(Unportable, "%q is no host name that every sudo reads the same; accepted: ALL, or a-z 0-9 _ . - starting "+
		"with a letter or digit, no address", s)
}

// String is the host as it stands in sudoers.
func (h Host) String() string { return h.name }

// Runas is whom a user may become for a command, and by sudo -g with which group.
type Runas struct {
	user  User
	group Group // none: the zero value
}

// ParseRunas takes a name, #uid or ALL, and behind a colon a group, #gid or ALL. The members of a group are refused: nobody means them.
func ParseRunas(s string) (Runas, error) {
	name, group, isPair := strings.Cut(s, ":")
	var r Runas
	var err error
	if r.user, err = orAll(name, ParseUser); err == nil && r.user.group {
		err = refuse(Unportable, "%q is a group; accepted: a user name, #uid or ALL, and :GROUP behind it", s)
	}
	if err == nil && isPair {
		r.group.user, err = orAll(group, ParseGroup)
	}
	if err != nil {
		return Runas{}, err
	}
	return r, nil
}

func orAll(s string, parse func(string) (User, error)) (User, error) {
	if s == all {
		return User{name: all}, nil
	}
	return parse(s)
}

// Group is a group that a user may become for a command with sudo -g.
type Group struct{ user User }

// ParseRunasGroup takes a name or #gid; a % before it changes nothing.
func ParseRunasGroup(s string) (Group, error) {
	u, err := ParseGroup(s)
	return Group{u}, err
}

// String is the group in the words of ParseRunasGroup.
func (g Group) String() string { return strings.TrimPrefix(g.user.String(), "%") }

// text is the group as it stands in sudoers behind the colon.
func (g Group) text() string {
	if g.user.id || g.user.IsAll() {
		return g.String()
	}
	return word(g.user.name)
}

// User is the group as one who may, which package accounts can look up.
func (g Group) User() User { return g.user }

// String is the account in the words of ParseRunas.
func (r Runas) String() string {
	if group, isPair := r.Group(); isPair {
		return r.user.String() + ":" + group.String()
	}
	return r.user.String()
}

// text is the account as it stands in sudoers.
func (r Runas) text() string {
	text := r.user.text()
	if r.user.IsAll() {
		text = all
	}
	if group, isPair := r.Group(); isPair {
		text += " : " + group.text()
	}
	return text
}

// IsAll reports whether every account is meant, or every group.
func (r Runas) IsAll() bool { return r.user.IsAll() || r.group.user.IsAll() }

// User is the account; of ALL it means nothing.
func (r Runas) User() User { return r.user }

// Group is the group, if there is one.
func (r Runas) Group() (g Group, isPair bool) { return r.group, r.group.user.name != "" }
