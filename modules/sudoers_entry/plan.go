// Package sudoersentry is the Ansible module sudoers_entry: one file in /etc/sudoers.d that grants what is asked for and nothing
// else.
//
// The promise: sudo is never broken, not for a moment, and at the end of every run the grant is known to be effective, with or without a
// password as asked, or a warning says what could not be told. In this order:
//
//  1. The text is made from typed parts (package sudoers) that refuse what not every sudo reads the same.
//  2. What it grants beyond what it says stops the task, unless the finding is allowed by name (package sudolint).
//  3. Lines that somebody else wrote into the file have to be covered by the new rules.
//  4. Users, groups and commands must exist. A rule for a user who is missing is dead, and comes alive when somebody takes the name.
//  5. visudo parses a copy of the host's whole policy with the new file in it, also in check mode.
//  6. The file is replaced atomically; visudo checks the temporary file once more. Its name has a dot, so sudo does not read it.
//  7. sudo lists the rules of each user (sudo -ll). If they do not allow the commands as asked, the file is rolled back.
//
// # Decisions
//
// The file is owned as a whole, so it is right when its bytes, owner and mode are. What is wrong is replaced, never changed in place; a
// wrong owner or mode alone is a change, too, since sudo may ignore such a file. Our own text is known by a sum in its first line: only
// what somebody else wrote is read, and may stop the task.
//
// The grant is not tried out of sight before the file is written: a mount namespace for that took more time than all else of a first run, depends on
// the kernel, and found nothing that sudo -ll does not show. Until the rollback the file grants no more than what was asked for.
//
// A symbolic link or a directory of that name is an error for both states: the module did not make it.
//
// A fault that the host's policy has without us is a warning: whether the grant works all the same, the question to sudo tells.
//
// Runs wait for each other by a lock (atomicfile.Lock) that no other user can hold.
package sudoersentry

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

//go:embed sudoers_entry.yml
var doc []byte

// Module is sudoers_entry.
func Module() ansible.Module { return ansible.New(doc, newPlan) }

// mode is what sudo wants by default (sudoers(5), sudoers_mode); owner and group are root's.
const mode fs.FileMode = 0o440

// lockTimeout is longer than any other run takes. Tests shorten it.
var lockTimeout = 2 * time.Minute

// newPlan compares the file asked for with the one that is there.
func newPlan(o *options) (*ansible.Plan, error) {
	if uid := os.Geteuid(); uid != 0 {
		return nil, fmt.Errorf("must run as root, runs as uid %d; hint: become: true", uid)
	}
	if err := atomicfile.Lock(sudoers.Dir, lockTimeout); err != nil {
		return nil, err
	}
	f, err := gatherFacts(o)
	if err != nil {
		return nil, err
	}
	plan := &ansible.Plan{}
	plan.Set("path", f.path)
	plan.Set("state", o.State)
	if o.State == "absent" {
		return plan, f.planAbsent(plan, o)
	}
	return plan, f.planPresent(plan, o)
}

func (f *facts) planAbsent(plan *ansible.Plan, o *options) error {
	plan.Set("lines", []string{})
	switch {
	case f.found == nil:
		return nil
	case o.Takeover != "force" && !sudoers.WasOurs(string(f.found.Data)):
		return fmt.Errorf("%s was not written by this module; hint: remove it by hand, or set takeover: force", f.path)
	}
	if f.isForeign() {
		for _, loss := range (sudoers.File{}).Losses(string(f.found.Data)) {
			plan.Warn("removed with %s, though not written by this module: %q", f.path, loss.Line)
		}
	}
	plan.Add(ansible.Step{
		Title: "remove " + f.path,
		Diff:  f.diff(""),
		Do:    func(*ansible.Late) error { return atomicfile.Remove(f.path) },
		Undo:  f.restore,
	})
	return nil
}

