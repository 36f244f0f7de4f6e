// Package systemdsidekiq is the Ansible module systemd_sidekiq: it runs an application's Sidekiq as a systemd service.
//
// # How it works
//
// Four kinds of value, each read-only once it is made: options (options.go), facts (facts.go), the text of the units, which is a function of
// both (unit.go), and the plan (plan.go), whose steps package ansible runs.
//
// # Decisions
//
// Units are in /etc/systemd/system, which is the admin's directory; the package manager's stays untouched. Nothing in them names a release: they
// point to Capistrano's `current`, so a deploy needs no new unit.
//
// A service is one unit, or several processes with a unit each (NAME@PROCESS.service) under a parent, so that `systemctl restart NAME`
// reaches all of them. The module itself restarts them one after the other.
//
// The running process is asked (inspector.go, verify.go): its environment shows the variables in effect, its connections the Redis that it uses, its
// title that it works and how many jobs it runs. A heartbeat in Redis is the strongest evidence, then the title, then the uptime. Only evidence
// against a process fails a task; missing evidence is a warning that says what was looked at.
//
// A restart makes the process quiet (TSTP), waits for its jobs, stops it, starts it, and looks for its heartbeat.
//
// A changed unit that does not come up is rolled back, and the one before is started again. If that does not come up either, the cause is in the
// application or in Redis, and the new one stays, enabled and retrying; likewise where none was up before: there is nothing better to go
// back to.
//
// A process is never stopped for a guess: while app_root is missing, nothing is known of its Sidekiq, and nothing done; one that a
// deploy has made quiet is left to the deploy.
package systemdsidekiq

