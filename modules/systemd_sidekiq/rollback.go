package systemdsidekiq

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// onFailure is the policy for a unit that does not come up. All steps are rolled back if a process ran before and its definition changes. If none
// ran there is nothing to go back to, and if only the process is new a rollback would change nothing.
func (p *planner) onFailure() ansible.Policy {
	if slices.ContainsFunc(p.all(), (*unit).ran) && len(p.redefined)+len(p.stopped) > 0 {
		return ansible.RollBack
	}
	return ansible.KeepAll
}

// withRedisFault adds to an error that Redis does not answer, which may be the cause, and where the process logs others.
func (p *planner) withRedisFault(err error) error {
	if p.LogFile != "" {
		err = fmt.Errorf("%w; hint: %s", err, p.logHint(""))
	}
	redis := p.likelyRedis()
	if fault := redis.Fault(); fault != nil {
		return fmt.Errorf("%w; Redis does not answer either, as far as is known where it is (%s): %v", err, redis.Source, fault)
	}
	return err
}

// startAgain starts the processes that ran, after all files are restored. If they do not come up either, the cause is in the application or
// in what it needs: then the new units are installed again, and systemd retries.
func (p *planner) startAgain() error {
	var fault error
	for _, u := range p.all() {
		fault = errors.Join(fault, p.startOneAgain(u))
	}
	switch {
	case fault == nil:
		return nil
	case p.replaces():
		return fmt.Errorf("what ran before does not come up either, so the cause is in the application or in what it needs; it goes on trying: %w", fault)
	}
	if err := p.installAgain(); err != nil {
		return fmt.Errorf("the unit before does not come up either, and the new one could not be put back: %w", err)
	}
	return errors.New("the unit before does not come up either, so the cause is in the application or in what it needs: the new unit stays and goes on trying")
}

// startOneAgain starts the process of a unit as it was, unless the undone steps have started it. The one from before is left alone, unless this
// run has made it quiet.
func (p *planner) startOneAgain(u *unit) error {
	if !u.ran() {
		return nil
	}
	ctl := p.systemctlOf(u)
	now, err := ctl.Show(u.name)
	if err != nil {
		return err
	}
	_, wasMadeQuiet := p.notes().Read(u.id(), notes.Quiet, u.state.Identity())
	isOther := now.InvocationID != "" && now.InvocationID != u.state.InvocationID // systemd forgets that of a stopped unit
	switch {
	case now.Up() && !isOther && !wasMadeQuiet:
		return nil
	case now.Up() && isOther && !p.stopped[u.id()] && !p.redefined[u.id()]:
		return nil // as before, only younger
	case !isOther || !p.stopped[u.id()]:
		if err := ctl.Restart(u.name); err != nil {
			return err
		}
	}
	_, err = p.awaitUp(u)
	return err
}

// replaces reports whether the wanted units replace others. Then these stay when they do not come up, and systemd retries them.
func (p *planner) replaces() bool {
	return p.isOtherKind() || len(p.removed()) > 0 || slices.ContainsFunc(p.others, func(o other) bool { return p.stopped[o.id()] })
}

// installAgain installs the new units and does not wait for their processes.
func (p *planner) installAgain() error {
	var fault error
	if p.secretsText != "" {
		fault = p.writeSecrets()
	}
	for _, u := range p.wanted() {
		if p.redefined[u.name] {
			fault = errors.Join(fault, p.writeUnit(u))
		}
	}
	fault = errors.Join(fault, p.systemctl.DaemonReload())
	if p.Enabled {
		fault = errors.Join(fault, p.systemctl.Enable(p.main().name))
	}
	for _, u := range p.workers() {
		if now, err := p.systemctl.Show(u.name); err != nil || !now.Up() || now.InvocationID != u.state.InvocationID {
			fault = errors.Join(fault, p.systemctl.RestartLater(u.name))
		}
	}
	return fault
}

// sandboxStatuses are the exit statuses of a process whose sandbox systemd could not set up (systemd.exec(5): USER, CAPABILITIES, NAMESPACE, SECCOMP).
var sandboxStatuses = []int{217, 218, 226, 228}

// noteFailed notes a unit file with a sandbox that could not be set up: with it each further run would interrupt the process that works.
func (p *planner) noteFailed(u *unit) error {
	now, err := p.systemctl.Show(u.name)
	if err != nil || p.sandbox.profile == profileOff || !slices.Contains(sandboxStatuses, now.ExitStatus) || now.ExitCode != 1 {
		return err
	}
	return p.notes().Write(u.name, notes.Failed, p.sandboxHash(u), now.String())
}

// refuseFailed is an error if the wanted unit file has failed by its sandbox since the host booted.
func (p *planner) refuseFailed(u *unit) error {
	state, hasFailed := p.notes().Read(u.name, notes.Failed, p.sandboxHash(u))
	if !hasFailed || p.State != "started" {
		return nil
	}
	return argspec.Errorf("hardening", "%s failed with this sandbox since the host booted (%s), and is not restarted with it; hint: set PrivateUsers: \"no\" in extra_directives (of strict), or hardening: standard or off, or state: restarted to try again", u.name, state)
}

// sandboxHash identifies the wanted unit file by the directives that matter for a process.
func (p *planner) sandboxHash(u *unit) string {
	directives := effective(systemd.UnitFile{Text: p.wantedTexts[u.name]})
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, directives)))
}
