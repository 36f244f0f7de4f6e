package sudoers

import (
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Setting is one setting of a Defaults line. It holds for the commands of its file alone.
type Setting struct {
	name     string
	operator string // "", "!", "=", "+=" or "-="
	value    string
}

// form is what may follow the name of a setting.
type form int

const (
	flag    form = iota // NAME or !NAME
	integer             // NAME=NUMBER
	octal               // NAME=MODE
	names               // NAME+=VARIABLES or NAME-=VARIABLES
	paths               // NAME=DIR:DIR
)

// settings are those that change how a command is run and by whom it is noticed, never who may run it. The second group is unknown to
// sudo-rs 0.2.5, whose visudo refuses the file then.
var settings = map[string]form{
	"always_set_home": flag, "env_reset": flag, "lecture": flag, "mail_badpass": flag, "pwfeedback": flag, "use_pty": flag,
	"passwd_tries": integer, "timestamp_timeout": integer, "env_check": names, "env_delete": names, "env_keep": names,
	"secure_path": paths,

	"log_input": flag, "log_output": flag, "mail_always": flag, "mail_no_perms": flag, "requiretty": flag, "set_home": flag,
	"passwd_timeout": integer, "umask": octal,
}

var (
	settingText = lazyregexp.New(`^(!?)([a-z_]+)(?:(\+=|-=|=)(.*))?$`)
	values      = map[form]func() *regexp.Regexp{
		integer: lazyregexp.New(`^(0|[1-9][0-9]{0,3})$`), octal: lazyregexp.New(`^0[0-7]{3}$`),
		names: lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*( [A-Za-z_][A-Za-z0-9_]*)*$`),
		paths: lazyregexp.New(`^(/[A-Za-z0-9_.+@-]+)+(:(/[A-Za-z0-9_.+@-]+)+)*$`),
	}
)

// ParseSetting takes a setting as sudoers(5) has it under SUDOERS OPTIONS, without quotes: `use_pty`, `!lecture`, `timestamp_timeout=0`,
// `env_keep+=RAILS_ENV TZ`. An error is a *Refusal.
func ParseSetting(s string) (Setting, error) {
	m := settingText().FindStringSubmatch(s)
	if m == nil {
		return Setting{}, refuse(Default, "%q is no setting; accepted: NAME, !NAME, NAME=VALUE, NAME+=VARIABLES or NAME-=VARIABLES", s)
	}
	form, known := settings[m[2]]
	if !known {
		return Setting{}, refuse(Default, "%q is not accepted for the commands of one file; accepted: %s", m[2], strings.Join(settingNames(), ", "))
	}
	set := Setting{name: m[2], operator: m[1] + m[3], value: m[4]}
	if !set.fits(form) {
		return Setting{}, refuse(Default, "%q does not fit the setting; accepted: %s", s, usage(m[2], form))
	}
	return set, nil
}

func (s Setting) fits(f form) bool {
	if f == flag {
		return s.operator == "" || s.operator == "!"
	}
	operators := []string{"="}
	if f == names {
		operators = []string{"+=", "-="}
	}
	isUnclean := func(dir string) bool { return path.Clean(dir) != dir }
	return slices.Contains(operators, s.operator) && values[f]().MatchString(s.value) && !slices.ContainsFunc(s.Directories(), isUnclean)
}

func usage(name string, f form) string {
	switch f {
	case integer:
		return name + "=NUMBER, up to 9999"
	case octal:
		return name + "=MODE, as in 0022"
	case names:
		return name + "+=VARIABLES or " + name + "-=VARIABLES, with single blanks between"
	case paths:
		return name + "=DIR:DIR, with clean absolute paths"
	default:
		return name + " or !" + name
	}
}

func settingNames() []string {
	var all []string
	for name := range settings {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

// String is the setting in the words of ParseSetting.
func (s Setting) String() string {
	if s.operator == "!" {
		return "!" + s.name
	}
	return s.name + s.operator + s.value
}

// text is the setting as it stands in sudoers: a list needs quotes.
func (s Setting) text() string {
	if strings.ContainsAny(s.value, " /") {
		return s.name + s.operator + `"` + s.value + `"`
	}
	return s.String()
}

// Kept are the variables that a command gets from its caller because of the setting, and whether only with a value without / and %.
func (s Setting) Kept() (variables []string, isChecked bool) {
	if s.operator != "+=" || s.name != "env_keep" && s.name != "env_check" {
		return nil, false
	}
	return strings.Fields(s.value), s.name == "env_check"
}

// Unchecked are the variables whose values sudo no longer checks because of the setting, or which it no longer removes.
func (s Setting) Unchecked() []string {
	if s.operator != "-=" || s.name == "env_keep" {
		return nil
	}
	return strings.Fields(s.value)
}

// Directories are those in which the command, and what it starts, looks for programs because of the setting.
func (s Setting) Directories() []string {
	if s.name != "secure_path" {
		return nil
	}
	return strings.Split(s.value, ":")
}

// KeepsAll reports whether a command gets every variable of its caller.
func (s Setting) KeepsAll() bool { return s.name == "env_reset" && s.operator == "!" }
