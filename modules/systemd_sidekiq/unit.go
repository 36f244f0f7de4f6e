package systemdsidekiq

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// marker is the first line of every file that this module wrote, so that it knows its own.
const marker = "Managed by Ansible (systemd_sidekiq); changes are overwritten."

// How much longer than Sidekiq's own timeout systemd waits before it kills: after the timeout Sidekiq pushes unfinished jobs back to
// Redis and gives its threads up to 3 seconds more (lib/sidekiq/manager.rb, hard_shutdown); then the application's own hooks run.
const (
	graceMargin      = 10 // seconds
	leastGraceMargin = 5
)

// unitText is the unit that fits what was asked and what was found: one process, or what holds several together.
func unitText(p *Params, f *found, w *unit) (string, error) {
	u := systemd.NewUnit(f.systemctl.Version)
	u.Comment(marker)
	profile := profileOf(p, f.main.inUse)
	u.Comment(profileComment + profile)
	if w.process == nil {
		return parentText(u, p)
	}
	u.Section("Unit")
	u.Set("Description", systemd.Text(description(p, *w.process)))
	u.Set("Documentation", systemd.Literal("https://github.com/sidekiq/sidekiq/wiki"))
	order(u, p, f, *w.process)
	// A host where nothing was deployed yet stays quiet, also after a reboot.
	u.Set("ConditionPathIsDirectory", systemd.Path(p.AppRoot))
	// Never give up: a Redis that is absent for an hour must not need an admin afterwards.
	u.Set("StartLimitIntervalSec", systemd.Literal("0"))
	u.Section("Service")
	if err := service(u, p, f, w, profile); err != nil {
		return "", err
	}
	harden(u, p, f, profile)
	extra(u, p)
	if w.process.Name == "" {
		install(u)
	}
	return u.Text()
}

func install(u *systemd.Unit) {
	u.Section("Install")
	u.Set("WantedBy", systemd.Literal("multi-user.target"))
}

// parentText is the unit under which several processes are started, stopped and told to be quiet as one. They are tied to it by PartOf= and
// ReloadPropagatedFrom=, and to `kill` it nobody.
func parentText(u *systemd.Unit, p *Params) (string, error) {
	u.Section("Unit")
	u.Set("Description", systemd.Text("Sidekiq for "+projectName(p)+", all processes"))
	for _, process := range p.processes() {
		u.Set("Wants", systemd.Text(p.unitOf(process)))
	}
	u.Set("ConditionPathIsDirectory", systemd.Path(p.AppRoot))
	u.Section("Service")
	u.Set("Type", systemd.Literal("oneshot"))
	u.Set("RemainAfterExit", systemd.Literal("yes"))
	u.Set("User", systemd.Text(p.User)) // nothing here needs root, nor does what a drop-in adds
	u.Set("Group", systemd.Text(p.Group))
	u.Set("ExecStart", systemd.Command{"/bin/true"})
	u.Set("ExecReload", systemd.Command{"/bin/true"})
	install(u)
	return u.Text()
}

func description(p *Params, process Process) string {
	if process.Name == "" {
		return "Sidekiq for " + projectName(p)
	}
	return "Sidekiq for " + projectName(p) + ", " + process.Name
}

// projectName is the folder above current: /opt/hyrax/current belongs to hyrax.
func projectName(p *Params) string {
	if p.DeployRoot != "" {
		return path.Base(p.DeployRoot)
	}
	return path.Base(p.AppRoot)
}

// order: at boot Redis and the database of this host come first, and what matters more, at shutdown they go last, when Sidekiq has pushed
// back its jobs. A process of several is stopped before its parent, so that `systemctl stop` waits for all of them.
func order(u *systemd.Unit, p *Params, f *found, process Process) {
	after := append([]string{"network-online.target"}, f.local...)
	wants := append([]string{"network-online.target"}, f.wanted...)
	if process.Name != "" {
		after = append(after, p.unitName())
		u.Set("PartOf", systemd.Text(p.unitName()))
		u.Set("ReloadPropagatedFrom", systemd.Text(p.unitName()))
	}
	u.Set("After", systemd.Text(strings.Join(after, " ")))
	u.Set("Wants", systemd.Text(strings.Join(wants, " ")))
}

