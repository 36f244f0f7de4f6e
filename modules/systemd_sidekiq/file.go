package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
)

// mode of unit files: everybody may read how a service is run.
const mode = 0o644

// write plans the unit file, and that systemd reads it.
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
	switch u := a.f.unit; {
	case u == nil || string(u.Data) != text:
		a.rewritten = true
		a.Add(ansible.Step{
			Title: "write " + unitPath(a.p),
			Diff:  a.diff(text),
			Do:    func(*ansible.Late) error { return a.f.publish(a.p, text) },
			Undo:  func() error { return a.f.restore(a.p, true) },
		})
	case a.f.state.NeedsReload:
		a.rewritten = true
		a.Add(ansible.Step{
			Title: "let systemd read " + a.p.unitName() + " again",
			Do:    func(*ansible.Late) error { return a.f.systemctl.DaemonReload() },
		})
	case !u.Is([]byte(text), mode, 0, 0):
		a.Add(a.attributesStep(u))
	}
	return nil
}

// attributesStep leaves the file and its time as they are: a newer unit would restart the worker.
func (a *act) attributesStep(u *atomicfile.File) ansible.Step {
	describe := func(uid, gid int, m os.FileMode) string {
		return fmt.Sprintf("%s (%d:%d %04o)", unitPath(a.p), uid, gid, m.Perm())
	}
	set := func(uid, gid int, m os.FileMode) error {
		return errors.Join(os.Lchown(a.f.host.path(unitPath(a.p)), uid, gid), os.Chmod(a.f.host.path(unitPath(a.p)), m))
	}
	return ansible.Step{
		Title: "set owner and mode of " + unitPath(a.p),
		Diff:  &ansible.Diff{Prepared: fmt.Sprintf("-%s\n+%s\n", describe(u.UID, u.GID, u.Mode), describe(0, 0, mode))},
		Do:    func(*ansible.Late) error { return set(0, 0, mode) },
		Undo:  func() error { return set(u.UID, u.GID, u.Mode) },
	}
}

func (a *act) diff(after string) *ansible.Diff {
	d := &ansible.Diff{After: after, BeforeHeader: unitPath(a.p), AfterHeader: unitPath(a.p)}
	if a.f.unit != nil {
		d.Before = string(a.f.unit.Data)
	}
	return d
}

func (f *found) publish(p *Params, text string) error {
	err := atomicfile.Replace(atomicfile.Replacement{Path: f.host.path(unitPath(p)), Data: []byte(text), Mode: mode})
	if err != nil {
		return err
	}
	if err := f.systemctl.DaemonReload(); err != nil {
		return ansible.Partial(err)
	}
	return nil
}

// restore puts back the unit that was found, and its worker if that ran and was stopped for ours.
func (f *found) restore(p *Params, worker bool) error {
	if err := atomicfile.Restore(f.host.path(unitPath(p)), f.unit); err != nil {
		return err
	}
	if err := f.systemctl.DaemonReload(); err != nil {
		return err
	}
	if !worker || !f.state.Up() {
		return nil
	}
	if err := f.systemctl.Restart(p.unitName()); err != nil {
		return fmt.Errorf("the file is back, but its worker is not: %w", err)
	}
	if _, err := f.systemctl.Settle(p.unitName(), f.settling()); err != nil {
		return fmt.Errorf("the file is back, but its worker is not: %w", err)
	}
	return nil
}

// remove plans the end of the service: what was made first goes last.
func (a *act) remove() {
	name := a.p.unitName()
	a.stop()
	a.disable()
	a.Set("status", "absent")
	if a.f.unit != nil {
		a.Add(ansible.Step{
			Title: "remove " + unitPath(a.p),
			Diff:  a.diff(""),
			Do:    func(*ansible.Late) error { return a.f.withdraw(a.p) },
			Undo:  func() error { return a.f.restore(a.p, false) },
		})
	}
	for _, dir := range []string{"/usr/local/lib", "/lib", "/usr/lib"} {
		other := dir + "/systemd/system/" + name
		if _, err := os.Stat(a.f.host.path(other)); err == nil {
			a.Set("status", "stopped, not removed")
			a.Warn("%s was not written by this module and stays; hint: remove it where it came from", other)
			return
		}
	}
}

func (f *found) withdraw(p *Params) error {
	if err := atomicfile.Remove(f.host.path(unitPath(p))); err != nil {
		return err
	}
	err := f.systemctl.DaemonReload()
	if err == nil {
		err = f.systemctl.ResetFailed(p.unitName())
	}
	if err != nil {
		return ansible.Partial(err)
	}
	return nil
}
