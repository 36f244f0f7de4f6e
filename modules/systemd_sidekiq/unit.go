package systemdsidekiq

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// marker is the first line of every file of this module, by which it recognizes them.
const marker = "Managed by Ansible (systemd_sidekiq); changes are overwritten."

func isManaged(text string) bool { return strings.HasPrefix(text, "# "+marker) }

// section is a section of a unit file. Without rows that apply it is left out.
type section struct {
	name string
	rows []row
}

// row is a directive of a unit. A directive that the host's systemd does not know is left out (systemd.Since).
type row struct {
	directive string
	value     any    // a string or number; a systemd.Value, or several for one line each; "" and nil: no line
	when      bool   // condition: version of Sidekiq or systemd, profile, options
	setBy     string // the option that sets it, or a constant below
}

// What decides about a directive that has no option.
const (
	byModule  = "this module"                    // nothing else: promises of this module depend on it
	byDefault = "extra_directives, beside it"    // the option adds a line, and systemd takes the last or both
	bySandbox = "extra_directives, in its place" // the option replaces it
)

const always = true

// input is what a unit is made of.
type input struct {
	*options
	*facts
	unit
	profile string
}

// processTable is the unit that runs a process of Sidekiq.
func processTable(in *input) []section {
	notifies := in.version.Notifies()
	return []section{
		{"Unit", []row{
			{"Description", in.description(), always, "name"},
			{"Documentation", "https://github.com/sidekiq/sidekiq/wiki", always, byModule},
			// A process is stopped before its parent, so that `systemctl stop` waits for all of them.
			{"PartOf", in.parent(), in.hasParent(), byModule},               // systemd.unit(5)
			{"ReloadPropagatedFrom", in.parent(), in.hasParent(), byModule}, // systemd.unit(5)
			// At boot Redis and the database of this host start first. At shutdown, where it matters more, they stop last, when Sidekiq has
			// pushed back its jobs.
			{"After", in.after(), always, byModule},
			{"Wants", in.wants(), always, byModule},
			// A host without a deployment stays quiet, also after a reboot.
			{"ConditionPathIsDirectory", systemd.Path(in.AppRoot), always, byModule},
			// Restarts are not rate-limited: after an hour without Redis no admin is needed.
			{"StartLimitIntervalSec", "0", always, byModule}, // systemd.unit(5)
		}},
		{"Service", append([]row{
			// Before 6.0.6 systemd would wait in vain for a notification, and for the watchdog's.
			{"Type", "simple", !notifies, byModule}, // Sidekiq's Changes.md, 6.0.6
			{"Type", "notify", notifies, byModule},
			{"NotifyAccess", "all", notifies && (in.isWrapper || in.LoginShell), byModule}, // systemd.service(5): main is the default
			// For a Ruby that does not run any more. Less than a minute has killed processes that were only busy.
			{"WatchdogSec", in.Watchdog, notifies && in.Watchdog > 0, "watchdog"}, // sidekiq#4522, alaveteli#7998
			{"TimeoutStartSec", in.StartTimeout, notifies, "start_timeout"},
			{"User", in.User, always, "user"},
			{"Group", in.Group, always, "group"},
			{"UMask", in.Umask, always, "umask"},
			{"WorkingDirectory", systemd.Path(in.AppRoot), always, "app_root"},
			{"Environment", in.variables(), always, "environment"},
			{"EnvironmentFile", in.environmentFiles(), always, "environment_files"},
			{"ExecStart", in.command(), always, "bundle"},
			// The shell's kill: the program kill is in no essential package.
			{"ExecReload", systemd.Command{"/bin/sh", "-c", "kill -s TSTP $MAINPID"}, always, byModule}, // Sidekiq's wiki, Signals
			// TERM to Sidekiq alone: a job's ffmpeg is to finish with its job.
			{"KillMode", "mixed", always, byModule}, // systemd.kill(5)
			{"TimeoutStopSec", in.stopTimeout(in.timeout), always, "stop_timeout"},
			// Sidekiq ends with status 0 when anyone sends it TERM.
			{"Restart", "always", always, byModule},
			{"RestartSec", "5", always, byDefault},
			// systemd counts crashes since the last manual restart, however long ago they were: the longest pause is short enough for a single one.
			{"RestartSteps", "6", always, byDefault}, // systemd.service(5)
			{"RestartMaxDelaySec", "30", always, byDefault},
			{"SyslogIdentifier", strings.TrimSuffix(in.name, ".service"), always, "name"},
			{"StandardOutput", appendTo(in.LogFile), in.LogFile != "", "log_file"},
			{"StandardError", appendTo(in.LogFile), in.LogFile != "", "log_file"},
			{"MemoryHigh", in.MemoryHigh, always, "memory_high"},
			{"MemoryMax", in.MemoryMax, always, "memory_max"},
			{"LimitNOFILE", in.LimitNOFILE, always, "limit_nofile"},
		}, sandboxRows(in)...)},
		{"Install", []row{
			{"WantedBy", "multi-user.target", !in.hasParent(), "enabled"},
		}},
	}
}

