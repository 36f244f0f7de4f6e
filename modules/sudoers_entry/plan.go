package sudoersentry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/sudolint"
)

// patience is longer than any other run takes.
const patience = 2 * time.Minute

// plan compares the file asked for with the one that is there.
func plan(p *Params) (*ansible.Plan, error) {
	if uid := os.Geteuid(); uid != 0 {
		return nil, fmt.Errorf("must run as root, runs as uid %d; hint: become: true", uid)
	}
	if err := atomicfile.Lock(sudoers.Dir, patience); err != nil {
		return nil, err
	}
	f := file{path: filepath.Join(sudoers.Dir, p.name.String())}
	var err error
	if f.found, err = atomicfile.Read(f.path, atomicfile.Refuse); err != nil {
		return nil, err
	}
	plan := &ansible.Plan{}
	plan.Set("path", f.path)
	plan.Set("state", p.State)
	if p.State == "absent" {
		f.planAbsent(plan)
		return plan, nil
	}
	return plan, f.planPresent(plan, p)
}

func (f file) planAbsent(plan *ansible.Plan) {
	plan.Set("lines", []string{})
	if f.found == nil {
		return
	}
	if f.isForeign() {
		for _, loss := range (sudoers.File{}).Losses(string(f.found.Data)) {
			plan.Warn("removed with %s, though not written by this module: %q", f.path, loss.Line)
		}
	}
	plan.Add(f.removeStep())
}

// planPresent adds the steps to the file, after all checks that can be made before.
func (f file) planPresent(plan *ansible.Plan, p *Params) error {
	h, err := lookAtHost()
	if err != nil {
		return err
	}
	entry, findings := p.file(h.systemctl)
	if len(findings) == 0 {
		if findings, err = h.lint(entry); err != nil {
			return err
		}
	}
	if err := p.report(plan, findings); err != nil {
		return err
	}
	if err := f.checkTakeover(plan, p, entry); err != nil {
		return err
	}
	f.tools, f.text = h.tools, entry.Text(h.dialect)
	plan.Set("lines", entry.Lines(h.dialect))
	calls, err := callsOf(entry, findings, plan)
	if err != nil {
		return err
	}
	if f.isRight() {
		return prove(f.tools.CheckListed, calls, plan)
	}
	return f.planChange(plan, p, calls)
}

// planChange shows the change to visudo and, where that can be done out of sight, to sudo.
func (f file) planChange(plan *ansible.Plan, p *Params, calls []sudoers.Call) error {
	if err := f.checkPolicy(plan, p.name); err != nil {
		return err
	}
	if len(calls) == 0 {
		plan.Add(f.writeStep())
		return nil
	}
	if err := f.rehearse(p.name, calls); err != nil {
		return err
	}
	if p.Prove == "run" {
		plan.Add(f.trial(p.name, calls))
	}
	plan.Add(f.writeStep())
	plan.Add(proof(f.tools, calls))
	return nil
}

// report tells findings by their severity. The error is the first finding that stops; a program that is missing stops a run only, since in
// check mode an earlier task may be about to install it.
func (p *Params) report(plan *ansible.Plan, all []sudolint.Finding) error {
	all = sudolint.Lower(all, p.allows)
	var stopping []sudolint.Finding
	for i, f := range all {
		if o, ok := p.override(f.Check); ok && f.Severity == sudolint.Error {
			all[i].Hint += ", or set " + o.name
		}
		switch {
		case f.Severity == sudolint.Error && f.Check == sudolint.PathMissing:
			plan.Missing(errors.New(all[i].String()))
		case f.Severity == sudolint.Error:
			stopping = append(stopping, all[i])
		case f.Severity == sudolint.Warning:
			plan.Warn("%s", f)
		}
	}
	plan.See("findings", append([]sudolint.Finding{}, all...))
	if len(stopping) == 0 {
		return nil
	}
	text := stopping[0].String()
	if more := len(stopping) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more: see findings)", more)
	}
	return errors.New(text)
}

// checkPolicy lets a fault that was there before pass with a warning.
func (f file) checkPolicy(plan *ansible.Plan, name sudoers.FileName) error {
	err := f.tools.CheckPolicy(name, f.text)
	if errors.Is(err, sudoers.ErrOldFault) {
		plan.Warn("%v", err)
		return nil
	}
	return err
}
