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
package systemdsidekiq

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/systemd"
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
	if err := f.checkOwner(p); err != nil {
		return nil, err
	}
	plan := &ansible.Plan{}
	plan.Set("unit", unitPath(p))
	if f.version.Known() {
		plan.Set("sidekiq_version", f.version.String())
	}
	for _, w := range f.warnings {
		plan.Warn("%s", w)
	}
	a := act{Plan: plan, p: p, f: f}
	if p.State == "absent" {
		a.remove()
		return plan, nil
	}
	return plan, a.converge()
}

// act is a plan in the making.
type act struct {
	*ansible.Plan
	p *Params
	f *found

	wrote bool // the unit changes
}

func (a *act) converge() error {
	for _, fault := range a.f.missing {
		a.Missing(fault)
	}
	if err := a.write(); err != nil {
		return err
	}
	a.redis()
	a.enable()
	switch {
	case a.p.State == "stopped":
		a.stop()
	case a.p.AppRoot != "" && !a.f.deployed && !a.f.state.Up():
		a.Set("status", "waiting for the first deploy")
	default:
		a.start()
	}
	return nil
}

// write plans the unit file and makes systemd read it.
func (a *act) write() error {
	if a.p.AppRoot == "" {
		if !a.f.state.Exists() {
			return fmt.Errorf("there is no %s yet; hint: give app_root, so that it can be written", a.p.unitName())
		}
		return nil
	}
	text, err := unitText(a.p, a.f)
	if err != nil {
		return err
	}
	if a.f.unit.Is([]byte(text), 0o644, 0, 0) && !a.f.state.NeedsReload {
		return nil
	}
	a.wrote = true
	before := ""
	if a.f.unit != nil {
		before = string(a.f.unit.Data)
	}
	a.Add(ansible.Step{
		Title: "write " + unitPath(a.p),
		Diff:  &ansible.Diff{Before: before, After: text, BeforeHeader: unitPath(a.p), AfterHeader: unitPath(a.p)},
		Do:    func(*ansible.Late) error { return a.f.publish(a.p, text) },
		Undo:  func() error { return a.f.restore(a.p) },
	})
	return nil
}

func (f *found) publish(p *Params, text string) error {
	err := atomicfile.Replace(atomicfile.Replacement{Path: f.host.path(unitPath(p)), Data: []byte(text), Mode: 0o644})
	if err != nil {
		return err
	}
	if err := f.systemctl.DaemonReload(); err != nil {
		return ansible.Partial(err)
	}
	return nil
}

// restore puts back the unit that was found, and its worker if it ran.
func (f *found) restore(p *Params) error {
	if err := atomicfile.Restore(f.host.path(unitPath(p)), f.unit); err != nil {
		return err
	}
	if err := f.systemctl.DaemonReload(); err != nil {
		return err
	}
	if f.state.Up() {
		return f.systemctl.Restart(p.unitName())
	}
	return nil
}

func (a *act) redis() {
	for _, r := range a.f.redis {
		a.enableUnit(r.name, r.state)
		if r.state.ActiveState != "active" {
			a.Add(ansible.Step{
				Title: "start " + r.name,
				Do:    func(*ansible.Late) error { return a.f.systemctl.Start(r.name) },
				Undo:  func() error { return a.f.systemctl.Stop(r.name) },
			})
		}
	}
}

func (a *act) enable() {
	if a.p.Enabled {
		a.enableUnit(a.p.unitName(), a.f.state)
	} else {
		a.disable()
	}
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

func (a *act) enableUnit(name string, s systemd.State) {
	if s.UnitFileState == "enabled" {
		return
	}
	a.Add(ansible.Step{
		Title: "enable " + name,
		Do:    func(*ansible.Late) error { return a.f.systemctl.Enable(name) },
		Undo:  func() error { return a.f.systemctl.Disable(name) },
	})
}

func (a *act) stop() {
	a.Set("status", "stopped")
	if a.f.state.ActiveState == "inactive" || a.f.state.ActiveState == "failed" {
		return
	}
	a.Add(ansible.Step{
		Title: "stop " + a.p.unitName(),
		Do:    func(*ansible.Late) error { return a.f.systemctl.Stop(a.p.unitName()) },
		Undo:  func() error { return a.f.systemctl.Start(a.p.unitName()) },
	})
}

// start plans a start, a restart, or nothing when the process that runs is the right one.
func (a *act) start() {
	a.Set("status", "up")
	verb := ""
	switch {
	case !a.f.state.Up():
		verb = "start "
	case a.p.State == "restarted", a.wrote, a.f.olderThan(a.f.host.path(unitPath(a.p))):
		verb = "restart "
	}
	if verb == "" {
		a.report(a.Plan, a.f.state)
		return
	}
	a.Add(ansible.Step{Title: verb + a.p.unitName(), Do: a.bringUp, Undo: func() error { return a.f.systemctl.Stop(a.p.unitName()) }})
}

func (f *found) settling() time.Duration {
	if f.version.Notifies() {
		return f.host.settleNotify
	}
	return f.host.settleSimple
}

func (a *act) bringUp(late *ansible.Late) error {
	name := a.p.unitName()
	if err := a.f.systemctl.Restart(name); err != nil {
		return a.failed(a.f.systemctl.Down(name, err))
	}
	state, err := a.f.systemctl.Settle(name, a.f.settling())
	if err != nil {
		return a.failed(err)
	}
	a.report(late, state)
	return nil
}

// failed keeps a unit that took nothing's place.
func (a *act) failed(err error) error {
	if a.f.state.Up() && a.wrote {
		return ansible.Partial(err)
	}
	return ansible.Keep(ansible.Partial(err))
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

// remove plans the end of the service, the last thing first made being the first to go.
func (a *act) remove() {
	a.Set("status", "absent")
	if a.f.unit == nil {
		return
	}
	a.stop()
	a.Set("status", "absent")
	a.disable()
	a.Add(ansible.Step{
		Title: "remove " + unitPath(a.p),
		Diff:  &ansible.Diff{Before: string(a.f.unit.Data), BeforeHeader: unitPath(a.p), AfterHeader: unitPath(a.p)},
		Do: func(*ansible.Late) error {
			if err := atomicfile.Remove(a.f.host.path(unitPath(a.p))); err != nil {
				return err
			}
			if err := a.f.systemctl.DaemonReload(); err != nil {
				return ansible.Partial(err)
			}
			return nil
		},
		Undo: func() error { return a.f.restore(a.p) },
	})
}
