package sudoers

import (
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lazyregexp"
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
			if !f.covers(g) {
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

var (
	aroundComma = lazyregexp.New(`\s*,\s*`)
	runasSpec   = lazyregexp.New(`^\(([^)]*)\)\s*`)
	tagSpec     = lazyregexp.New(`^([A-Z_]+)\s*:\s*`)
)

// parseGrants takes a plain rule apart: USERS HOSTS = (RUNAS) TAGS: COMMANDS. Run-as and tags hold for the commands behind them, too.
func parseGrants(line string) ([]grant, bool) {
	left, right, ok := strings.Cut(line, "=")
	words := strings.Fields(aroundComma().ReplaceAllString(left, ","))
	if !ok || len(words) != 2 || strings.HasPrefix(words[0], "Defaults") || strings.HasSuffix(words[0], "_Alias") {
		return nil, false
	}
	var grants []grant
	runas, tags := "root", []string(nil)
	for _, item := range splitUnescaped(right) {
		if m := runasSpec().FindStringSubmatch(item); m != nil {
			runas, item = aroundComma().ReplaceAllString(strings.TrimSpace(m[1]), ","), item[len(m[0]):]
		}
		for m := tagSpec().FindStringSubmatch(item); m != nil; m = tagSpec().FindStringSubmatch(item) {
			tags, item = append(slices.Clone(tags), m[1]), item[len(m[0]):]
		}
		for _, user := range strings.Split(words[0], ",") {
			for _, host := range strings.Split(words[1], ",") {
				for _, as := range strings.Split(runas, ",") {
					grants = append(grants, grant{user, host, as, tags, unescape.Replace(item)})
				}
			}
		}
	}
	return grants, true
}

// splitUnescaped splits a list of commands at its commas.
func splitUnescaped(list string) []string {
	var items []string
	start := 0
	for i := range len(list) {
		if list[i] == ',' && (i == 0 || list[i-1] != '\\') {
			items, start = append(items, strings.TrimSpace(list[start:i])), i+1
		}
	}
	return append(items, strings.TrimSpace(list[start:]))
}

// covers tells whether one of the file's rules grants the same.
func (f File) covers(g grant) bool {
	for _, r := range f.Rules {
		if r.covers(g) {
			return true
		}
	}
	return false
}

func (r Rule) covers(g grant) bool {
	as := g.runas
	if g.runas == all {
		as = "root"
	}
	hasUser := slices.ContainsFunc(r.users, func(u User) bool { return u.String() == g.user })
	hasHost := r.Everywhere() || slices.ContainsFunc(r.hosts, func(h Host) bool { return h.String() == g.host })
	hasRunas := slices.ContainsFunc(r.runas, func(u Runas) bool { return u.IsAll() || u.String() == as })
	return hasUser && hasHost && hasRunas && r.coversTags(g.tags) &&
		slices.ContainsFunc(r.commands, func(c Command) bool { return c.covers(g.command) })
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