// parentTable is the unit under which several processes are started, stopped and made quiet as one, by their PartOf= and
// ReloadPropagatedFrom=. `systemctl kill` has no effect on it: it has no process.
func parentTable(in *input) []section {
	var processes []systemd.Value
	for _, p := range in.processes() {
		processes = append(processes, systemd.Text(in.unitName(p.Name)))
	}
	return []section{
		{"Unit", []row{
			{"Description", in.description(), always, "name"},
			{"Wants", processes, always, byModule},
			{"ConditionPathIsDirectory", systemd.Path(in.AppRoot), always, byModule},
		}},
		{"Service", []row{
			{"Type", "oneshot", always, byModule},
			{"RemainAfterExit", "yes", always, byModule},
			{"User", in.User, always, "user"}, // nothing here needs root, nor does what a drop-in adds
			{"Group", in.Group, always, "group"},
			{"ExecStart", systemd.Command{"/bin/true"}, always, "bundle"},
			{"ExecReload", systemd.Command{"/bin/true"}, always, byModule},
		}},
		{"Install", []row{
			{"WantedBy", "multi-user.target", always, "enabled"},
		}},
	}
}

// setBy is what decides about a directive (row.setBy), "" for one that no unit has.
func setBy(directive string) string {
	in := &input{options: &options{}, facts: &facts{}, unit: unit{process: &sidekiq.ProcessOptions{}}}
	for _, s := range append(processTable(in), parentTable(in)...) {
		for _, r := range s.rows {
			if r.directive == directive {
				return r.setBy
			}
		}
	}
	return ""
}

// isOption reports whether setBy names an option.
func isOption(by string) bool {
	return !slices.Contains([]string{"", byModule, byDefault, bySandbox}, by)
}

// unitText is the text of a unit file.
func unitText(o *options, f *facts, u unit) (string, error) {
	in := &input{options: o, facts: f, unit: u, profile: profileOf(o, f.main().installed)}
	table := parentTable
	if u.process != nil {
		table = processTable
		if err := o.checkStopTimeout(u.timeout); err != nil {
			return "", err
		}
	}
	out := systemd.NewUnit(f.systemctl.Version)
	out.Comment(marker)
	out.Comment(profileComment + in.profile)
	for _, s := range table(in) {
		s.write(out, in)
	}
	return out.Text()
}

// write adds what extra_directives has to the service of a process.
func (s section) write(out *systemd.Unit, in *input) {
	rows := slices.DeleteFunc(s.rows, func(r row) bool {
		_, isExtra := in.ExtraDirectives[r.directive]
		return !r.when || isExtra && r.setBy == bySandbox
	})
	if len(rows) == 0 {
		return
	}
	out.Section(s.name)
	for _, r := range rows {
		for _, v := range r.values() {
			out.Set(r.directive, v)
		}
	}
	if s.name == "Service" && in.process != nil {
		for _, name := range slices.Sorted(maps.Keys(in.ExtraDirectives)) {
			out.Set(name, systemd.Literal(in.ExtraDirectives[name]))
		}
	}
}

func (r row) values() []systemd.Value {
	switch v := r.value.(type) {
	case []systemd.Value:
		return v
	case systemd.Value:
		return []systemd.Value{v}
	case *int:
		if v == nil {
			return nil
		}
		return []systemd.Value{systemd.Literal(fmt.Sprint(*v))}
	}
	text := fmt.Sprint(r.value)
	if text == "" {
		return nil
	}
	return []systemd.Value{systemd.Text(text)}
}

func (in *input) hasParent() bool { return in.process != nil && in.process.Name != "" }

func (in *input) parent() string { return in.unitName("") }

// description names the project: the directory above current, so that /opt/hyrax/current is hyrax.
func (in *input) description() string {
	root := in.AppRoot
	if in.DeployRoot != "" {
		root = in.DeployRoot
	}
	text := "Sidekiq for " + path.Base(root)
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
	after := append([]string{networkOnline}, in.neighbours.after...)
	if in.hasParent() {
		after = append(after, in.parent())
	}
	return strings.Join(after, " ")
}

func (in *input) wants() string {
	return strings.Join(append([]string{networkOnline}, in.neighbours.wants...), " ")
}

// variables keep malloc from bloating the process, which Ruby's threads otherwise do, as in Sidekiq's own example of a unit
// (examples/systemd/sidekiq.service).
func (in *input) variables() []systemd.Value {
	variables := map[string]string{}
	if isReadOnly(in.profile) {
		// Where programs look for their settings, for the home is read-only: LibreOffice makes a profile before it converts anything.
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

// command passes only what was asked for: the rest is the application's own configuration.
func (in *input) command() systemd.Command {
	c := systemd.Command{in.bundle, "exec", "sidekiq", "-e", in.RailsEnv}
	if in.process == nil {
		return c
	}
	if in.process.Config != "" {
		c = append(c, "-C", in.process.Config)
	}
	if in.process.Concurrency != nil {
		c = append(c, "-c", fmt.Sprint(*in.process.Concurrency))
	}
	if in.Timeout != nil {
		c = append(c, "-t", fmt.Sprint(*in.Timeout))
	}
	for _, q := range in.process.Queues {
		c = append(c, "-q", q)
	}
	if in.LoginShell {
		// exec: the shell would take the signals that Sidekiq waits for.
		c = append(systemd.Command{"/bin/bash", "-lc", `exec "$0" "$@"`}, c...)
	}
	return c
}

// appendTo is the StandardOutput= that appends to a file.
func appendTo(file string) string { return "append:" + file }
