package systemdsidekiq

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/bundler"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// unitMode: everybody may read how a service is run.
const unitMode = 0o644

// install plans the unit files, and the end of units that they replace.
func (p *planner) install() error {
	if p.keepsUnits {
		if !p.main().state.Exists() {
			return fmt.Errorf("there is no %s yet; hint: give app_root, so that it can be written", p.main().name)
		}
		return nil
	}
	for _, part := range []func() error{p.checkTakeover, p.makeTexts, p.replaceOthers} {
		if err := part(); err != nil {
			return err
		}
	}
	p.retire()
	for _, u := range p.workers() {
		p.endBefore(u)
	}
	if err := cmp.Or(p.refuseToEnd(), p.installSecrets()); err != nil {
		return err
	}
	last := p.lastWritten()
	for _, u := range p.wanted() {
		p.installUnit(u, u.name == last && !p.isEnabledLater())
	}
	if len(p.SecretEnvironment) == 0 {
		p.removeSecrets()
	}
	return nil
}

// makeTexts makes the texts of the wanted unit files. systemd-analyze verifies those that change.
func (p *planner) makeTexts() error {
	changed := map[string]string{}
	for _, u := range p.wanted() {
		text, err := unitText(p.options, p.facts, u)
		if err != nil {
			return err
		}
		if p.wantedTexts[u.name] = text; !p.isInstalled(u) {
			changed[u.name] = text
			if err := p.refuseFailed(u); err != nil {
				return err
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	p.warnOfUnsetOptions()
	if err := p.verifyUnits(changed); err != nil {
		return err
	}
	return p.checkRuby(changed)
}

// checkRuby warns of a Ruby that the application does not accept, when the command of a unit changes: the application is asked, which takes a second.
func (p *planner) checkRuby(changed map[string]string) error {
	isOther := func(u *unit) bool {
		text, isChanged := changed[u.name]
		return isChanged && u.installed.Value("ExecStart") != (systemd.UnitFile{Text: text}).Value("ExecStart")
	}
	if !p.deployed || len(p.missing) > 0 || !slices.ContainsFunc(p.workers(), isOther) {
		return nil
	}
	variables, err := p.Sources(p.files).Unit()
	if err != nil {
		return nil // reported when the environment was read
	}
	bundle := p.bundle.Path
	if filepath.IsAbs(bundle) {
		bundle = p.inRoot(bundle)
	}
	warning, err := p.bundle.CheckRuby(p.user, p.inRoot(p.AppRoot), p.inShell(bundler.RubyCommand(bundle, bundler.DescribeRuby...)), variables)
	if warning != "" {
		p.Warn("%s", warning)
	}
	return err
}

// warnOfUnsetOptions warns of options that the units were written with and that are left out now, or have their defaults.
func (p *planner) warnOfUnsetOptions() {
	names := slices.DeleteFunc(parseList(p.workers()[0].installed, optionsComment), func(name string) bool {
		return slices.Contains(p.NotDefault, name) || name == "group" // which is kept
	})
	if len(names) > 0 {
		p.Warn("%s was written with options that have their defaults now: %s; hint: set them again to keep their values", p.main().name, strings.Join(names, ", "))
	}
}

// isInstalled reports whether the unit file has the wanted text.
func (p *planner) isInstalled(u *unit) bool {
	return u.file != nil && string(u.file.Data) == p.wantedTexts[u.name]
}

// retire plans the end of processes that are no longer listed, and of the main unit when it becomes another kind.
func (p *planner) retire() {
	for _, u := range p.removed() {
		p.drainAndStop(u, " (it is no longer listed)")
		p.withdraw(u)
	}
	if p.isOtherKind() {
		p.drainAndStop(p.main(), "")
	}
}

// isOtherKind reports whether NAME.service becomes the parent of several processes, or was that and becomes a process.
func (p *planner) isOtherKind() bool {
	m := p.main()
	return m.installed.Path != "" && m.isParent() != (m.process == nil)
}

// endBefore plans that a process ends before its unit is written, if the new unit gives it less time to stop: systemd would kill it, and its
// jobs, by the new TimeoutStopSec=.
func (p *planner) endBefore(u *unit) {
	if !u.ran() || p.isInstalled(u) || p.leavesRunning() { // see stopTimeoutOf
		return
	}
	if now := u.state.StopTimeout; now == 0 || now > time.Duration(p.stopTimeout(u.timeout))*time.Second {
		p.drainAndStop(u, " (it has more time to end than the new unit gives)")
	}
}

// lastWritten is the last unit whose file is written, "" if none is.
func (p *planner) lastWritten() string {
	last := ""
	for _, u := range p.wanted() {
		if !p.isInstalled(u) {
			last = u.name
		}
	}
	return last
}

// isEnabledLater reports whether a later step enables the service, which also reloads the systemd manager configuration (systemctl(1), enable).
func (p *planner) isEnabledLater() bool { return p.Enabled && p.main().isEnableable() }

// installUnit plans to write a unit file, and then to reload the systemd manager configuration if reloads is set. A unit file that another run has
// written and not loaded counts as changed.
func (p *planner) installUnit(u *unit, reloads bool) {
	switch text := p.wantedTexts[u.name]; {
	case !p.isInstalled(u):
		p.redefined[u.name] = !p.keepsProcess(u) || u.state.NeedsReload
		p.Add(ansible.Step{
			Title: "write " + u.path(),
			Diff:  diff(u, text),
			Do: func(*ansible.Late) error {
				if err := p.writeUnit(u); err != nil || !reloads {
					return err
				}
				return ansible.Partial(p.systemctl.DaemonReload())
			},
			Undo: func() error { return p.restoreUnit(u) },
		})
	case u.state.NeedsReload:
		p.redefined[u.name] = true
		p.Change("let systemd read "+u.name+" again", p.systemctl.DaemonReload, nil)
	case !u.file.Is([]byte(text), unitMode, 0, 0):
		p.Add(p.attributesStep(u.file, u.path(), unitMode))
	}
}

func diff(u *unit, after string) *ansible.Diff {
	d := &ansible.Diff{After: after, BeforeHeader: u.path(), AfterHeader: u.path()}
	if u.file != nil {
		d.Before = string(u.file.Data)
	}
	return d
}

// keepsProcess reports whether the process that runs can go on with the wanted text.
func (p *planner) keepsProcess(u *unit) bool {
	return u.file != nil && slices.Equal(effective(u.installed), effective(systemd.UnitFile{Text: p.wantedTexts[u.name]}))
}

// effective are the directives of a unit for which a process restarts: not After=, which has effect without a restart, and not a dotenv file that was
// added, which is no reason for one.
func effective(f systemd.UnitFile) []systemd.Directive {
	return slices.DeleteFunc(f.Directives(), func(d systemd.Directive) bool {
		return d.Name == "After" || d.Name == "ReadOnlyPaths" && strings.HasPrefix(filepath.Base(d.Value), ".env")
	})
}

// writeUnit writes a unit file. It keeps the modification time if the process need not restart: a newer file would restart it.
func (p *planner) writeUnit(u *unit) error {
	if p.redefined[u.name] {
		return p.write(u.path(), p.wantedTexts[u.name], unitMode)
	}
	before, err := os.Stat(p.inRoot(u.path()))
	if err != nil {
		return err
	}
	if err := p.write(u.path(), p.wantedTexts[u.name], unitMode); err != nil {
		return err
	}
	return ansible.Partial(os.Chtimes(p.inRoot(u.path()), time.Time{}, before.ModTime()))
}

func (p *planner) restoreUnit(u *unit) error {
	if err := atomicfile.Restore(p.inRoot(u.path()), u.file); err != nil {
		return err
	}
	return p.systemctl.DaemonReload()
}

// remove plans the removal of the service, in the reverse order of its installation. Files that this module did not write stay.
func (p *planner) remove() {
	for _, u := range p.parentLast() {
		p.stop(u)
	}
	p.disable(p.main())
	p.status = "absent"
	var theirs []string
	for _, u := range p.parentLast() {
		if u.file == nil || isManaged(u.installed.Text) {
			p.withdraw(u)
		} else {
			theirs = append(theirs, u.path())
		}
	}
	p.removeSecrets()
	p.removeCache()
	for _, dir := range systemd.PackageDirs {
		other := dir + "/" + p.main().name
		if _, err := os.Stat(p.inRoot(other)); err == nil {
			theirs = append(theirs, other)
			break // the one that systemd would use; /lib and /usr/lib may be the same directory
		}
	}
	for _, file := range theirs {
		p.status = "stopped, not removed"
		p.Warn("%s was not written by this module and stays; hint: remove it where it came from", file)
	}
}

// withdraw plans that a unit file is removed.
func (p *planner) withdraw(u *unit) {
	if u.file == nil {
		return
	}
	p.Add(ansible.Step{
		Title: "remove " + u.path(),
		Diff:  diff(u, ""),
		Do: func(*ansible.Late) error {
			if err := atomicfile.Remove(p.inRoot(u.path())); err != nil {
				return err
			}
			if err := p.systemctl.DaemonReload(); err != nil {
				return ansible.Partial(err)
			}
			return ansible.Partial(errors.Join(p.systemctl.ResetFailed(u.name), p.notes().Forget(u.name)))
		},
		Undo: func() error { return p.restoreUnit(u) },
	})
}

// removeCache plans that the service's cache is removed, which systemd leaves when the unit goes, and with the last one their directory.
//
// Root removes what the user of the service has put there. That user cannot replace the cache itself by a link: the directories above
// it belong to root (systemd makes them root:root 0755, exec-invoke.c, setup_exec_directory). Below it os.RemoveAll works on open
// directories and follows no link: unlinkat(2), openat(2) with O_NOFOLLOW.
func (p *planner) removeCache() {
	dir := p.inRoot(p.cacheDir())
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return
	}
	p.Add(ansible.Step{Title: "remove " + p.cacheDir(), Do: func(*ansible.Late) error {
		if err := os.RemoveAll(dir); err != nil {
			return ansible.Partial(err)
		}
		return ansible.Partial(notes.RemoveIfEmpty(filepath.Dir(dir)))
	}})
}
