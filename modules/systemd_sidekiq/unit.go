package systemdsidekiq

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// Values of SetBy for directives without an option.
const (
	byModule   = "this module"                    // nothing else: promises of this module depend on it
	byDefault  = "extra_directives, beside it"    // the option adds a line, and systemd takes the last or both
	bySandbox  = "extra_directives, in its place" // the option replaces it
	besideUnit = "unit_directives, beside it"     // the option adds a line
)

const always = true

// row makes a row of a table. setBy is the option that sets the directive, or a constant above.
func row(directive string, value any, when bool, setBy string) systemd.Row {
	return systemd.Row{Directive: directive, Value: value, When: when, SetBy: setBy}
}

// input is what a unit is made of.
type input struct {
	*options
	*facts
	*unit
}

// processTable is the unit that runs a process of Sidekiq. systemd.directives(7) names the man page of each directive; any other source of a row
// is a comment behind it.
func processTable(in *input) []systemd.Section {
	notifies, isSwarm := in.facts.notifies(in.unit), in.process.IsSwarm()
	return []systemd.Section{
		{Name: "Unit", Rows: append([]systemd.Row{
			row("Description", in.description(), always, "name"),
			row("Documentation", "https://github.com/sidekiq/sidekiq/wiki", always, byModule),
			// A process is stopped before its parent, so that `systemctl stop` waits for all of them.
			row("PartOf", in.parent(), in.hasParent(), byModule),
			row("ReloadPropagatedFrom", in.parent(), in.hasParent(), byModule),
			// At boot a Redis and a database of this host start first. At shutdown, where it matters more, they stop last, when Sidekiq has
			// pushed back its jobs.
			row("After", in.after(), always, besideUnit),
			row("Wants", networkOnline, always, besideUnit),
			// Without a deployment nothing fails, also after a reboot.
			row("ConditionPathIsDirectory", systemd.Path(in.AppRoot), always, byModule),
			// Restarts are not rate-limited: after an hour without Redis no admin is needed.
			row("StartLimitIntervalSec", "0", always, byModule),
		}, in.givenIn("Unit").rows()...)},
		{Name: "Service", Rows: in.withExtra(append([]systemd.Row{
			// Before 6.0.6 systemd would wait in vain for a notification, and for the watchdog's.
			row("Type", "simple", !notifies, byModule), // Sidekiq's Changes.md, 6.0.6
			row("Type", "notify", notifies, byModule),
			row("NotifyAccess", "all", notifies && (in.bundle.IsWrapper || in.LoginShell || isSwarm), byModule),
			// Restarts a Ruby that hangs. With less than a minute systemd has killed processes that were only busy.
			// sidekiqswarm is not documented to notify the watchdog.
			row("WatchdogSec", in.Watchdog, notifies && !isSwarm && in.Watchdog > 0, "watchdog"), // sidekiq#4522, alaveteli#7998, sidekiq#4511
			row("TimeoutStartSec", in.StartTimeout, notifies, "start_timeout"),
			row("User", in.User, always, "user"),
			row("Group", in.group, always, "group"),
			row("UMask", in.Umask, always, "umask"),
			row("WorkingDirectory", systemd.Path(in.AppRoot), always, "app_root"),
			row("Environment", in.variables(), always, "environment"),
			row("EnvironmentFile", in.environmentFiles(), always, "environment_files"),
			row("ExecStart", in.command(), always, "bundle"),
			// The shell's kill: the program kill is in no essential package.
			row("ExecReload", systemd.Command{"/bin/sh", "-c", "kill -s TSTP $MAINPID"}, always, byModule), // Sidekiq's wiki, Signals
			// TERM to Sidekiq alone (a swarm passes TERM and TSTP to its processes): an ffmpeg that a job has started ends with its job.
			row("KillMode", "mixed", always, byModule),
			row("TimeoutStopSec", in.stopTimeoutOf(), always, "stop_timeout"),
			// Sidekiq exits with status 0 whenever it receives TERM.
			row("Restart", "always", always, byModule),
			row("RestartSec", "5", always, byDefault),
			// systemd counts all crashes since the last manual restart, however old: the longest delay has to be acceptable after a single one.
			row("RestartSteps", "6", always, byDefault),
			row("RestartMaxDelaySec", "30", always, byDefault),
			row("SyslogIdentifier", strings.TrimSuffix(in.name, ".service"), always, "name"),
			row("StandardOutput", appendTo(in.LogFile), in.LogFile != "" && !in.opensLog(), "log_file"),
			row("StandardError", appendTo(in.LogFile), in.LogFile != "" && !in.opensLog(), "log_file"),
			row("MemoryHigh", in.MemoryHigh, always, "memory_high"),
			row("MemoryMax", in.MemoryMax, always, "memory_max"),
			row("LimitNOFILE", in.LimitNOFILE, always, "limit_nofile"),
		}, sandboxRows(in)...))},
		{Name: "Install", Rows: []systemd.Row{
			row("WantedBy", "multi-user.target", !in.hasParent(), "enabled"),
		}},
	}
}

