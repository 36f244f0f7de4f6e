package sudoers

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Call is one thing that a rule allows, as sudo can be asked about it: User may run Argv as Runas, with RunasGroup or its own groups, or as
// itself with RunasGroup.
type Call struct {
	User         string
	Runas        string // name
	RunasID      string // the same as #uid
	RunasGroup   string // name
	RunasGroupID string // the same as #gid
	Argv         []string
	NoPassword   bool // no password is asked
}

func (c Call) String() string {
	as := c.Runas
	if c.RunasGroup != "" {
		as = strings.TrimSpace(as + " with group " + c.RunasGroup)
	}
	return fmt.Sprintf("%s run %q as %s", c.User, strings.Join(c.Argv, " "), as)
}

// Listing is what sudo -ll prints about one user: all rules that hold for the user on this host, in the order in which sudo takes them.
// The last one that matches a call decides (sudoers(5), SUDOERS FILE FORMAT).
type Listing struct {
	entries []entry
	trusted bool // Defaults !authenticate holds for the user
	mixed   bool // for certain commands or accounts Defaults say something of their own about the password
	rs      bool // it is sudo-rs' listing

	NeedsTerminal bool // Defaults requiretty holds for the user
}

// entry is one rule of a Listing.
type entry struct {
	file     string // where it stands; sudo tells from 1.9.15
	users    []string
	groups   []string
	options  []string
	commands []string
}

// ParseListing reads the long format, which sudo has had since 1.8.21 at least, and sudo-rs has as well. Complaints about other rules may
// stand before it.
func ParseListing(out string, rs bool) Listing {
	l := Listing{rs: rs}
	var last *entry
	about := "" // the paragraph
	for _, line := range strings.Split(out, "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case line == "":
			about = ""
		case strings.HasPrefix(line, "Sudoers entry:"):
			l.entries = append(l.entries, entry{file: value})
			last = &l.entries[len(l.entries)-1]
		case last != nil && strings.HasPrefix(line, "\t"):
			last.commands = append(last.commands, strings.TrimPrefix(line, "\t"))
		case last != nil:
			last.set(strings.TrimSpace(key), value)
		case strings.HasPrefix(line, "Matching Defaults entries for "):
			about = "all"
		case strings.HasPrefix(line, "Runas and Command-specific defaults for "):
			about = "some"
		default:
			words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' })
			l.trusted = l.trusted || about == "all" && slices.Contains(words, "!authenticate")
			l.NeedsTerminal = l.NeedsTerminal || about == "all" && slices.Contains(words, "requiretty")
			l.mixed = l.mixed || about == "some" && (slices.Contains(words, "authenticate") || slices.Contains(words, "!authenticate"))
		}
	}
	return l
}

func (e *entry) set(key, value string) {
	switch key {
	case "RunAsUsers":
		e.users = splitNames(value)
	case "RunAsGroups":
		e.groups = splitNames(value)
	case "Options":
		e.options = strings.Split(value, ", ")
	}
}

// CheckPassword finds the rule that decides about the call and reports whether it asks for a password as the call says. Where a rule cannot
// be judged that might decide otherwise, doubt says so.
func (l Listing) CheckPassword(c Call) (doubt string, err error) {
	for i := len(l.entries) - 1; i >= 0; i-- {
		e := l.entries[i]
		noPassword, isTagged := e.noPassword(l.trusted)
		for j := len(e.commands) - 1; j >= 0; j-- {
			pattern, negated := strings.CutPrefix(e.commands[j], "!")
			m := min(e.matchesTarget(c, l.rs), matchesCommand(pattern, c.Argv, l.rs))
			if m == no {
				continue
			}
			right := !negated && noPassword == c.NoPassword
			if l.mixed && !isTagged && !negated {
				m, right = maybe, false
			}
			if m == maybe && doubt == "" {
				doubt = fmt.Sprintf("cannot tell whether sudo lets %s: it depends on %s", c, e.describe(j))
			}
			switch {
			case right && m == maybe:
				continue // either way it is not this one that is against the call
			case right:
				return "", nil
			case doubt != "":
				return doubt, nil
			default:
				return "", c.fault(negated, e.describe(j))
			}
		}
	}
	if doubt == "" {
		err = fmt.Errorf("sudo does not let %s: it lists no rule for that", c)
	}
	return doubt, err
}

// fault tells what the rule that decides does against the call.
func (c Call) fault(negated bool, rule string) error {
	switch {
	case negated:
		return fmt.Errorf("sudo does not let %s: denied by %s", c, rule)
	case c.NoPassword:
		return fmt.Errorf("sudo lets %s, but asks for a password, because of %s", c, rule)
	default:
		return fmt.Errorf("sudo lets %s without asking for a password, because of %s", c, rule)
	}
}

// noPassword reports whether the rule asks for none, and whether by a tag of its own.
func (e entry) noPassword(trusted bool) (free, isTagged bool) {
	switch {
	case slices.Contains(e.options, "!authenticate"):
		return true, true
	case slices.Contains(e.options, "authenticate"):
		return false, true
	default:
		return trusted, false
	}
}

// describe is the rule with one of its commands, as a person would look for it.
func (e entry) describe(command int) string {
	where := "a later rule"
	if e.file != "" {
		where += " in " + e.file
	}
	as := strings.Join(e.users, ", ")
	if len(e.groups) > 0 {
		as += " : " + strings.Join(e.groups, ", ")
	}
	return fmt.Sprintf("%s: (%s) %s", where, as, e.commands[command])
}

// match is how sure a match is. Of two that are both needed, the smaller holds.
type match int

