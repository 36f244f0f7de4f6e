package sudolint

import (
	"path"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

func (all *findings) checkCommand(c sudoers.Command, host Facts) {
	if c.HasWildcards() {
		all.add(sudoers.Wildcard, Error, c.String(), "has a wildcard, which also matches spaces and options").hint("write out what is needed")
		if host.Rs {
			all.add(sudoers.Unportable, Error, c.String(), "has a wildcard, which sudo-rs takes literally").hint("write out what is needed")
		}
	}
	if c.IsWide() {
		all.add(sudoers.All, Error, c.String(), "is more than one program, with any arguments").hint("name the programs and arguments that are needed")
		return
	}
	if !strings.ContainsAny(c.Path(), "*?[") { // of which CheckOnHost knows the programs
		all.checkProgramNamed(c, host)
	}
}

// checkProgramNamed looks at a command of which the program is named in full.
func (all *findings) checkProgramNamed(c sudoers.Command, host Facts) {
	all.checkNames(c, c.Path())
	if s, ok := asSystemctl(c, c.Path()); ok {
		all.checkSystemctl(c, s, host)
	}
	if listed(pagers, c.Path()) != "" {
		all.checkPager(c, host)
	}
	all.checkSubcommand(c)
}

// checkSubcommand finds shell escapes that exact arguments of a tool permit. service(8) runs what its first argument leads to from /etc/init.d.
func (all *findings) checkSubcommand(c sudoers.Command) {
	args := c.Args()
	has := func(list string) bool {
		return slices.ContainsFunc(args, func(arg string) bool { return slices.Contains(words(list), arg) })
	}
	escapes := false
	switch path.Base(c.Path()) {
	case "service", "invoke-rc.d":
		escapes = slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(arg, "/") })
	case "ip":
		escapes = has("exec") || has("-batch -b")
	case "coredumpctl":
		escapes = has("debug gdb")
	}
	if escapes {
		all.add(ShellEscape, Error, c.String(), "permits a shell escape: its arguments start another program").
			hint("grant a script of your own instead, owned by root, without arguments")
	}
}

// checkNames looks a command up in the lists, by the paths under which its program is reached.
func (all *findings) checkNames(c sudoers.Command, paths ...string) {
	name := listed(escapes, paths...)
	choice := listed(tools, paths...) + listed(readers, paths...)
	chosen := c.TakesAnyArguments() || slices.ContainsFunc(c.Args(), func(arg string) bool { return strings.ContainsAny(arg, "*?[") })
	switch {
	case name != "":
		all.add(ShellEscape, Error, c.String(), "permits a shell escape: %s can start programs, write any file or change accounts as root", name).
			hint("grant a script of your own instead, owned by root, without arguments")
	case chosen && choice != "":
		all.add(AnyArguments, Error, c.String(), "lets the caller choose arguments, by which %s does very different things", choice).
			hint(`write those that are needed, or "" to allow none`)
	case c.TakesAnyArguments():
		all.add(AnyArguments, Warning, c.String(), "is granted with any arguments").hint(`write those that are needed, or "" to allow none`)
	}
}

// isService reports whether a command is service(8) or invoke-rc.d(8).
func isService(c sudoers.Command) bool {
	return slices.Contains(words("service invoke-rc.d"), path.Base(c.Path()))
}

// serviceArgs are the name and the action of isService.
func serviceArgs(c sudoers.Command) []string {
	args := c.Args()
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	return args
}

// otherNames are those of the program systemctl under which it does something else.
var otherNames = words("systemctl reboot halt poweroff shutdown telinit init runlevel")

