package sudoers

import (
	"path"
	"slices"
	"strings"
)

// Systemctl is a call of systemctl(1) by its parts.
type Systemctl struct {
	Options []Option // before and after the verb
	Verb    string   // "" when there is none: list-units
	Names   []string // what follows the verb: units, or what the verb takes
	at      []int    // where these stand among the arguments
}

// Option is an option of a call: -x or --long, which getopt(3) lets be shortened.
type Option struct{ Name, Value string }

// Is reports whether it is one of these, of which the long may be shortened.
func (o Option) Is(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return o.Name == name || len(o.Name) > 3 && strings.HasPrefix(name, o.Name)
	})
}

// systemctlPaths are the two spellings of its place, the older first: it exists on every distribution that Debian's and Ubuntu's
// releases are, /usr/bin/systemctl where /bin is a link alone.
var systemctlPaths = []string{"/bin/systemctl", "/usr/bin/systemctl"}

// SystemctlPaths are the places in which systemctl is looked for. A command with any of them means systemctl, wherever the host has it.
func SystemctlPaths() []string { return slices.Clone(systemctlPaths) }

// valued are the options of systemctl(1) that take a value, which may be the next argument.
var valued = []string{
	"-H", "-M", "-t", "-p", "-P", "-s", "-n", "-o", "--host", "--machine", "--type", "--state", "--property", "--signal", "--lines",
	"--output", "--kill-who", "--kill-whom", "--kill-value", "--kill-subgroup", "--job-mode", "--root", "--image", "--image-policy",
	"--preset-mode", "--what", "--check-inhibitors", "--timestamp", "--message", "--boot-loader-menu", "--boot-loader-entry", "--drop-in",
	"--when", "--legend",
}

// Systemctl takes the command apart as getopt_long(3) would, if its program is systemctl, whichever the directory.
func (c Command) Systemctl() (Systemctl, bool) {
	if c.IsWide() || path.Base(c.path) != "systemctl" {
		return Systemctl{}, false
	}
	var s Systemctl
	isValue, onlyNames := false, false
	for i, arg := range c.args {
		switch {
		case isValue:
			s.Options[len(s.Options)-1].Value, isValue = arg, false
		case arg == "--" && !onlyNames:
			onlyNames = true
		case len(arg) > 1 && arg[0] == '-' && !onlyNames:
			isValue = s.addOptions(arg)
		case s.Verb == "":
			s.Verb = arg
		default:
			s.Names, s.at = append(s.Names, arg), append(s.at, i)
		}
	}
	return s, true
}

// addOptions takes a long option, or several short ones in one word, and reports whether the next argument is the value of the last.
func (s *Systemctl) addOptions(word string) (isValueNext bool) {
	if strings.HasPrefix(word, "--") {
		name, value, hasValue := strings.Cut(word, "=")
		o := Option{name, value}
		s.Options = append(s.Options, o)
		return !hasValue && o.Is(valued...)
	}
	for i, letter := range word[1:] {
		o := Option{Name: "-" + string(letter)}
		isValued := slices.Contains(valued, o.Name)
		if isValued {
			o.Value = word[i+2:]
		}
		s.Options = append(s.Options, o)
		if isValued {
			return o.Value == ""
		}
	}
	return false
}

// unitVerbs take the names of units and nothing else.
var unitVerbs = []string{
	"start", "stop", "restart", "reload", "force-reload", "condrestart", "condreload", "condstop", "reload-or-try-restart", "preset", "try-restart", "reload-or-restart", "try-reload-or-restart", "kill", "is-active", "is-failed",
	"status", "show", "cat", "enable", "disable", "reenable", "mask", "unmask", "is-enabled", "reset-failed", "clean", "freeze", "thaw",
}

// TakesUnits reports whether the names are those of units.
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
	all := []Command{c.respelled(short, s)}
	qualified := c.respelled(Qualified, s)
	if qualified.String() != all[0].String() {
		all = append(all, qualified)
	}
	return all
}

// short is the name of a service without .service, where systemctl completes that to the same name: reboot.target.service is a service, and
// reboot.target another unit.
func short(unit string) string {
	name := strings.TrimSuffix(unit, ".service")
	if name == "" || Qualified(name) != Qualified(unit) {
		return unit
	}
	return name
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

// Starts reports whether the verb has systemd run the commands of its units.
func (s Systemctl) Starts() bool {
	return s.TakesUnits() && (strings.Contains(s.Verb, "start") || strings.Contains(s.Verb, "reload") || strings.HasSuffix(s.Verb, "stop"))
}

// Qualified is the name of a unit as systemctl completes it.
func Qualified(unit string) string {
	if ext := path.Ext(unit); ext != unit && slices.Contains(suffixes, ext) {
		return unit
	}
	return unit + ".service"
}
