package systemdsidekiq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// redis plans that a local Redis is enabled and runs, as ansible-samvera's role did.
func (a *act) redis() {
	r := a.f.redis
	if r == nil {
		return
	}
	a.enable(r.name, r.state)
	if r.state.ActiveState == "active" {
		return
	}
	a.more = true
	a.Add(ansible.Step{
		Title: "start " + r.name,
		Do:    func(*ansible.Late) error { return a.f.systemctl.Start(r.name) },
		Undo:  func() error { return a.f.systemctl.Stop(r.name) },
	})
}

func (a *act) enableOrNot() {
	if a.p.Enabled {
		a.enable(a.f.main.name, a.f.main.state)
	} else {
		a.disable(a.f.main)
	}
}

// enable has nothing to do for a unit that nobody can enable, as one without [Install] (static).
func (a *act) enable(name string, s systemd.State) {
	if s.UnitFileState != "" && s.UnitFileState != "disabled" {
		return
	}
	a.Add(ansible.Step{
		Title: "enable " + name,
		Do:    func(*ansible.Late) error { return a.f.systemctl.Enable(name) },
		Undo:  func() error { return a.f.systemctl.Disable(name) },
	})
}

func (a *act) disable(u *unit) {
	if u.state.UnitFileState != "enabled" {
		return
	}
	a.Add(ansible.Step{
		Title: "disable " + u.name,
		Do:    func(*ansible.Late) error { return a.f.systemctl.Disable(u.name) },
		Undo:  func() error { return a.f.systemctl.Enable(u.name) },
	})
}

func (a *act) stop(u *unit, why string) {
	a.end(u, "stop "+u.name+why, func(*ansible.Late) error { return a.f.systemctl.Stop(u.name) })
}

// drainAndStop is for a process that ends although what is to run next is not it.
func (a *act) drainAndStop(u *unit, why string) {
	a.end(u, "drain and stop "+u.name+why, func(late *ansible.Late) error {
		if err := a.drain(late, u); err != nil {
			return err
		}
		return a.watching(late, u, func() error { return a.f.systemctl.Stop(u.name) })
	})
}

// end plans the end of a unit, once.
func (a *act) end(u *unit, title string, stop func(*ansible.Late) error) {
	if u.state.Stopped() || u.stopped {
		return
	}
	u.stopped = true
	a.Add(ansible.Step{
		Title: title,
		Do: func(late *ansible.Late) error {
			u.touched = true
			return stop(late)
		},
		Undo: func() error {
			u.back = true
			return a.f.systemctl.Start(u.name)
		},
	})
}

// start plans a start, a restart, or nothing for each process when the one that runs is the right one.
func (a *act) start() error {
	if m := a.f.main; m.process == nil && (m.state.ActiveState != "active" || m.stopped) {
		a.more = true
		a.Add(a.startParentStep(m))
	}
	for _, u := range a.f.workers {
		if err := a.startWorker(u); err != nil {
			return err
		}
	}
	a.notePool()
	return nil
}

// startParentStep has those that are pulled in by Wants= end with it.
func (a *act) startParentStep(m *unit) ansible.Step {
	return ansible.Step{
		Title: "start " + m.name,
		Do: func(*ansible.Late) error {
			if err := a.f.systemctl.Start(m.name); err != nil {
				return a.failed(m, ansible.Partial(a.f.systemctl.Down(m.name, err)))
			}
			return nil
		},
		Undo: func() error {
			fault := a.f.systemctl.Stop(m.name)
			for _, u := range a.f.workers {
				if !u.ran {
					fault = errors.Join(fault, a.f.systemctl.Stop(u.name))
				}
			}
			return fault
		},
	}
}

func (a *act) startWorker(u *unit) error {
	reason, restart := a.restartReason(u)
	switch {
	case !u.state.Up() || u.stopped:
		a.Add(a.bringUpStep("start "+u.name, u))
	case a.f.wasLeftQuiet(u) && a.isQuiet(u):
		a.Add(a.bringUpStep("restart "+u.name+" (an earlier run left it quiet)", u))
	case restart && a.p.State != "restarted" && a.isQuiet(u):
		return a.report(a.Plan, u) // which warns of it
	case restart:
		a.Add(a.bringUpStep("restart "+u.name+reason, u))
	case a.more:
		a.Add(ansible.Step{Title: "see " + u.name + " at work", Proof: true, Do: func(l *ansible.Late) error { return a.report(l, u) }})
	default:
		a.warnOfCrashes(u)
		return a.report(a.Plan, u)
	}
	return nil
}

// restartReason tells whether the process is to be replaced, and why where the plan does not show it.
func (a *act) restartReason(u *unit) (string, bool) {
	if a.p.State == "restarted" || u.rewritten {
		return "", true
	}
	for _, file := range a.watched(u) {
		if a.f.olderThan(u, a.f.host.path(file)) {
			return fmt.Sprintf(" (%s is newer than the process)", file), true
		}
	}
	if reason := a.poolReason(u); reason != "" {
		return reason, true
	}
	return a.releaseReason(u)
}