// asSystemctl returns the call of systemctl that a command comes to. paths are those under which its program is reached: systemctl has links of
// other names. service(8) and, on Debian, invoke-rc.d(8) and /etc/init.d/NAME call systemctl, always without options.
func asSystemctl(c sudoers.Command, paths ...string) (sudoers.Systemctl, bool) {
	args := c.Args()
	switch name := path.Base(c.Path()); {
	case name == "systemctl":
		return c.Systemctl()
	case isService(c):
		if args = serviceArgs(c); len(args) < 2 {
			return sudoers.Systemctl{}, false
		}
		args = []string{strings.Replace(args[1], "--full-restart", "restart", 1), args[0]}
	case name == "deb-systemd-invoke":
	case path.Dir(c.Path()) == "/etc/init.d" && len(args) > 0:
		args = []string{args[0], name}
	case listed(words("systemctl"), paths...) == "" || slices.Contains(otherNames, name):
		return sudoers.Systemctl{}, false
	}
	call, err := sudoers.ParseCommand(strings.Join(append([]string{"/bin/systemctl"}, args...), " "))
	if err != nil {
		return sudoers.Systemctl{}, false
	}
	return call.Systemctl()
}

// rights are the verbs of systemctl that give root or the whole host, whatever follows.
var rights = words(`edit link set-environment import-environment set-property switch-root bind mount-image isolate kexec add-wants
	add-requires service-log-level service-log-target revert daemon-reexec rescue emergency default set-default`)

// filed are verbs that take a path of a unit file as well, and then install what somebody wrote.
var filed = words("enable disable reenable preset mask unmask")

var power = words("halt poweroff reboot suspend hibernate hybrid-sleep soft-reboot")

// shown are the verbs whose answer is paged.
var shown = words("status show cat help show-environment dump")

func (all *findings) checkSystemctl(c sudoers.Command, s sudoers.Systemctl, host Facts) {
	hasPath := slices.ContainsFunc(s.Names, func(name string) bool { return strings.ContainsAny(name, "/*?[") })
	if runsUnits(s) && slices.ContainsFunc(s.Names, opensShell) {
		all.add(ShellEscape, Error, c.String(), "starts a root shell on a console").hint("grant another unit")
	}
	if slices.Contains(rights, s.Verb) || hasPath && slices.Contains(filed, s.Verb) {
		all.add(SystemctlVerb, Error, c.String(), "gives root or the whole host: systemctl %s", s.Verb).hint("grant start, stop, restart or reload of one unit")
	}
	for _, o := range s.Options {
		if isRemote(o) || o.Is("-f", "--force") && slices.Contains(power, s.Verb) {
			all.add(SystemctlOption, Error, c.String(), "has %s, which works on another host or root directory, or by force", o.Name).hint("leave the option out")
		}
	}
	if s.Verb == "" && !c.TakesAnyArguments() || slices.Contains(shown, s.Verb) || strings.HasPrefix(s.Verb, "list-") {
		all.checkPager(c, host)
	}
	if s.Verb == "kill" && !slices.ContainsFunc(s.Options, killsMain) {
		all.add(KillChildren, Warning, c.String(), "sends the signal to child processes as well, which it may stop for good").hint("add --kill-who=main")
	}
}

// runsUnits reports whether systemd runs commands of the units, now or at the next boot. A process that is killed may have commands for its end.
func runsUnits(s sudoers.Systemctl) bool {
	return s.Starts() || s.TakesUnits() && slices.Contains(words("enable reenable preset kill"), s.Verb)
}

// consoles are units that open a root shell on a console (debug-shell.service asks for no password at all).
var consoles = words("debug-shell rescue emergency console-getty container-getty container-shell")

func opensShell(unit string) bool {
	name, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimSuffix(unit, ".service"), ".target"), "@")
	return slices.Contains(consoles, name)
}

func killsMain(o sudoers.Option) bool {
	return o.Is("--kill-who", "--kill-whom") && o.Value == "main"
}

func isRemote(o sudoers.Option) bool {
	return o.Is("-H", "-M", "--host", "--machine", "--root", "--image")
}

// lessSecure is the first systemd whose pager starts no programs for root (CVE-2023-26604).
const lessSecure = 247

