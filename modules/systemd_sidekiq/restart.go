package systemdsidekiq

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// restartNeeded reports whether a process that runs is restarted, and why, unless another step shows it. With restart: never that is only one that
// an earlier run left quiet. One that a deploy has made quiet is left to the deploy.
func (p *planner) restartNeeded(u *unit) (reason string, isNeeded bool) {
	switch {
	case u.wasMadeQuiet: // its title may not show it yet
		return " (an earlier run left it quiet)", true
	case p.State == "restarted":
		return "", true
	case p.leavesRunning() || !p.isPending(u) || p.isQuiet(u):
		return "", false
	case p.redefined[u.name]:
		return "", true
	}
	return " (" + u.restartReason + ")", true
}

// isPending reports whether the process runs with another definition, or other files, than it should.
func (p *planner) isPending(u *unit) bool {
	return u.ran() && p.started[u.state.InvocationID].name == "" && (p.redefined[u.name] || u.restartReason != "")
}

// noteRestart plans a note for later runs, and for sidekiq_info, that a restart is pending, or removes it.
func (p *planner) noteRestart(u *unit) {
	p.Add(ansible.Step{Title: "note whether a restart of " + u.name + " is pending", Proof: true, Do: func(*ansible.Late) error {
		if !p.isPending(u) {
			return p.notes().Remove(u.name, notes.Restart)
		}
		return p.notes().Write(u.name, notes.Restart, u.state.Identity(), p.pendingReason(u))
	}})
}

func (p *planner) pendingReason(u *unit) string {
	what := "its unit was changed"
	if p.isInstalled(u) {
		what = "its secret_environment was changed"
	}
	return cmp.Or(u.restartReason, what)
}

// leavesRunning reports whether no running process is restarted (restart: never).
func (o *options) leavesRunning() bool { return o.Restart == "never" && o.State == "started" }

// pendingReasons are the reasons of the restarts that are left to somebody else.
func (p *planner) pendingReasons() []string {
	reasons := []string{}
	for _, u := range p.workers() {
		if _, isNeeded := p.restartNeeded(u); !p.stopped[u.name] && p.isPending(u) && !isNeeded {
			reasons = append(reasons, u.name+": "+p.pendingReason(u))
		}
	}
	return reasons
}

// reportPending adds them to the answer.
func (p *planner) reportPending() {
	reasons := p.pendingReasons()
	for _, reason := range reasons {
		if p.Restart == "never" {
			p.Warn("restart pending: %s; hint: deploy, or run with state: restarted", reason)
		}
	}
	p.Set("restart_pending", len(reasons) > 0)
	p.Set("restart_reasons", reasons)
}

// refuseToEnd is an error if a process that runs has to end and restart: never keeps it.
func (p *planner) refuseToEnd() error {
	for _, u := range p.all() {
		if p.leavesRunning() && p.stopped[u.id()] {
			return argspec.Errorf("restart", "%q is not possible: this change stops %s; hint: set restart: auto for this run", p.Restart, u.id())
		}
	}
	return nil
}

// addRestartReasons adds the facts about processes that run, by which their restart is decided.
func (g *gatherer) addRestartReasons(f *facts) {
	for _, u := range f.workers() {
		if u.ran() {
			_, u.wasMadeQuiet = g.notes().Read(u.name, notes.Quiet, u.state.Identity())
			u.restartReason, u.releaseFault = g.restartReasonOf(u, f)
		}
	}
}

// restartReasonOf returns unit.restartReason and unit.releaseFault.
func (g *gatherer) restartReasonOf(u *unit, f *facts) (reason string, releaseFault error) {
	for _, file := range g.watched(u, f.pool) {
		if g.isNewer(file, u.state) || file == f.pool.file && f.pool.isChanged {
			return file + " is newer than the process", nil
		}
	}
	if g.restartsOn("release") && g.AppRoot != "" {
		if reason, releaseFault = g.releaseReason(u.state.MainPID); reason != "" {
			return reason, nil
		}
	}
	reason, _ = g.notes().Read(u.name, notes.Restart, u.state.Identity()) // of an earlier run
	return reason, releaseFault
}

// watched are the files of restart_on. database.yml is not among them while the process is known to run with its pool.
func (g *gatherer) watched(u *unit, pool pool) []string {
	var files []string
	add := func(kind string, more ...string) {
		if g.restartsOn(kind) {
			files = append(files, more...)
		}
	}
	add("unit", u.path())
	add("unit", u.state.DropIns...)
	if g.AppRoot == "" {
		return files
	}
	for _, file := range g.EnvironmentFiles {
		add("environment", strings.TrimPrefix(file, "-"))
	}
	add("environment", g.DotenvFiles...)
	if len(g.SecretEnvironment) > 0 {
		add("environment", g.secretPath())
	}
	config := u.process.ConfigPath(g.AppRoot)
	add("config", config, config+".erb")
	add("lockfile", g.serviceOf(u, sidekiq.Version{}).Lockfile())
	if pool.file != "" && (pool.sizes == "" || g.notedPool(u) != pool.sizes) {
		add("database", pool.file)
	}
	return files
}

// isNewer reports whether a file was written after the main process was started. A file from the future, as after the clock was set back, does not
// count: it would restart the process on every run.
func (h host) isNewer(file string, s systemd.State) bool {
	info, err := os.Stat(h.inRoot(file))
	start, isKnown := s.Started()
	return err == nil && isKnown && info.ModTime().After(start) && !info.ModTime().After(time.Now())
}

// releaseReason compares the directory in which the process runs with that to which `current` leads now.
func (g *gatherer) releaseReason(pid int) (string, error) {
	_, dir, err := g.process(pid).Program()
	if err != nil {
		return "", err
	}
	current, err := filepath.EvalSymlinks(g.inRoot(g.AppRoot))
	if err != nil || dir == current {
		return "", nil
	}
	return "it runs in " + dir, nil
}

// warnOfCrashes warns of a process that systemd has restarted a short time ago: it may be in a slow crash loop.
func (p *planner) warnOfCrashes(to answer, u *unit) {
	start, isKnown := u.state.Started()
	if n := u.state.Restarts; n > 0 && isKnown && time.Since(start) < 10*time.Minute {
		to.Warn("systemd has restarted %s %d times by itself, last %s ago; hint: journalctl -u %s", u.name, n, time.Since(start).Round(time.Second), u.name)
	}
}