func (a *act) restartsOn(kind string) bool { return slices.Contains(a.p.RestartOn, kind) }

// watched are the files of restart_on.
func (a *act) watched(u *unit) []string {
	var files []string
	add := func(kind string, more ...string) {
		if a.restartsOn(kind) {
			files = append(files, more...)
		}
	}
	add("unit", u.path())
	add("unit", u.state.DropIns...)
	if a.p.AppRoot == "" {
		return files
	}
	for _, f := range a.p.EnvironmentFiles {
		add("environment", strings.TrimPrefix(f, "-"))
	}
	add("environment", a.p.DotenvFiles...)
	if len(a.p.SecretEnvironment) > 0 {
		add("environment", secretPath(a.p))
	}
	add("config", a.p.configPath(*u.process), a.p.configPath(*u.process)+".erb")
	add("lockfile", lockfile(a.p))
	return files
}

// olderThan reports whether the main process was started before the file was written. A file from the future, as after a clock
// was set back, tells nothing: it would restart the worker on every run.
func (f *found) olderThan(u *unit, file string) bool {
	info, err := os.Stat(file)
	start, known := u.started()
	return err == nil && known && info.ModTime().After(start) && !info.ModTime().After(time.Now())
}

// releaseReason compares the folder in which the process runs with that to which `current` leads now.
func (a *act) releaseReason(u *unit) (string, bool) {
	if !a.restartsOn("release") || a.p.AppRoot == "" {
		return "", false
	}
	runs, err := a.f.folderOf(u.state.MainPID)
	if err != nil {
		a.Warn("in which release process %d runs cannot be seen: %v", u.state.MainPID, err)
		return "", false
	}
	now, err := filepath.EvalSymlinks(a.f.host.path(a.p.AppRoot))
	if err != nil || runs == now {
		return "", false
	}
	return fmt.Sprintf(" (it runs in %s)", runs), true
}

// folderOf is the working directory of a process. Root in a container may not be allowed to look; the process's own user is.
func (f *found) folderOf(pid int) (string, error) {
	link := fmt.Sprintf("/proc/%d/cwd", pid)
	folder, err := os.Readlink(link)
	if err == nil || f.user == nil {
		return folder, err
	}
	cmd, err := f.asUser(context.Background(), "readlink", "--", link)
	if err != nil {
		return "", err
	}
	out, err := cmd.Output()
	return strings.TrimSuffix(string(out), "\n"), err
}

// warnOfCrashes: a process that systemd has just had to start again may be part of a slow crash loop.
func (a *act) warnOfCrashes(u *unit) {
	start, known := u.started()
	if n := u.state.Restarts; n > 0 && known && time.Since(start) < 10*time.Minute {
		a.Warn("systemd has restarted %s %d times by itself, last %s ago; hint: journalctl -u %s", u.name, n, time.Since(start).Round(time.Second), u.name)
	}
}

// bringUpStep leaves it to bringBack to run a worker that ran before again, when all that was changed for it is as it was.
func (a *act) bringUpStep(title string, u *unit) ansible.Step {
	return ansible.Step{
		Title: title,
		Do:    func(late *ansible.Late) error { return a.bringUp(late, u) },
		Undo: func() error {
			if u.ran {
				return nil
			}
			return a.f.systemctl.Stop(u.name)
		},
	}
}

// settling is how long a process has to run before it is taken for up, where no heartbeat proves it sooner.
func (f *found) settling() time.Duration {
	if f.version.Notifies() {
		return f.host.settleNotify
	}
	return f.host.settleSimple
}

// moment is how long it has to run even then, two looks: an end right after the first heartbeat is to be seen.
const moment = 500 * time.Millisecond

// provenBy makes what tells Settle that the heartbeat of the unit's main process is there. A Redis that does not answer is not asked again.
func (u *unit) provenBy(s redisServer) func(systemd.State) bool {
	start, silent := time.Now(), false
	return func(now systemd.State) bool {
		if silent || time.Since(start) < moment {
			return false
		}
		u.state = now
		seen, err := s.beat(u)
		silent = err != nil && !errors.Is(err, errNoBeat)
		return err == nil && seen.PID == now.MainPID
	}
}

func (a *act) bringUp(late *ansible.Late, u *unit) error {
	if u.state.Up() && !u.stopped {
		if err := a.drain(late, u); err != nil {
			return err
		}
	}
	u.touched = true
	if err := a.restart(late, u); err != nil {
		return a.failed(u, a.f.systemctl.Down(u.name, err))
	}
	state, err := a.f.systemctl.Settle(u.name, a.f.settling(), u.provenBy(a.f.now))
	if err != nil {
		return a.failed(u, err)
	}
	u.state = state
	if err := a.report(late, u); err != nil {
		return a.failed(u, err)
	}
	return nil
}
