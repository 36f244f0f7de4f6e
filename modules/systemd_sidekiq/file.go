package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/systemd"
)

// mode of unit files: everybody may read how a service is run.
const mode = 0o644

// install plans the unit files, and the end of units that they replace.
func (a *act) install() error {
	if a.p.AppRoot == "" {
		if !a.f.main.state.Exists() {
			return fmt.Errorf("there is no %s yet; hint: give app_root, so that it can be written", a.f.main.name)
		}
		return nil
	}
	if err := a.takeOver(); err != nil {
		return err
	}
	texts, err := a.texts()
	if err != nil {
		return err
	}
	a.replaceOthers()
	a.retire()
	if err := a.writeSecrets(); err != nil {
		return err
	}
	for _, u := range a.f.units() {
		a.write(u, texts[u])
	}
	if len(a.p.SecretEnvironment) == 0 {
		a.removeSecrets()
	}
	return nil
}

// texts are the unit files that are wanted; those that are new have been judged by systemd-analyze.
func (a *act) texts() (map[*unit]string, error) {
	texts, changed := map[*unit]string{}, map[string]string{}
	for _, u := range a.f.units() {
		text, err := unitText(a.p, a.f, u)
		if err != nil {
			return nil, err
		}
		texts[u] = text
		if u.file == nil || string(u.file.Data) != text {
			changed[u.name] = text
		}
	}
	if len(changed) == 0 {
		return texts, nil
	}
	return texts, systemd.Verify(changed)
}

// retire plans that processes which are no longer listed end, and a unit that is to be something else: a process, or what holds several.
func (a *act) retire() {
	for _, u := range a.f.stale {
		a.drainAndStop(u, " (it is no longer listed)")
		a.withdraw(u)
	}
	if m := a.f.main; m.inUse.path != "" && m.inUse.isParent() != (m.process == nil) {
		a.drainAndStop(m, "")
	}
}

// write plans one unit file, and that systemd reads it.
func (a *act) write(u *unit, text string) {
	switch {
	case u.file == nil || string(u.file.Data) != text:
		u.rewritten = true
		a.Add(ansible.Step{
			Title: "write " + u.path(),
			Diff:  diff(u, text),
			Do:    func(*ansible.Late) error { return a.f.publish(u, text) },
			Undo:  func() error { return a.takeBack(u, text) },
		})
	case u.state.NeedsReload:
		u.rewritten = true
		a.Add(ansible.Step{
			Title: "let systemd read " + u.name + " again",
			Do:    func(*ansible.Late) error { return a.f.systemctl.DaemonReload() },
		})
	case !u.file.Is([]byte(text), mode, 0, 0):
		a.Add(a.attributesStep(u))
	}
}

// attributesStep leaves the file and its time as they are: a newer unit would restart the worker.
func (a *act) attributesStep(u *unit) ansible.Step {
	describe := func(uid, gid int, m os.FileMode) string {
		return fmt.Sprintf("%s (%d:%d %04o)", u.path(), uid, gid, m.Perm())
	}
	set := func(uid, gid int, m os.FileMode) error {
		return errors.Join(os.Lchown(a.f.host.path(u.path()), uid, gid), os.Chmod(a.f.host.path(u.path()), m))
	}
	return ansible.Step{
		Title: "set owner and mode of " + u.path(),
		Diff:  &ansible.Diff{Prepared: fmt.Sprintf("-%s\n+%s\n", describe(u.file.UID, u.file.GID, u.file.Mode), describe(0, 0, mode))},
		Do:    func(*ansible.Late) error { return set(0, 0, mode) },
		Undo:  func() error { return set(u.file.UID, u.file.GID, u.file.Mode) },
	}
}

func diff(u *unit, after string) *ansible.Diff {
	d := &ansible.Diff{After: after, BeforeHeader: u.path(), AfterHeader: u.path()}
	if u.file != nil {
		d.Before = string(u.file.Data)
	}
	return d
}

func (f *found) publish(u *unit, text string) error {
	err := atomicfile.Replace(atomicfile.Replacement{Path: f.host.path(u.path()), Data: []byte(text), Mode: mode})
	if err != nil {
		return err
	}
	if err := f.systemctl.DaemonReload(); err != nil {
		return ansible.Partial(err)
	}
	return nil
}

// takeBack puts back the unit that was found, and its worker if that ran and was stopped for ours. When that does not come up either, the
// cause is not in the unit, and the new one is put there again to go on trying.
func (a *act) takeBack(u *unit, text string) error {
	if err := a.f.restore(u); err != nil {
		return err
	}
	if u.process == nil || !u.state.Up() {
		return nil
	}
	err := a.f.systemctl.Restart(u.name)
	if err == nil {
		_, err = a.f.systemctl.Settle(u.name, a.f.settling())
	}
	if err == nil {
		return nil
	}
	err = errors.Join(a.f.publish(u, text), a.f.systemctl.StartLater(u.name))
	if err != nil {
		return fmt.Errorf("the unit before does not come up either: %w", err)
	}
	return errors.New("the unit before does not come up either, so the cause is in the application or in what it needs: the new unit stays and goes on trying")
}

func (f *found) restore(u *unit) error {
	if err := atomicfile.Restore(f.host.path(u.path()), u.file); err != nil {
		return err
	}
	return f.systemctl.DaemonReload()
}

// remove plans the end of the service: what was made first goes last.
func (a *act) remove() {
	for _, u := range a.f.all() {
		a.stop(u, "")
	}
	a.disable(a.f.main)
	a.Set("status", "absent")
	for _, u := range a.f.all() {
		a.withdraw(u)
	}
	a.removeSecrets()
	for _, dir := range unitFolders[1:] {
		other := dir + "/" + a.f.main.name
		if _, err := os.Stat(a.f.host.path(other)); err == nil {
			a.Set("status", "stopped, not removed")
			a.Warn("%s was not written by this module and stays; hint: remove it where it came from", other)
			return
		}
	}
}

// all are the units of the service that are wanted or were, those that run Sidekiq first.
func (f *found) all() []*unit {
	all := append(slices.Clone(f.workers), f.stale...)
	if f.main.process == nil {
		all = append(all, f.main)
	}
	return all
}

// withdraw plans that a unit file goes.
func (a *act) withdraw(u *unit) {
	if u.file == nil {
		return
	}
	a.Add(ansible.Step{
		Title: "remove " + u.path(),
		Diff:  diff(u, ""),
		Do: func(*ansible.Late) error {
			err := atomicfile.Remove(a.f.host.path(u.path()))
			if err != nil {
				return err
			}
			if err = a.f.systemctl.DaemonReload(); err == nil {
				err = a.f.systemctl.ResetFailed(u.name)
			}
			if err != nil {
				return ansible.Partial(err)
			}
			return nil
		},
		Undo: func() error { return a.f.restore(u) },
	})
}

// overriding are the directives of a drop-in which decide what the unit is.
var overriding = []string{"ExecStart", "Type", "User", "WorkingDirectory"}

// warnOfDropIns: they stay, for they are the admin's, but what they override is not what was proved.
func (a *act) warnOfDropIns(u *unit) {
	for _, file := range u.state.DropIns {
		text, err := atomicfile.ReadIfThere(a.f.host.path(file))
		if err != nil {
			a.Warn("%s could not be read: %v", file, err)
			continue
		}
		for _, d := range (fragment{file, string(text)}).lines() {
			if slices.Contains(overriding, d.name) && d.value != "" {
				a.Warn("%s overrides %s= of the unit; hint: remove it, or set the option", file, d.name)
			}
		}
	}
}