// planPresent adds the steps to the file, after all checks that can be made before. sudo is asked afterwards.
func (f *facts) planPresent(plan *ansible.Plan, o *options) error {
	if f.missing != nil {
		plan.Missing(f.missing)
	}
	file, findings := f.file, f.refused
	if len(findings) == 0 {
		var err error
		if findings, err = f.check(file); err != nil {
			return err
		}
	}
	if err := o.report(plan, findings); err != nil {
		return err
	}
	if err := f.checkTakeover(plan, o, file); err != nil {
		return err
	}
	plan.Set("lines", file.Lines(f.dialect))
	text := file.Text(f.dialect)
	calls := f.calls(file.Rules, findings, plan)
	switch isRight := f.isRight(text); {
	case isRight && f.missing != nil:
		return nil
	case isRight:
		return verify(f.sudo, calls, f.asked, plan)
	case f.missing == nil:
		if err := f.checkPolicy(plan, file.Name, text); err != nil {
			return err
		}
	}
	plan.Add(f.writeStep(text))
	if len(calls) > 0 {
		plan.Add(verifyStep(f.sudo, calls))
	}
	return nil
}

// wanted is the file as a host with these paths of systemctl needs it, with units in both spellings. Words that are refused are findings.
func (o *options) wanted(systemctl []string) (sudoers.File, []sudolint.Finding) {
	file, refused := o.file, o.refused
	file.Rules = nil
	for _, r := range o.file.Rules {
		file.Rules = append(file.Rules, r.With(o.spell(r.Commands(), systemctl)))
	}
	if len(refused) == 0 {
		refused = refusals("", file.CheckSettings())
	}
	return file, refused
}

func (o *options) spell(commands []sudoers.Command, systemctl []string) (all []sudoers.Command) {
	seen := map[string]bool{}
	for _, command := range commands {
		spellings := []sudoers.Command{command}
		if o.ExpandUnit {
			spellings = command.Expanded()
		}
		for _, c := range spellings {
			for _, placed := range c.Placed(systemctl) {
				if !seen[placed.String()] {
					seen[placed.String()] = true
					all = append(all, placed)
				}
			}
		}
	}
	return all
}

// checkPolicy has visudo parse the whole policy with the text in it. A fault that was there before passes with a warning.
func (f *facts) checkPolicy(plan *ansible.Plan, name sudoers.FileName, text string) error {
	err := f.sudo.CheckPolicy(name, text)
	if errors.Is(err, sudo.ErrOldFault) {
		plan.Warn("%v", err)
		return nil
	}
	return err
}

func (f *facts) writeStep(text string) ansible.Step {
	s := ansible.Step{
		Title: "write " + f.path, Diff: f.diff(text), Undo: f.restore,
		Do: func(*ansible.Late) error { return f.write(text) },
	}
	if f.found != nil && string(f.found.Data) == text {
		s.Title = "set owner and mode of " + f.path
		s.Diff = &ansible.Diff{Prepared: fmt.Sprintf("-%s\n+%s (0:0 %04o)\n", header(f.path, f.found), f.path, mode)}
	}
	return s
}

func (f *facts) write(text string) error {
	return atomicfile.Replace(atomicfile.Replacement{Path: f.path, Data: []byte(text), Mode: mode, Validate: f.sudo.CheckFile})
}

func (f *facts) restore() error { return atomicfile.Restore(f.path, f.found) }

func (f *facts) diff(after string) *ansible.Diff {
	d := &ansible.Diff{After: after, BeforeHeader: f.path, AfterHeader: f.path}
	if f.found != nil {
		d.Before, d.BeforeHeader = string(f.found.Data), header(f.path, f.found)
	}
	return d
}

// header has owner and mode where they are wrong.
func header(path string, found *atomicfile.File) string {
	if found.Mode == mode && found.UID == 0 && found.GID == 0 {
		return path
	}
	return fmt.Sprintf("%s (%d:%d %04o)", path, found.UID, found.GID, octal(found.Mode))
}

// octal has the setuid, setgid and sticky bits where chmod(1) has them.
func octal(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}
