// Package systemdsidekiq is the Ansible module systemd_sidekiq: it runs an application's Sidekiq as a systemd service.
//
// # Decisions
//
// Units lie in /etc/systemd/system, which is the admin's folder; the package manager's stays untouched. Nothing in them names a release: they
// point to Capistrano's `current`, so a deploy needs no new unit.
//
// A service is one unit, or several processes with a unit each (NAME@PROCESS.service) under one that holds them together, so that
// `systemctl restart NAME` reaches all of them. The module itself restarts them one after the other.
//
// A restart is: told to take no new jobs (TSTP), waited for, stopped, started, and seen in Redis again, as the process that systemd has.
//
// A changed unit that does not come up is taken back, and the one before is started again. If that does not come up either, the cause is the
// application's or Redis', and the new one stays, enabled and retrying; likewise where none was up before: there is nothing better to go
// back to.
//
// A worker that runs is never stopped for a guess: while app_root is away, nothing is known of its Sidekiq, and nothing done; one that a
// deploy has quieted is left to the deploy.
package systemdsidekiq

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
)

//go:embed systemd_sidekiq.yml
var doc []byte

// Module is the module for the host it runs on.
func Module() ansible.Module {
	return module(host{root: "/", settleNotify: 5 * time.Second, settleSimple: 10 * time.Second})
}

func module(h host) ansible.Module {
	return ansible.New(doc, func(p *Params) (*ansible.Plan, error) { return plan(h, p) })
}

func plan(h host, p *Params) (*ansible.Plan, error) {
	f, err := look(h, p)
	if err != nil {
		return nil, err
	}
	a := act{Plan: &ansible.Plan{}, p: p, f: f}
	a.tell()
	switch p.State {
	case "absent":
		a.remove()
	case "stopped":
		err = a.halt()
	case "reloaded", "drained":
		err = a.quiet()
	default:
		err = a.run()
	}
	return a.Plan, err
}

// act is a plan in the making.
type act struct {
	*ansible.Plan
	p *Params
	f *found

	more    bool             // something else is started, so that what is seen now is not what will be
	running []map[string]any // the processes that were seen, for the answer
	secrets string           // the file with secret_environment, as it is wanted
}

// tell answers what was found before anything is planned.
func (a *act) tell() {
	a.Set("unit", a.f.main.path())
	a.Set("drop_ins", append([]string{}, a.f.main.state.DropIns...))
	if a.f.version.Known() {
		a.Set("sidekiq_version", a.f.version.String())
	}
	if a.f.bundle != "" {
		a.Set("bundle", a.f.bundle)
	}
	for _, w := range a.f.warnings {
		a.Warn("%s", w)
	}
	for _, fault := range a.f.missing {
		a.Missing(fault)
	}
	for _, u := range a.f.units() {
		a.warnOfDropIns(u)
	}
}

// run plans a service that runs: first what it needs, then the units, then the processes.
func (a *act) run() error {
	for _, u := range a.f.units() {
		if a.p.AppRoot != "" && !a.f.deployed && !u.state.Stopped() {
			return fmt.Errorf("option %q: %q is not a folder, yet %s is %s; hint: finish the deploy, or stop it first", "app_root", a.p.AppRoot, u.name, u.state.ActiveState)
		}
	}
	a.Restore("run "+a.f.main.name+" as before", a.bringBack)
	a.readers()
	a.redis()
	if err := a.install(); err != nil {
		return err
	}
	a.enableOrNot()
	if !a.f.deployed {
		a.Set("status", "waiting for the first deploy")
		return nil
	}
	a.Set("status", "up")
	return a.start()
}

// halt plans a service that does not run, its units as they shall be when it is started again.
func (a *act) halt() error {
	a.Restore("run "+a.f.main.name+" as before", a.bringBack)
	if a.f.deployed {
		if err := a.install(); err != nil {
			return err
		}
	}
	a.enableOrNot()
	for _, u := range a.f.all() {
		a.stop(u, "")
	}
	a.Set("status", "stopped")
	return nil
}