// parentTable is the unit under which several processes are started, stopped and made quiet as one, by their PartOf= and
// ReloadPropagatedFrom=. `systemctl kill` has no effect on it: it has no process.
func parentTable(in *input) []systemd.Section {
	var processes []systemd.Value
	for _, p := range in.processes() {
		processes = append(processes, systemd.Text(in.unitName(p.Name)))
	}
	return []systemd.Section{
		{Name: "Unit", Rows: []systemd.Row{
			row("Description", in.description(), always, "name"),
			row("Wants", processes, always, byModule),
			row("ConditionPathIsDirectory", systemd.Path(in.AppRoot), always, byModule),
		}},
		{Name: "Service", Rows: []systemd.Row{
			row("Type", "oneshot", always, byModule),
			row("RemainAfterExit", "yes", always, byModule),
			row("User", in.User, always, "user"), // nothing here needs root, nor does what a drop-in adds
			row("Group", in.group, always, "group"),
			row("ExecStart", systemd.Command{"/bin/true"}, always, "bundle"),
			row("ExecReload", systemd.Command{"/bin/true"}, always, byModule),
		}},
		{Name: "Install", Rows: []systemd.Row{
			row("WantedBy", "multi-user.target", always, "enabled"),
		}},
	}
}

// tables are those of both kinds of units, without values.
func tables() []systemd.Section {
	in := &input{options: &options{}, facts: &facts{}, unit: &unit{process: &sidekiq.ProcessOptions{}}}
	return append(processTable(in), parentTable(in)...)
}

// aliases are other names of directives in the tables, which systemd still accepts (load-fragment-gperf.gperf.in).
var aliases = map[string]string{
	"MemoryLimit": "MemoryMax", "PropagateReloadFrom": "ReloadPropagatedFrom", "ReadWriteDirectories": "ReadWritePaths",
	"StartLimitInterval": "StartLimitIntervalSec", "TimeoutSec": "TimeoutStopSec",
}

// setBy is the SetBy of a directive, "" for one that no unit has.
func setBy(directive string) string {
	return systemd.SetBy(tables(), cmp.Or(aliases[directive], directive))
}

// isOption reports whether setBy names an option.
func isOption(by string) bool {
	return !slices.Contains([]string{"", byModule, byDefault, bySandbox, besideUnit}, by)
}

// unitText is the text of a unit file.
func unitText(o *options, f *facts, u *unit) (string, error) {
	in := &input{options: o, facts: f, unit: u}
	comments := []string{marker, profileComment + in.sandbox.profile}
	if u.process == nil {
		return systemd.Render(f.systemctl.Version, comments, parentTable(in))
	}
	for _, comment := range []string{f.pool.comment(), formatList(optionsComment, o.unitOptions())} {
		if comment != "" {
			comments = append(comments, comment)
		}
	}
	if err := o.checkStopTimeout(u.timeout); err != nil {
		return "", err
	}
	return systemd.Render(f.systemctl.Version, comments, processTable(in))
}

// optionsComment begins the comment of a unit that lists the options without their default when it was written.
const optionsComment = "Options: "

// optionsWithoutRow are options that units are made of and that no row of the tables names.
var optionsWithoutRow = []string{"deploy_root", "rails_env", "login_shell", "command", "concurrency", "queues", "sidekiq_config", "timeout", "malloc", "secret_environment",
	"extra_directives", "unit_directives", "sidekiq_version"}

// unitOptions are the options that units are made of and that do not have their default. Hardening and group are not among them: a unit keeps its own.
func (o *options) unitOptions() []string {
	names := slices.Clone(optionsWithoutRow)
	for _, s := range tables() {
		for _, r := range s.Rows {
			names = append(names, r.SetBy)
		}
	}
	return slices.DeleteFunc(slices.Clone(o.NotDefault), func(name string) bool {
		return slices.Contains([]string{"name", "app_root", "enabled", "group"}, name) || !slices.Contains(names, name)
	})
}

// formatList is a comment of a unit with a list; "" for an empty list.
func formatList(comment string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return comment + strings.Join(words, ", ")
}

