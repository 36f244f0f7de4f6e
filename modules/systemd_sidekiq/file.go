package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
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
	if err := a.texts(); err != nil {
		return err
	}
	if err := a.replaceOthers(); err != nil {
		return err
	}
	a.retire()
	for _, u := range a.f.units() {
		a.endBefore(u)
	}
	if err := a.writeSecrets(); err != nil {
		return err
	}
	for _, u := range a.f.units() {
		a.write(u)
	}
	if len(a.p.SecretEnvironment) == 0 {
		a.removeSecrets()
	}
	return nil
}

// texts makes the unit files that are wanted; those that are new are judged by systemd-analyze.
func (a *act) texts() error {
	changed := map[string]string{}
	for _, u := range a.f.units() {
		var err error
		if u.text, err = unitText(a.p, a.f, u); err != nil {
			return err
		}
		if !u.isWritten() {
			changed[u.name] = u.text
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return systemd.Verify(changed)
}

// retire plans that processes which are no longer listed end, and a unit that is to be something else: a process, or what holds several.
func (a *act) retire() {
	for _, u := range a.f.stale {
		a.drainAndStop(u, " (it is no longer listed)")
		a.withdraw(u)
	}
	if a.otherKind() {
		a.drainAndStop(a.f.main, "")
	}
}

// otherKind tells whether the unit that people name is to be something else than it is: a process, or what holds several together.
func (a *act) otherKind() bool {
	m := a.f.main
	return m.inUse.path != "" && m.inUse.isParent() != (m.process == nil)
}

// endBefore plans that a process ends before its unit is written when the new one gives it less time for that: systemd would kill it, and
// its jobs, by the new unit's TimeoutStopSec=.
func (a *act) endBefore(u *unit) {
	if u.process == nil || !u.ran || u.stopped || u.isWritten() {
		return
	}
	grace, err := a.p.grace(u.timeout)
	if before := u.state.StopTimeout; err == nil && (before == 0 || before > time.Duration(grace)*time.Second) {
		a.drainAndStop(u, " (it has more time to end than the new unit gives)")
	}
}

// write plans one unit file, and that systemd reads it.
func (a *act) write(u *unit) {
	switch {
	case !u.isWritten():
		u.rewritten = true
		a.Add(ansible.Step{
			Title: "write " + u.path(),
			Diff:  diff(u, u.text),
			Do:    func(*ansible.Late) error { return a.f.publish(u) },
			Undo:  func() error { return a.f.restore(u) },
		})
	case u.state.NeedsReload:
		u.rewritten = true
		a.Add(ansible.Step{
			Title: "let systemd read " + u.name + " again",
			Do:    func(*ansible.Late) error { return a.f.systemctl.DaemonReload() },
		})
	case !u.file.Is([]byte(u.text), mode, 0, 0):
		a.Add(a.attributesStep(u.file, u.path(), mode))
	}
}

// attributesStep leaves a file and its time as they are: one that is newer would restart the worker.
func (a *act) attributesStep(file *atomicfile.File, path string, mode os.FileMode) ansible.Step {
	describe := func(uid, gid int, m os.FileMode) string {
		return fmt.Sprintf("%s (%d:%d %04o)", path, uid, gid, m.Perm())
	}
	set := func(uid, gid int, m os.FileMode) error {
		return errors.Join(os.Lchown(a.f.host.path(path), uid, gid), os.Chmod(a.f.host.path(path), m))
	}
	return ansible.Step{
		Title: "set owner and mode of " + path,
		Diff:  &ansible.Diff{Prepared: fmt.Sprintf("-%s\n+%s\n", describe(file.UID, file.GID, file.Mode), describe(0, 0, mode))},
		Do:    func(*ansible.Late) error { return set(0, 0, mode) },
		Undo:  func() error { return set(file.UID, file.GID, file.Mode) },
	}
}

func diff(u *unit, after string) *ansible.Diff {
	d := &ansible.Diff{After: after, BeforeHeader: u.path(), AfterHeader: u.path()}
	if u.file != nil {
		d.Before = string(u.file.Data)
	}
	return d
}

func (f *found) publish(u *unit) error {
	err := atomicfile.Replace(atomicfile.Replacement{Path: f.host.path(u.path()), Data: []byte(u.text), Mode: mode})
	if err != nil {
		return err
	}
	if err := f.systemctl.DaemonReload(); err != nil {
		return ansible.Partial(err)
	}
	return nil
}

func (f *found) restore(u *unit) error {
	if err := atomicfile.Restore(f.host.path(u.path()), u.file); err != nil {
		return err
	}
	return f.systemctl.DaemonReload()
}

// remove plans the end of the service: what was made first goes last. What others wrote stays.
func (a *act) remove() {
	for _, u := range a.f.all() {
		a.stop(u, "")
	}
	a.disable(a.f.main)
	a.Set("status", "absent")
	var theirs []string
	for _, u := range a.f.all() {
		if u.file == nil || u.inUse.isOurs() {
			a.withdraw(u)
		} else {
			theirs = append(theirs, u.path())
		}
	}
	a.removeSecrets()
	a.removeCache()
	for _, dir := range unitFolders[1:] {
		other := dir + "/" + a.f.main.name
		if _, err := os.Stat(a.f.host.path(other)); err == nil {
			theirs = append(theirs, other)
			break // the one that systemd would use; /lib and /usr/lib may be the same folder
		}
	}
	for _, file := range theirs {
		a.Set("status", "stopped, not removed")
		a.Warn("%s was not written by this module and stays; hint: remove it where it came from", file)
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
				err = errors.Join(a.f.systemctl.ResetFailed(u.name), a.f.forget(u))
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
var overriding = []string{"ExecStart", "Type", "User", "WorkingDirectory", "KillMode", "TimeoutStopSec", "Restart"}

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
