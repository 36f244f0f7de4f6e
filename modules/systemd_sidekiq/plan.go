// Package systemdsidekiq is the Ansible module systemd_sidekiq: it runs an application's Sidekiq as a systemd service.
//
// # Decisions
//
// The unit is one file in /etc/systemd/system, which is the admin's folder; the package manager's stays untouched.
//
// Nothing in it names a release: it points to Capistrano's `current`, so a deploy needs no new unit.
//
// A changed unit that does not come up is taken back, and the one before is started again. Where none was up before, the new
// one stays enabled and retrying: there is nothing better to go back to, and the cause may be away (Redis, the application).
//
// A worker that runs is never stopped for a guess: while app_root is away, nothing is known of its Sidekiq, and nothing done.
package systemdsidekiq

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
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
	a.Set("unit", unitPath(p))
	a.Set("drop_ins", append([]string{}, f.state.DropIns...))
	if f.version.Known() {
		a.Set("sidekiq_version", f.version.String())
	}
	for _, w := range f.warnings {
		a.Warn("%s", w)
	}
	for _, fault := range f.missing {
		a.Missing(fault)
	}
	switch p.State {
	case "absent":
		a.remove()
	case "stopped":
		err = a.halt()
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

	rewritten bool // the unit says something else than what the process was started with
	more      bool // something else is started, so that what is seen now is not what will be
}

// run plans a service that runs: first what it needs, then the unit, then the process.
func (a *act) run() error {
	if a.p.AppRoot != "" && !a.f.deployed && !a.f.state.Stopped() {
		return fmt.Errorf("option %q: %q is not a folder, yet %s is %s; hint: finish the deploy, or stop it first", "app_root", a.p.AppRoot, a.p.unitName(), a.f.state.ActiveState)
	}
	a.readers()
	a.redis()
	if err := a.write(); err != nil {
		return err
	}
	a.enableOrNot()
	if !a.f.deployed {
		a.Set("status", "waiting for the first deploy")
		return nil
	}
	a.start()
	return nil
}

// halt plans a service that does not run, its unit as it shall be when it is started again.
func (a *act) halt() error {
	if a.f.deployed {
		if err := a.write(); err != nil {
			return err
		}
	}
	a.enableOrNot()
	a.stop()
	a.Set("status", "stopped")
	return nil
}