func (all *findings) checkPager(c sudoers.Command, host Facts) {
	options := c.Args()
	if end := slices.Index(options, "--"); end >= 0 {
		options = options[:end]
	}
	if slices.Contains(options, "--no-pager") && !isService(c) {
		return
	}
	severity, message := Warning, "opens a pager as root, which systemd keeps from starting programs (LESSSECURE)"
	if host.Systemd < lessSecure {
		severity, message = Error, "opens a root shell: it has a pager, which starts programs on systemd before 247 (CVE-2023-26604)"
	}
	hint := "add --no-pager"
	if verb := NeedsNoSudo(c.String()); verb != "" {
		hint += ", or grant nothing: systemctl " + verb + " needs no sudo"
	}
	all.add(Pager, severity, c.String(), "%s", message).hint("%s", hint)
}

// reading are the verbs that every user may use.
var reading = words("status show cat is-active is-enabled is-failed list-units list-timers list-unit-files help")

// NeedsNoSudo returns the verb of a systemctl command that every user may run without sudo, or "". command is as sudoers.ParseExact takes it.
func NeedsNoSudo(command string) string {
	c, err := sudoers.ParseExact(command)
	if err != nil {
		return ""
	}
	s, ok := c.Systemctl()
	if !ok || !slices.Contains(reading, s.Verb) || slices.ContainsFunc(s.Options, isRemote) {
		return ""
	}
	return s.Verb
}

// checkSpellings finds units of which the file grants one spelling alone.
func (all *findings) checkSpellings(f sudoers.File) {
	granted := map[string]bool{}
	for _, r := range f.Rules {
		for _, c := range r.Commands() {
			granted[c.String()] = true
		}
	}
	for _, r := range f.Rules {
		for _, c := range r.Commands() {
			for _, twin := range c.Expanded() {
				if !granted[twin.String()] {
					all.add(UnitSpelling, Info, c.String(), "does not cover the spelling %q: sudo compares arguments as text", twin).
						hint("set expand_unit")
				}
			}
		}
	}
}

// harmlessVariables are the variables that a command may get from its caller. What a program does with a variable is up to its author, so this is a
// list of those that are known, and short. Where it is true, only a value without / and % is harmless, as env_check has it.
//
// The values of those where it is false are checked by sudo in any case: they are in its own env_check (env.c, initial_checkenv_table), which
// counts more than env_keep. TZ is, too, but sudo-rs passes any value of it when it is in env_keep (environment.rs, should_keep).
//
// RAILS_ENV and RACK_ENV name the environment, and Rails loads config/environments/NAME.rb.
var harmlessVariables = map[string]bool{
	"COLORTERM": false, "LANG": false, "LANGUAGE": false, "LINGUAS": false, "TERM": false,
	"TZ": true, "RAILS_ENV": true, "RACK_ENV": true,
}

func (all *findings) checkSetting(s sudoers.Setting) {
	if s.KeepsAll() {
		all.add(SetEnv, Error, s.String(), "gives the command every variable of the caller, who can have code of its own loaded as root").
			hint("keep single variables: env_keep+=NAME")
	}
	kept, isChecked := s.Kept()
	for _, variable := range kept {
		needsCheck, isHarmless := harmlessVariables[variable]
		switch {
		case !isHarmless && !strings.HasPrefix(variable, "LC_"):
			all.add(EnvKeep, Error, s.String(), "keeps %s, which is not known to be harmless: by such a variable a caller may have code of its own run as root", variable).
				hint("leave it out")
		case needsCheck && !isChecked:
			all.add(EnvKeep, Error, s.String(), "keeps %s, whose value may be a path", variable).hint("env_check+=%s drops such a value", variable)
		}
	}
	for _, variable := range s.Unchecked() {
		all.add(EnvKeep, Error, s.String(), "lets %s pass unchecked", variable).hint("leave it out")
	}
}