import (
	_ "embed"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

//go:embed systemd_sidekiq.yml
var doc []byte

// Module is the module for the host it runs on.
func Module() ansible.Module {
	return newModule(host{root: "/", uptimeNotify: 5 * time.Second, uptimeSimple: 10 * time.Second, jobsPeriod: 30 * time.Second})
}

func newModule(h host) ansible.Module {
	return ansible.New(doc, func(o *options) (*ansible.Plan, error) { return plan(h, o) })
}

func plan(h host, o *options) (*ansible.Plan, error) {
	i := newInspector(h, o)
	f, err := gather(i)
	if err != nil {
		return nil, err
	}
	p := newPlanner(i, f)
	p.report()
	switch o.State {
	case "absent":
		p.remove()
	case "stopped":
		err = p.stopAll()
	case "reloaded", "drained":
		err = p.quiet()
	default:
		err = p.run()
	}
	if err == nil {
		p.summarize()
	}
	return p.Plan, err
}

// run plans a service that runs: first what it needs, then the units, then the processes.
func (p *planner) run() error {
	for _, u := range p.wanted() {
		if p.AppRoot != "" && !p.deployed && !u.state.Stopped() {
			return argspec.Errorf("app_root", "%q is not a directory, yet %s is %s; hint: finish the deploy, or stop it first", p.AppRoot, u.name, u.state.ActiveState)
		}
	}
	p.Restore("run "+p.main().name+" as before", p.startAgain)
	p.addLogReaders()
	p.startRedis()
	if err := p.install(); err != nil {
		return err
	}
	p.enableOrDisable()
	if !p.deployed {
		if dir := path.Dir(p.AppRoot); p.AppRoot != "" && !p.isDir(dir) {
			p.Warn("%s does not exist either; hint: check app_root and deploy_root, of the role sidekiq_project or project_name", dir)
		}
		p.status = waiting
		return nil
	}
	p.status = "up"
	if err := p.start(); err != nil {
		return err
	}
	p.reportPending()
	p.verifyJobs()
	return nil
}

// waiting is the status of a service whose application was never deployed.
const waiting = "waiting for the first deploy"

// stopAll plans a service that is stopped, with its units up to date for the next start.
func (p *planner) stopAll() error {
	p.Restore("run "+p.main().name+" as before", p.startAgain)
	if p.deployed {
		if err := p.install(); err != nil {
			return err
		}
	}
	p.enableOrDisable()
	for _, u := range p.parentLast() {
		p.stop(u)
	}
	p.status = "stopped"
	return nil
}

// startRedis plans that the Redis of this host is enabled and runs, as ansible-samvera's role did, if the application needs it.
func (p *planner) startRedis() {
	r := p.neighbours.redis
	if p.ManageRedis == "never" || r == nil {
		return
	}
	if r.isActive() {
		if p.redisNow == r.name { // it is needed after a reboot, too
			p.enable(r)
		}
		return
	}
	if p.startsRedis = p.needsRedis(); p.startsRedis {
		p.enable(r)
		p.control("start", r, p.systemctl.Start, p.systemctl.Stop)
	}
}

// needsRedis reports whether the Redis of the application is on this host and nothing answers there. If nothing but Sidekiq's default says that it is
// here, a process with a connection to another server may have it there.
func (p *planner) needsRedis() bool {
	for _, u := range p.workers() {
		if !u.ran() {
			continue
		}
		main, search := p.mainProcess(u), p.search(u, p.root())
		if _, _, err := search.Locate(main); err == nil || search.IsGuess() && search.HasOthers(main) {
			return false
		}
		return isDown(search.Found[0])
	}
	return isDown(p.likelyRedis().Found)
}

// isDown reports whether an address is one of this host at which its service of Redis listens by default, and nothing answers there.
func isDown(redis sidekiq.Found) bool {
	address := redis.Address()
	isDefault := strings.HasPrefix(address, "/") || strings.HasSuffix(address, ":6379") && !strings.HasPrefix(redis.URL, "rediss:")
	return isDefault && redis.IsLocal() && !redis.Answers()
}

func (p *planner) enableOrDisable() {
	if p.Enabled {
		p.enable(p.main())
	} else {
		p.disable(p.main())
	}
}

// start plans a start or a restart of each process, or a check of one that already runs as wanted.
func (p *planner) start() error {
	parent := p.main()
	startsParent := parent.process == nil && (!parent.isActive() || p.stopped[parent.name])
	if startsParent {
		p.Add(p.startParentStep(parent))
	}
	for _, u := range p.workers() {
		// When a step starts something else first, a heartbeat now is no proof.
		if err := p.startWorker(u, startsParent || p.startsRedis); err != nil {
			return err
		}
	}
	return nil
}

// startParentStep starts the parent, and with it the processes, by its Wants=.
func (p *planner) startParentStep(parent *unit) ansible.Step {
	return ansible.Step{
		Title: "start " + parent.name, Partial: true, OnFailure: p.onFailure(),
		Do: func(*ansible.Late) error {
			if err := p.systemctl.Start(parent.name); err != nil {
				return p.withRedisFault(p.systemctl.Down(parent.name, err))
			}
			return nil
		},
		Undo: func() error {
			fault := p.systemctl.Stop(parent.name)
			for _, u := range p.workers() {
				if !u.ran() {
					fault = errors.Join(fault, p.systemctl.Stop(u.name))
				}
			}
			return fault
		},
	}
}

// startWorker plans a start, a restart or a check of one process.
func (p *planner) startWorker(u *unit, verifyLater bool) error {
	if !u.ran() || p.stopped[u.name] {
		p.Add(p.bringUpStep("start "+u.name, u))
		return nil
	}
	if u.releaseFault != nil && p.State != "restarted" && !p.redefined[u.name] {
		p.Warn("cannot read the release of process %d: %v", u.state.MainPID, u.releaseFault)
	}
	if reason, isNeeded := p.restartNeeded(u); isNeeded {
		p.Add(p.bringUpStep("restart "+u.name+reason, u))
		return nil
	}
	p.noteRestart(u)
	p.reportPermissionErrors(u)
	if isWanted := !p.isPending(u); isWanted && verifyLater {
		p.Add(ansible.Step{Title: "see " + u.name + " at work", Proof: true, Do: func(late *ansible.Late) error { return p.verify(late, u) }})
	} else {
		if isWanted {
			p.warnOfCrashes(p.Plan, u)
		}
		if err := p.verify(p.Plan, u); err != nil {
			return err
		}
	}
	p.Add(ansible.Step{Title: "note the pool of " + u.name, Proof: true, Do: func(*ansible.Late) error { return p.notePool(u) }})
	return nil
}

// bringUpStep starts a process or restarts it. Undoing a restart is left to startAgain, which follows when all files are restored.
func (p *planner) bringUpStep(title string, u *unit) ansible.Step {
	isRestart := u.ran() && !p.stopped[u.name]
	return ansible.Step{
		Title: title, Partial: isRestart || p.onFailure() == ansible.RollBack, OnFailure: p.onFailure(),
		Do: func(late *ansible.Late) error { return p.bringUp(late, u) },
		Undo: func() error {
			if isRestart {
				return nil
			}
			return p.systemctl.Stop(u.name)
		},
	}
}

// bringUp drains a process that runs, starts the new one, and verifies it.
func (p *planner) bringUp(to answer, u *unit) error {
	var left remaining
	if !p.stopped[u.name] {
		var err error
		if left, err = p.drain(to, u); err != nil {
			return err
		}
	}
	if err := p.watch(to, left, func() error { return p.restart(u) }); err != nil {
		return errors.Join(p.withRedisFault(p.systemctl.Down(u.name, err)), p.noteFailed(u))
	}
	state, err := p.awaitUp(u)
	if err == nil {
		p.started[state.InvocationID] = startedUnit{u.name, state, time.Now()}
		u = u.at(state)
		if err = p.verify(to, u); err == nil {
			err = p.systemctl.CheckUp(u.name, state)
		}
	}
	if err != nil {
		return errors.Join(p.withRedisFault(err), p.noteFailed(u))
	}
	return p.notePool(u)
}

// restart starts a unit, or restarts it in one job of systemd, so that the new process starts even if this program is killed.
func (p *planner) restart(u *unit) error {
	if !u.state.Exists() { // it has never failed
		return p.systemctl.Start(u.name)
	}
	if u.state.Stopped() || p.stopped[u.name] { // not restart: its parent may have started it by now
		return errors.Join(p.systemctl.ResetFailed(u.name), p.systemctl.Start(u.name))
	}
	return p.systemctl.Restart(u.name)
}
