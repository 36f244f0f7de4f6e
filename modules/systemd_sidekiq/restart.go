package systemdsidekiq

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// restartNeeded reports whether a process that runs is restarted, and why, unless another step shows it. One that a deploy has made quiet is left
// to the deploy.
func (p *planner) restartNeeded(u *unit) (reason string, isNeeded bool) {
	switch {
	case u.wasMadeQuiet: // its heartbeat may not show it yet
		return " (an earlier run left it quiet)", true
	case p.State == "restarted":
		return "", true
	case p.redefined[u.name]:
		return "", !p.isQuiet(u)
	}
	return u.restartReason, u.restartReason != "" && !p.isQuiet(u)
}

// addRestartReasons adds the facts about processes that run, by which their restart is decided.
func (g *gatherer) addRestartReasons(f *facts) {
	for _, u := range f.workers() {
		if u.ran() {
			u.wasMadeQuiet = g.hasNote(u.name, quietNote, u.identity())
			u.restartReason, u.releaseFault = g.restartReason(u, f)
		}
	}
}

// restartReason returns unit.restartReason and unit.releaseFault.
func (g *gatherer) restartReason(u *unit, f *facts) (reason string, releaseFault error) {
	for _, file := range g.watched(u, f.pool) {
		if g.isNewer(file, u.state) || file == f.pool.file && f.pool.isChanged {
			return fmt.Sprintf(" (%s is newer than the process)", file), nil
		}
	}
	if g.restartsOn("release") && g.AppRoot != "" {
		return g.releaseReason(u.state.MainPID, f.user)
	}
	return "", nil
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
	add("lockfile", g.lockfile())
	if pool.file != "" && (pool.sizes == "" || !g.hasNote(u.name, poolNote, pool.note(u))) {
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
func (g *gatherer) releaseReason(pid int, user *accounts.User) (string, error) {
	dir, err := proc.WorkingDirectory(pid, user)
	if err != nil {
		return "", err
	}
	current, err := filepath.EvalSymlinks(g.inRoot(g.AppRoot))
	if err != nil || dir == current {
		return "", nil
	}
	return fmt.Sprintf(" (it runs in %s)", dir), nil
}

// warnOfCrashes warns of a process that systemd has restarted a short time ago: it may be in a slow crash loop.
func (p *planner) warnOfCrashes(to answer, u *unit) {
	start, isKnown := u.state.Started()
	if n := u.state.Restarts; n > 0 && isKnown && time.Since(start) < 10*time.Minute {
		to.Warn("systemd has restarted %s %d times by itself, last %s ago; hint: journalctl -u %s", u.name, n, time.Since(start).Round(time.Second), u.name)
	}
}
