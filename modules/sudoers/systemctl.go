package sudoers

import (
	"path"
	"slices"
	"strings"
)

// Systemctl is a call of systemctl(1) by its parts.
type Systemctl struct {
	Options []string // before and after the verb, as given; the value of one that stands apart is left out
	Verb    string   // "" when there is none: list-units
	Names   []string // what follows the verb: units, or what the verb takes
	at      []int    // where these stand among the arguments
}

// systemctlPaths are the two spellings of its place, the older first: it exists on every distribution that Debian's and Ubuntu's
// releases are, /usr/bin/systemctl where /bin is a link alone.
var systemctlPaths = []string{"/bin/systemctl", "/usr/bin/systemctl"}

// SystemctlPaths are the places in which systemctl is looked for. A command with any of them means systemctl, wherever the host has it.
func SystemctlPaths() []string { return slices.Clone(systemctlPaths) }

// valued are the options of systemctl(1) whose value may stand apart.
var valued = []string{
	"-H", "--host", "-M", "--machine", "-t", "--type", "--state", "-p", "--property", "-P", "-s", "--signal", "-n", "--lines",
	"-o", "--output", "--kill-who", "--kill-whom", "--kill-value", "--job-mode", "--root", "--image", "--preset-mode", "--what",
	"--check-inhibitors", "--timestamp", "--message", "--boot-loader-menu", "--boot-loader-entry", "-T", "--drop-in", "--when",
}

// Systemctl takes the command apart, if its program is systemctl, whichever the folder.
func (c Command) Systemctl() (Systemctl, bool) {
	if c.IsWide() || path.Base(c.path) != "systemctl" {
		return Systemctl{}, false
	}
	var s Systemctl
	isValue, onlyNames := false, false
	for i, arg := range c.args {
		switch {
		case isValue:
			isValue = false
		case arg == "--" && !onlyNames:
			onlyNames = true
		case strings.HasPrefix(arg, "-") && !onlyNames:
			s.Options = append(s.Options, arg)
			isValue = slices.Contains(valued, arg)
		case s.Verb == "":
			s.Verb = arg
		default:
			s.Names, s.at = append(s.Names, arg), append(s.at, i)
		}
	}
	return s, true
}

// unitVerbs take the names of units and nothing else.
var unitVerbs = []string{
	"start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "try-reload-or-restart", "kill", "is-active", "is-failed",
	"status", "show", "cat", "enable", "disable", "reenable", "mask", "unmask", "is-enabled", "reset-failed", "clean", "freeze", "thaw",
}

// TakesUnits tells whether the names are those of units.
func (s Systemctl) TakesUnits() bool { return slices.Contains(unitVerbs, s.Verb) }

// suffixes are the types of units (systemd.unit(5)). To a name without one systemctl adds .service.
var suffixes = []string{
	".service", ".socket", ".target", ".device", ".mount", ".automount", ".timer", ".swap", ".path", ".slice", ".scope",
}

// Expanded are the spellings of a systemctl command that do the same, since sudo compares arguments letter by letter: each service with
// and without .service. Any other command is itself alone.
func (c Command) Expanded() []Command {
	s, ok := c.Systemctl()
	if !ok || !s.TakesUnits() {
		return []Command{c}
	}
	all := []Command{c.respelled(func(unit string) string { return strings.TrimSuffix(unit, ".service") }, s)}
	qualified := c.respelled(Qualified, s)
	if qualified.String() != all[0].String() {
		all = append(all, qualified)
	}
	return all
}

// respelled renames the units. A path of a unit file is none, nor is a pattern.
func (c Command) respelled(spell func(string) string, s Systemctl) Command {
	args := slices.Clone(c.args)
	for _, i := range s.at {
		if !strings.ContainsAny(args[i], "/"+wildcards) {
			args[i] = spell(args[i])
		}
	}
	c.args = args
	return c
}

// Placed is a systemctl command for each place in which a host has it. A command for another program, or without any place, stays as it is.
func (c Command) Placed(places []string) []Command {
	if !slices.Contains(systemctlPaths, c.path) || len(places) == 0 {
		return []Command{c}
	}
	var all []Command
	for _, place := range places {
		c.path = place
		all = append(all, c)
	}
	return all
}

// Starts tells whether the verb has systemd run the commands of its units.
func (s Systemctl) Starts() bool {
	return s.TakesUnits() && (strings.Contains(s.Verb, "start") || strings.Contains(s.Verb, "reload") || s.Verb == "stop")
}

// Qualified is the name of a unit as systemctl completes it.
func Qualified(unit string) string {
	if slices.Contains(suffixes, path.Ext(unit)) {
		return unit
	}
	return unit + ".service"
}