const (
	no match = iota
	maybe
	yes
)

func sure(b bool) match {
	if b {
		return yes
	}
	return no
}

// sureUnless is for what matches by all that is known.
func sureUnless(doubtful bool) match {
	if doubtful {
		return maybe
	}
	return yes
}

// matchesTarget compares as whom.
func (e entry) matchesTarget(c Call, rs bool) match {
	users, groups := matchesList(e.users, c.Runas, c.RunasID), matchesList(e.groups, c.RunasGroup, c.RunasGroupID)
	// With groups alone sudo lists the user itself, sudo-rs lists root.
	own := c.User
	if rs {
		own = "root"
	}
	mayBeAlone := len(e.groups) > 0 && slices.Equal(e.users, []string{own})
	switch {
	case c.Runas == "":
		return groups
	case c.RunasGroup != "":
		users = min(users, groups)
	}
	if users == yes && mayBeAlone {
		return maybe
	}
	return users
}

// listedName matches one of the names that sudo lists with a comma and a blank between them: in double quotes where it has a blank, with a
// backslash before a comma, or as it is, as sudo before 1.9 and sudo-rs have it.
var listedName = lazyregexp.New(`(?:, )?(!?"[^"]*"|(?:\\.|[^,]|,[^ ])+)`)

func splitNames(list string) []string {
	var names []string
	for _, m := range listedName().FindAllStringSubmatch(list, -1) {
		names = append(names, m[1])
	}
	return names
}

// listedEscapes are those that sudo puts into names; from 1.9.13 on a backslash itself stands alone.
var listedEscapes = strings.NewReplacer(`\\`, `\`, `\,`, ",", `\:`, ":", `\=`, "=", `\#`, "#", `\"`, `"`)

// isListed reports whether sudo lists the name so.
func isListed(item, name string) bool {
	if item == name {
		return true
	}
	if strings.HasPrefix(item, `"`) {
		item = strings.Trim(item, `"`)
	}
	return listedEscapes.Replace(item) == name
}

// matchesList takes the last item that matches, as sudo does.
func matchesList(items []string, name, id string) match {
	m := no
	for _, item := range items {
		item, negated := strings.CutPrefix(item, "!")
		switch {
		case item == all || isListed(item, name) || id != "" && item == id:
			m = sure(!negated)
		case strings.HasPrefix(item, "%") || strings.HasPrefix(item, "+") || strings.HasPrefix(item, "#") && id == "":
			m = maybe
		}
	}
	return m
}

// unescape takes away the backslashes that sudo needs in a file; sudo-rs lists without them.
var unescape = strings.NewReplacer(`\,`, ",", `\:`, ":", `\=`, "=", `\#`, "#", `\"`, `"`, `\ `, " ")

// matchesCommand compares a command of a rule, as sudo lists it, with a call.
func matchesCommand(pattern string, argv []string, rs bool) match {
	pattern = unescape.Replace(pattern)
	if pattern == all {
		return yes
	}
	if !strings.HasPrefix(pattern, "/") {
		return maybe // a digest, sudoedit, list, a regular expression
	}
	program, args, hasArgs := strings.Cut(pattern, " ")
	m := matchesProgram(program, argv[0], rs)
	if m == no || !hasArgs {
		return m
	}
	return min(m, matchesArguments(args, strings.Join(argv[1:], " "), rs))
}

// matchesProgram knows a program by its name and inode, as sudo does, and a directory by a / at the end. sudo-rs follows links
// to a program of another name, lists a directory as /*, and may take wildcards as they are.
func matchesProgram(pattern, program string, rs bool) match {
	if pattern == program || (rs || path.Base(pattern) == path.Base(program)) && isSame(pattern, program) {
		return yes
	}
	if dir, isDir := strings.CutSuffix(pattern, "/"); isDir {
		return sure(isSame(dir, filepath.Dir(program)))
	}
	if !hasPattern(pattern) {
		return no
	}
	for _, spelling := range spellings(program) {
		if found, err := path.Match(pattern, spelling); err != nil || found {
			return sureUnless(rs || strings.ContainsAny(pattern, `[\`))
		}
	}
	return no
}

// spellings are the program's path and where it leads to; of a merged /usr both.
func spellings(program string) []string {
	all := []string{program, "/usr" + program, strings.TrimPrefix(program, "/usr")}
	if target, err := filepath.EvalSymlinks(program); err == nil {
		all = append(all, target)
	}
	return all
}

func isSame(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	two, err := os.Stat(b)
	return err == nil && os.SameFile(one, two)
}

func hasPattern(text string) bool { return strings.ContainsAny(text, `*?[\`) }

// matchesArguments compares with all arguments in one string, blanks between, as sudo does.
func matchesArguments(pattern, args string, rs bool) match {
	switch {
	case pattern == noArguments:
		return sure(args == "")
	case pattern == args:
		return yes
	case strings.HasPrefix(pattern, "^"):
		return maybe
	case !hasPattern(pattern):
		return no
	}
	// fnmatch(3) without FNM_PATHNAME: a `*` matches blanks and slashes, too. What a class has in it is not looked at.
	text := regexp.MustCompile(`\\.|\[[^]]*\]?|[*?]|[^\\*?[]+`).ReplaceAllStringFunc(pattern, func(piece string) string {
		switch piece[0] {
		case '*':
			return ".*"
		case '?', '[', '\\':
			return "."
		default:
			return regexp.QuoteMeta(piece)
		}
	})
	if !regexp.MustCompile("^" + text + "$").MatchString(args) {
		return no
	}
	return sureUnless(rs || strings.ContainsAny(pattern, `[\`))
}