// parseList returns the list in a comment of a unit that this module wrote.
func parseList(u systemd.UnitFile, comment string) []string {
	if !isManaged(u.Text) {
		return nil
	}
	for line := range strings.Lines(u.Text) {
		if list, isFound := strings.CutPrefix(strings.TrimSpace(line), "# "+comment); isFound {
			return strings.Split(list, ", ")
		}
	}
	return nil
}

// withExtra adds extra_directives to the rows of [Service]; they replace rows of the sandbox.
func (in *input) withExtra(rows []systemd.Row) []systemd.Row {
	extra := in.givenIn("Service")
	for i, r := range rows {
		if _, isReplaced := extra.values[r.Directive]; isReplaced && r.SetBy == bySandbox {
			rows[i].When = false
		}
	}
	return append(rows, extra.rows()...)
}

// notifies reports whether a process notifies systemd when it is ready. A swarm does since sidekiq-ent 2.1.0 (Ent-Changes.md, sidekiq#4511).
func (f *facts) notifies(u *unit) bool {
	if u.isSwarm() {
		return f.entVersion.AtLeast(2, 1, 0)
	}
	return f.version.Notifies()
}

func (in *input) hasParent() bool { return in.process != nil && in.process.Name != "" }

func (in *input) parent() string { return in.unitName("") }

func (in *input) description() string {
	text := "Sidekiq for " + in.deployment().Project()
	switch {
	case in.process == nil:
		text += ", all processes"
	case in.hasParent():
		text += ", " + in.process.Name
	}
	return text
}

const networkOnline = "network-online.target"

func (in *input) after() string {
	after := slices.Concat(alwaysAfter, in.neighbours.after)
	if in.hasParent() {
		after = append(after, in.parent())
	}
	return strings.Join(after, " ")
}

// variables are the assignments of Environment=. MALLOC_ARENA_MAX, as in Sidekiq's own example of a unit (examples/systemd/sidekiq.service), or
// jemalloc keeps the memory of Ruby's threads small.
func (in *input) variables() []systemd.Value {
	variables := map[string]string{}
	if in.sandbox.profile == profileStrict {
		// The home directory is read-only, and programs write their settings: LibreOffice makes a profile before it converts anything.
		variables["XDG_CONFIG_HOME"] = in.cacheDir()
	}
	switch {
	case in.Malloc == "arenas":
		variables["MALLOC_ARENA_MAX"] = "2"
	case in.Malloc == "jemalloc" && in.jemalloc != "":
		variables["LD_PRELOAD"] = in.jemalloc
	}
	maps.Copy(variables, in.pool.variables)
	maps.Copy(variables, in.Environment)
	var all []systemd.Value
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		all = append(all, systemd.Assignment{Name: name, Value: variables[name]})
	}
	return all
}

// stopTimeoutOf is TimeoutStopSec= in seconds. With restart: never it is not shorter than what the running process was started with, or systemd
// would kill it and its jobs.
func (in *input) stopTimeoutOf() any {
	wanted := in.stopTimeout(in.timeout)
	if !in.leavesRunning() || !in.ran() {
		return wanted
	}
	if in.state.StopTimeout == 0 {
		return "infinity"
	}
	return max(wanted, int(in.state.StopTimeout.Seconds()))
}

func (in *input) environmentFiles() []systemd.Value {
	var all []systemd.Value
	if len(in.SecretEnvironment) > 0 {
		all = append(all, systemd.Text(in.secretPath()))
	}
	for _, file := range in.EnvironmentFiles {
		all = append(all, systemd.Text(file))
	}
	return all
}

// command is the command of ExecStart=.
func (in *input) command() systemd.Command {
	c := sidekiq.Command(in.bundle.Path, in.RailsEnv, *in.process, in.Timeout)
	if !in.opensLog() {
		return in.inShell(c)
	}
	shell := []string{"/bin/sh", "-c"}
	if in.LoginShell {
		shell = loginShell
	}
	return slices.Concat(shell, []string{`exec "$@" >>"$0" 2>&1`, in.LogFile}, c)
}

var loginShell = []string{"/bin/bash", "-lc"}

// inShell is a command in a login shell, if the option asks for one. The shell has to exec Sidekiq, or it would receive the signals that are for
// Sidekiq.
func (o *options) inShell(command []string) []string {
	if o.LoginShell {
		return slices.Concat(loginShell, []string{`exec "$0" "$@"`}, command)
	}
	return command
}

// appendTo is the value of StandardOutput= that appends to a file.
func appendTo(file string) string { return "append:" + file }
