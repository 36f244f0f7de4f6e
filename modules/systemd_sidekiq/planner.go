package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// planner builds a plan.
type planner struct {
	*ansible.Plan
	inspector
	*facts

	status      string            // of the service at the end
	wantedTexts map[string]string // of the unit files, by unit
	secretsText string            // of the file of secret_environment
	redefined   map[string]bool   // units whose definition a step changes
	stopped     map[string]bool   // units that a step stops
	startsRedis bool              // a step starts the Redis of this host
	// Set while steps run:
	redis   sidekiq.Client         // that has the heartbeats of the service, if they were found
	located []sidekiq.Found        // its address
	started map[string]startedUnit // by the InvocationID of the process
}

// startedUnit is a unit that a step started.
type startedUnit struct {
	name  string // of the unit
	state systemd.State
	at    time.Time
}

func newPlanner(i inspector, f *facts) *planner {
	return &planner{Plan: &ansible.Plan{}, inspector: i, facts: f, wantedTexts: map[string]string{}, redefined: map[string]bool{}, stopped: map[string]bool{},
		started: map[string]startedUnit{}}
}

// report adds the facts, and what the host lacks, to the answer.
func (p *planner) report() {
	p.Set("unit", p.main().path())
	p.Set("drop_ins", append([]string{}, p.main().state.DropIns...))
	if p.version.Known() {
		p.Set("sidekiq_version", p.version.String())
	}
	if p.AppRoot != "" && p.State != "absent" {
		p.Set("log", p.log())
		p.Set("hardening", p.sandbox.profile)
	}
	if p.bundle.Path != "" {
		p.Set("bundle", p.bundle.Path)
		p.Set("bundle_reason", p.bundle.Reason)
	}
	for _, warning := range p.warnings {
		p.Warn("%s", warning)
	}
	for _, fault := range p.missing {
		p.Missing(fault)
	}
}

// enable plans nothing for a unit that cannot be enabled, such as one without [Install] (static).
func (p *planner) enable(u *unit) {
	if u.isEnableable() {
		p.control("enable", u, p.systemctl.Enable, p.systemctl.Disable)
	}
}

func (p *planner) disable(u *unit) {
	if u.state.UnitFileState == "enabled" {
		p.control("disable", u, p.systemctlOf(u).Disable, p.systemctlOf(u).Enable)
	}
}

// control plans a command of systemctl for a unit, and its reverse.
func (p *planner) control(verb string, u *unit, do, undo func(unit string) error) {
	p.Change(verb+" "+u.id(), func() error { return do(u.name) }, func() error { return undo(u.name) })
}

// attributesStep sets the owner and mode of a file. Its content and modification time stay: a newer file would restart the process.
func (p *planner) attributesStep(file *atomicfile.File, path string, mode os.FileMode) ansible.Step {
	shown := func(uid, gid int, m os.FileMode) string {
		return fmt.Sprintf("%s (%d:%d %04o)", path, uid, gid, m.Perm())
	}
	set := func(uid, gid int, m os.FileMode) error {
		return errors.Join(os.Lchown(p.inRoot(path), uid, gid), os.Chmod(p.inRoot(path), m))
	}
	return ansible.Step{
		Title: "set owner and mode of " + path,
		Diff:  &ansible.Diff{Prepared: fmt.Sprintf("-%s\n+%s\n", shown(file.UID, file.GID, file.Mode), shown(0, 0, mode))},
		Do:    func(*ansible.Late) error { return set(0, 0, mode) },
		Undo:  func() error { return set(file.UID, file.GID, file.Mode) },
	}
}