func service(u *systemd.Unit, p *Params, f *found, w *unit, profile string) error {
	notify(u, p, f)
	u.Set("User", systemd.Text(p.User))
	u.Set("Group", systemd.Text(p.Group))
	u.Set("UMask", systemd.Text(p.Umask))
	u.Set("WorkingDirectory", systemd.Path(p.AppRoot))
	environmentOf(u, p, f, configHome(p, profile))
	u.Set("ExecStart", command(p, f, *w.process))
	// The shell's kill: the program kill is in no essential package.
	u.Set("ExecReload", systemd.Command{"/bin/sh", "-c", "kill -s TSTP $MAINPID"})
	// TERM to Sidekiq alone: a job's ffmpeg is to finish with its job.
	u.Set("KillMode", systemd.Literal("mixed"))
	grace, err := p.grace(w.timeout)
	if err != nil {
		return err
	}
	u.Set("TimeoutStopSec", seconds(grace))
	// always: Sidekiq ends with status 0 when anyone sends it TERM.
	u.Set("Restart", systemd.Literal("always"))
	u.Set("RestartSec", systemd.Literal("5"))
	// systemd counts crashes since the last restart by hand, however long ago they were, so the longest pause is short enough for a single one.
	u.Set("RestartSteps", systemd.Literal("6"))
	u.Set("RestartMaxDelaySec", systemd.Literal("30"))
	u.Set("SyslogIdentifier", systemd.Text(strings.TrimSuffix(w.name, ".service")))
	if p.LogFile != "" {
		u.Set("StandardOutput", systemd.Text(appendTo(p.LogFile)))
		u.Set("StandardError", systemd.Text(appendTo(p.LogFile)))
	}
	limits(u, p)
	return nil
}

// appendTo is the StandardOutput= that adds to a file.
func appendTo(file string) string { return "append:" + file }

// notify: sd_notify and the watchdog's thread came with Sidekiq 6.0.6; before, systemd would wait for them in vain. The watchdog is for a
// Ruby that does not run any more: below a minute it has killed workers that were only busy (sidekiq#4522, alaveteli#7998).
func notify(u *systemd.Unit, p *Params, f *found) {
	if !f.version.Notifies() {
		u.Set("Type", systemd.Literal("simple"))
		return
	}
	u.Set("Type", systemd.Literal("notify"))
	if f.wrapped || p.LoginShell {
		u.Set("NotifyAccess", systemd.Literal("all"))
	}
	if p.Watchdog > 0 {
		u.Set("WatchdogSec", seconds(p.Watchdog))
	}
	u.Set("TimeoutStartSec", seconds(p.StartTimeout))
}

func seconds(n int) systemd.Literal { return systemd.Literal(strconv.Itoa(n)) }

// grace is TimeoutStopSec= for Sidekiq's own timeout, in seconds.
func (p *Params) grace(timeout int) (int, error) {
	switch {
	case p.StopTimeout == nil:
		return timeout + graceMargin, nil
	case *p.StopTimeout < timeout+leastGraceMargin:
		return 0, fmt.Errorf("option %q: %d s is too short: Sidekiq gives its jobs %d s and then pushes them back, and killed before it loses them; accepted: %d or more",
			"stop_timeout", *p.StopTimeout, timeout, timeout+leastGraceMargin)
	}
	return *p.StopTimeout, nil
}

func limits(u *systemd.Unit, p *Params) {
	for _, limit := range []directive{{"MemoryHigh", p.MemoryHigh}, {"MemoryMax", p.MemoryMax}} {
		if limit.value != "" {
			u.Set(limit.name, systemd.Text(limit.value))
		}
	}
	if p.LimitNOFILE != nil {
		u.Set("LimitNOFILE", seconds(*p.LimitNOFILE))
	}
}

func extra(u *systemd.Unit, p *Params) {
	for _, name := range slices.Sorted(maps.Keys(p.ExtraDirectives)) {
		u.Set(name, systemd.Literal(p.ExtraDirectives[name]))
	}
}

// environmentOf keeps malloc from bloating the process, which Ruby's threads else do, as Sidekiq's own example has it.
func environmentOf(u *systemd.Unit, p *Params, f *found, more map[string]string) {
	variables := map[string]string{}
	maps.Copy(variables, more)
	switch {
	case p.Malloc == "arenas":
		variables["MALLOC_ARENA_MAX"] = "2"
	case p.Malloc == "jemalloc" && f.jemalloc != "":
		variables["LD_PRELOAD"] = f.jemalloc
	}
	maps.Copy(variables, f.poolVariables)
	maps.Copy(variables, p.Environment)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		u.Set("Environment", systemd.Assignment{Name: name, Value: variables[name]})
	}
	if len(p.SecretEnvironment) > 0 {
		u.Set("EnvironmentFile", systemd.Text(secretPath(p)))
	}
	for _, file := range p.EnvironmentFiles {
		u.Set("EnvironmentFile", systemd.Text(file))
	}
}

// command passes only what was asked for: the rest is the application's own configuration.
func command(p *Params, f *found, process Process) systemd.Command {
	c := systemd.Command{f.bundle, "exec", "sidekiq", "-e", p.RailsEnv}
	if process.Config != "" {
		c = append(c, "-C", process.Config)
	}
	if process.Concurrency != nil {
		c = append(c, "-c", fmt.Sprint(*process.Concurrency))
	}
	if p.Timeout != nil {
		c = append(c, "-t", fmt.Sprint(*p.Timeout))
	}
	for _, q := range process.Queues {
		c = append(c, "-q", q)
	}
	if p.LoginShell {
		// exec: the shell would take the signals that Sidekiq waits for.
		return append(systemd.Command{"/bin/bash", "-lc", `exec "$0" "$@"`}, c...)
	}
	return c
}
