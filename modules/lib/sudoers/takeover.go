package sudoers

import (
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Loss is a line of a file that grants, or sets, something that another file does not.
type Loss struct {
	Line string
	// Grants are the commands of the line that would be lost. There are none where the line was not understood.
	Grants []string
}

// Losses compares a file that somebody wrote by hand with the one that is to take its place. What the new one grants as well, be it in
// other words or together with more, is no loss. A line that is not a plain rule is one, except comments.
//
// (ALL) becomes what the new rule says, if that lets the user run the command as root: without -u, which nobody types, it is root that is meant.
func (f File) Losses(text string) []Loss {
	var losses []Loss
	for _, line := range logicalLines(text) {
		grants, ok := parseGrants(line)
		if !ok {
			losses = append(losses, Loss{Line: line})
			continue
		}
		var lost []string
		for _, g := range grants {
			if !slices.ContainsFunc(f.Rules, func(r Rule) bool { return r.covers(g) }) {
				lost = append(lost, g.command)
			}
		}
		if len(lost) > 0 {
			losses = append(losses, Loss{Line: line, Grants: lost})
		}
	}
	return losses
}

var (
	// comment is what sudo skips: from a `#` that is no id (sudoers(5), Other special characters).
	comment   = lazyregexp.New(`(^|\s)#([^0-9].*)?$`)
	directive = lazyregexp.New(`^\s*#include(dir)?\s`)
)

// logicalLines joins lines that end in a backslash and drops what says nothing.
func logicalLines(text string) []string {
	var lines []string
	for _, line := range strings.Split(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		if !directive().MatchString(line) {
			line = comment().ReplaceAllString(line, "")
		}
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// grant is one command for one user, as somebody wrote it.
type grant struct {
	user, host, runas string
	tags              []string
	command           string
}

// A name in a list, with backslash escapes or in double quotes (sudoers(5), Other special characters and reserved words).
const (
	nameText = `(?:"[^"]*"|(?:\\.|[^\s,:=()"\\])+)`
	listText = `(` + nameText + `(?:\s*,\s*` + nameText + `)*)`
)

var (
	listNames = lazyregexp.New(nameText)
	who       = lazyregexp.New(`^` + listText + `\s+` + listText + `\s*=\s*(.*)$`)
	runasSpec = lazyregexp.New(`^\(\s*` + listText + `?\s*(?::\s*` + listText + `)?\s*\)\s*`)
	tagSpec   = lazyregexp.New(`^([A-Z_]+)\s*:\s*`)
	escape    = lazyregexp.New(`\\(.)`)
	// unclear are names whose escapes change what they are: of a mark, or of a character by its number.
	unclear = lazyregexp.New(`^\\[%#+!]|\\x`)
)

// parseGrants takes a plain rule apart: USERS HOSTS = (RUNAS) TAGS: COMMANDS. Run-as and tags hold for the commands behind them, too.
func parseGrants(line string) ([]grant, bool) {
	m := who().FindStringSubmatch(line)
	if m == nil || strings.HasPrefix(m[1], "Defaults") || strings.HasSuffix(m[1], "_Alias") {
		return nil, false
	}
	users, hosts, rest := plainNames(m[1]), plainNames(m[2]), m[3]
	var grants []grant
	runas, tags := []string{"root"}, []string(nil)
	for isMore := true; isMore; {
		if m := runasSpec().FindStringSubmatch(rest); m != nil {
			runas, rest = pairs(plainNames(m[1]), plainNames(m[2])), rest[len(m[0]):]
		}
		for m := tagSpec().FindStringSubmatch(rest); m != nil; m = tagSpec().FindStringSubmatch(rest) {
			tags, rest = append(slices.Clone(tags), m[1]), rest[len(m[0]):]
		}
		var command string
		command, rest, isMore = cutUnescaped(rest)
		for _, user := range users {
			for _, host := range hosts {
				for _, as := range runas {
					grants = append(grants, grant{user, host, as, tags, unescape.Replace(command)})
				}
			}
		}
	}
	return grants, true
}

// plainNames are the names of a list without quotes and escapes; "" stands for one that is unclear.
func plainNames(list string) []string {
	all := listNames().FindAllString(list, -1)
	for i, name := range all {
		switch {
		case strings.HasPrefix(name, `"`):
			all[i] = strings.Trim(name, `"`)
		case unclear().MatchString(name):
			all[i] = ""
		default:
			all[i] = escape().ReplaceAllString(name, "$1")
		}
	}
	return all
}

// pairs are the accounts as Runas has them: USER, USER:GROUP or :GROUP.
func pairs(users, groups []string) []string {
	if len(users) == 0 {
		users = []string{""} // the user itself
	}
	if len(groups) == 0 {
		return users
	}
	var all []string
	for _, user := range users {
		for _, group := range groups {
			all = append(all, user+":"+group)
		}
	}
	return all
}

// cutUnescaped cuts a list of commands at its first comma.
func cutUnescaped(list string) (first, rest string, isCut bool) {
	for i := range len(list) {
		if list[i] == ',' && (i == 0 || list[i-1] != '\\') {
			return strings.TrimSpace(list[:i]), strings.TrimSpace(list[i+1:]), true
		}
	}
	return strings.TrimSpace(list), "", false
}

// covers reports whether the rule grants the same.
func (r Rule) covers(g grant) bool {
	as := g.runas
	if g.runas == all {
		as = "root"
	}
	hasUser := slices.ContainsFunc(r.users, func(u User) bool { return u.String() == g.user })
	hasHost := r.Everywhere() || slices.ContainsFunc(r.hosts, func(h Host) bool { return h.String() == g.host })
	hasRunas := slices.ContainsFunc(r.runas, func(u Runas) bool { return u.covers(as) }) ||
		slices.ContainsFunc(r.runasGroups, func(g Group) bool { return ":"+g.String() == as })
	return hasUser && hasHost && hasRunas && r.coversTags(g.tags) &&
		slices.ContainsFunc(r.commands, func(c Command) bool { return c.covers(g.command) })
}

// covers reports whether one may become as, a USER, USER:GROUP or :GROUP.
func (r Runas) covers(as string) bool {
	user, group, _ := strings.Cut(as, ":")
	return (r.user.IsAll() || r.user.String() == user) && (group == "" || r.group.user.IsAll() || r.group.user.name != "" && r.group.String() == group)
}

// coversTags: of a pair of opposites the last holds.
func (r Rule) coversTags(tags []string) bool {
	noPassword, setEnv := false, false
	for _, tag := range tags {
		switch tag {
		case "NOPASSWD", "PASSWD":
			noPassword = tag == "NOPASSWD"
		case "SETENV", "NOSETENV":
			setEnv = tag == "SETENV"
		}
	}
	return (!noPassword || r.noPassword) && (!setEnv || r.setEnv)
}

// covers compares words. Both places of systemctl are one.
func (c Command) covers(command string) bool {
	if c.path == all || command == c.String() {
		return true
	}
	program, args, _ := strings.Cut(command, " ")
	same := program == c.path || slices.Contains(systemctlPaths, program) && slices.Contains(systemctlPaths, c.path)
	return same && !c.IsWide() && (c.TakesAnyArguments() || args == strings.TrimPrefix(c.String(), c.path+" "))
}
