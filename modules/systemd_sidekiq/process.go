package systemdsidekiq

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/systemd"
)

// redis plans that a local Redis is enabled and runs, as ansible-samvera's role did.
func (a *act) redis() {
	for _, r := range a.f.redis {
		a.enable(r.name, r.state)
		if r.state.ActiveState == "active" {
			continue
		}
		a.more = true
		a.Add(ansible.Step{
			Title: "start " + r.name,
			Do:    func(*ansible.Late) error { return a.f.systemctl.Start(r.name) },
			Undo:  func() error { return a.f.systemctl.Stop(r.name) },
		})
	}
}

func (a *act) enableOrNot() {
	if a.p.Enabled {
		a.enable(a.p.unitName(), a.f.state)
	} else {
		a.disable()
	}
}

func (a *act) enable(name string, s systemd.State) {
	if s.UnitFileState == "enabled" {
		return
	}
	a.Add(ansible.Step{
		Title: "enable " + name,
		Do:    func(*ansible.Late) error { return a.f.systemctl.Enable(name) },
		Undo:  func() error { return a.f.systemctl.Disable(name) },
	})
}

func (a *act) disable() {
	name := a.p.unitName()
	if a.f.state.UnitFileState != "enabled" {
		return
	}
	a.Add(ansible.Step{
		Title: "disable " + name,
		Do:    func(*ansible.Late) error { return a.f.systemctl.Disable(name) },
		Undo:  func() error { return a.f.systemctl.Enable(name) },
	})
}

func (a *act) stop() {
	name := a.p.unitName()
	if a.f.state.Stopped() {
		return
	}
	a.Add(ansible.Step{
		Title: "stop " + name,
		Do:    func(*ansible.Late) error { return a.f.systemctl.Stop(name) },
		Undo:  func() error { return a.f.systemctl.Start(name) },
	})
}

// start plans a start, a restart, or nothing when the process that runs is the right one.
func (a *act) start() {
	name := a.p.unitName()
	a.Set("status", "up")
	reason, restart := a.restartReason()
	switch {
	case !a.f.state.Up():
		a.Add(a.bringUpStep("start " + name))
	case restart:
		a.Add(a.bringUpStep("restart " + name + reason))
	case a.more:
		a.Add(ansible.Step{Title: "see " + name + " at work", Proof: true, Do: func(l *ansible.Late) error {
			a.report(l, a.f.state)
			return nil
		}})
	default:
		a.warnOfCrashes()
		a.report(a.Plan, a.f.state)
	}
}

// restartReason tells whether the process is to be replaced, and why where the plan does not show it.
func (a *act) restartReason() (string, bool) {
	if a.p.State == "restarted" || a.rewritten {
		return "", true
	}
	for _, file := range a.watched() {
		if a.f.olderThan(a.f.host.path(file)) {
			return fmt.Sprintf(" (%s is newer than the process)", file), true
		}
	}
	return "", false
}

// watched are the files of restart_on.
func (a *act) watched() []string {
	var files []string
	add := func(kind string, more ...string) {
		if slices.Contains(a.p.RestartOn, kind) {
			files = append(files, more...)
		}
	}
	add("unit", unitPath(a.p))
	if a.p.AppRoot == "" {
		return files
	}
	for _, f := range a.p.EnvironmentFiles {
		add("environment", strings.TrimPrefix(f, "-"))
	}
	add("environment", a.p.DotenvFiles...)
	add("config", a.p.configPath())
	for _, f := range a.p.DatabaseYML {
		if _, err := os.Stat(a.f.host.path(f)); err == nil {
			add("database", f)
			break
		}
	}
	add("lockfile", path.Join(a.p.AppRoot, "Gemfile.lock"))
	return files
}

// olderThan reports whether the main process was started before the file was written. A file from the future, as after a clock
// was set back, tells nothing: it would restart the worker on every run.
func (f *found) olderThan(file string) bool {
	info, err := os.Stat(file)
	start, known := f.started()
	return err == nil && known && info.ModTime().After(start) && !info.ModTime().After(time.Now())
}

// started is when the main process was started, by the clock of now.
func (f *found) started() (time.Time, bool) {
	var monotonic unix.Timespec
	if f.state.MainStart == 0 || unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic) != nil {
		return time.Time{}, false
	}
	return time.Now().Add(f.state.MainStart - time.Duration(monotonic.Nano())), true
}

// warnOfCrashes: a process that systemd has just had to start again may be part of a slow crash loop.
func (a *act) warnOfCrashes() {
	start, known := a.f.started()
	if n := a.f.state.Restarts; n > 0 && known && time.Since(start) < 10*time.Minute {
		a.Warn("systemd has restarted %s %d times by itself, last %s ago; hint: journalctl -u %s", a.p.unitName(), n, time.Since(start).Round(time.Second), a.p.unitName())
	}
}

func (a *act) bringUpStep(title string) ansible.Step {
	return ansible.Step{Title: title, Do: a.bringUp, Undo: func() error { return a.f.systemctl.Stop(a.p.unitName()) }}
}

func (f *found) settling() time.Duration {
	if f.version.Notifies() {
		return f.host.settleNotify
	}
	return f.host.settleSimple
}

func (a *act) bringUp(late *ansible.Late) error {
	name := a.p.unitName()
	a.drain(late)
	if err := a.f.systemctl.Restart(name); err != nil {
		return a.failed(a.f.systemctl.Down(name, err))
	}
	state, err := a.f.systemctl.Settle(name, a.f.settling())
	if err != nil {
		return a.failed(err)
	}
	a.f.state = state
	a.report(late, state)
	return nil
}

// failed takes back a new unit that took the place of one that was up. Else there is nothing to go back to; and where nothing
// ran before, nothing has changed by the attempt.
func (a *act) failed(err error) error {
	switch {
	case a.f.state.Up() && a.rewritten:
		return ansible.Partial(err)
	case a.f.state.Up():
		return ansible.Keep(ansible.Partial(err))
	default:
		return ansible.Keep(err)
	}
}

// answer is the plan, or what is added to its answer after acting.
type answer interface {
	Set(key string, value any)
	Warn(format string, args ...any)
}

func (a *act) report(to answer, s systemd.State) {
	to.Set("main_pid", s.MainPID)
	to.Set("active_since", s.ActiveSince)
	if a.p.AppRoot != "" {
		a.heartbeat(to, s.MainPID)
	}
}
