package sudoersentry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

// lockTimeout is longer than any other run takes.
const lockTimeout = 2 * time.Minute

// plan compares the file asked for with the one that is there.
func plan(p *Params) (*ansible.Plan, error) {
	if uid := os.Geteuid(); uid != 0 {
		return nil, fmt.Errorf("must run as root, runs as uid %d; hint: become: true", uid)
	}
	if err := atomicfile.Lock(sudoers.Dir, lockTimeout); err != nil {
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
		return plan, f.planAbsent(plan, p)
	}
	return plan, f.planPresent(plan, p)
}

func (f file) planAbsent(plan *ansible.Plan, p *Params) error {
	plan.Set("lines", []string{})
	switch {
	case f.found == nil:
		return nil
	case p.Takeover != "force" && !sudoers.WasOurs(string(f.found.Data)):
		return fmt.Errorf("%s was not written by this module; hint: remove it by hand, or set takeover: force", f.path)
	}
	if f.isForeign() {
		for _, loss := range (sudoers.File{}).Losses(string(f.found.Data)) {
			plan.Warn("removed with %s, though not written by this module: %q", f.path, loss.Line)
		}
	}
	plan.Add(f.removeStep())
	return nil
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
		return prove(f.tools, calls, plan)
	}
	return f.planChange(plan, p.name, calls)
}

// planChange has visudo parse the whole policy with the new file in it before the file is written, and asks sudo afterwards.
func (f file) planChange(plan *ansible.Plan, name sudoers.FileName, calls []sudoers.Call) error {
	if err := f.checkPolicy(plan, name); err != nil {
		return err
	}
	plan.Add(f.writeStep())
	if len(calls) > 0 {
		plan.Add(proof(f.tools, calls))
	}
	return nil
}

// report adds findings to the answer by their severity. The error is the first finding that stops; a program that is missing stops a run only, since
// in check mode an earlier task may be about to install it.
func (p *Params) report(plan *ansible.Plan, all []sudolint.Finding) error {
	all = sudolint.Lower(all, p.allows)
	plan.See("findings", append([]sudolint.Finding{}, all...))
	var stopping, missing []sudolint.Finding
	for _, f := range all {
		switch {
		case f.Severity == sudolint.Error && f.Check == sudolint.MissingPath:
			missing = append(missing, f)
		case f.Severity == sudolint.Error:
			stopping = append(stopping, f)
		case f.Severity == sudolint.Warning:
			plan.Warn("%s", f)
		}
	}
	names := p.allowing(all)
	if len(stopping) > 0 {
		return stop(stopping, names)
	}
	for _, f := range missing {
		plan.Missing(stop([]sudolint.Finding{f}, names))
	}
	return nil
}

// stop is the error of the first finding. It ends with the line that allows all of them.
func stop(all []sudolint.Finding, names []string) error {
	first := all[0]
	if more := len(all) - 1; more > 0 {
		first.Message += fmt.Sprintf(" (and %d more: see findings)", more)
	}
	if first.IsAllowable() {
		first.Hint += fmt.Sprintf(", or set allow_findings, in the role sidekiq_sudo_allow_findings: [%s]", strings.Join(names, ", "))
	}
	return errors.New(first.String())
}

// allowing are the names that let the task pass, as far as its errors can be allowed: those that were given, and those of the errors.
func (p *Params) allowing(all []sudolint.Finding) []string {
	names := slices.DeleteFunc(slices.Clone(p.AllowFindings), func(name string) bool { return name == string(sudolint.KillChildren) }) // never an error
	for _, f := range all {
		if name := string(f.Check); f.Severity == sudolint.Error && f.IsAllowable() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// checkPolicy lets a fault that was there before pass with a warning.
func (f file) checkPolicy(plan *ansible.Plan, name sudoers.FileName) error {
	err := f.tools.CheckPolicy(name, f.text)
	if errors.Is(err, sudo.ErrOldFault) {
		plan.Warn("%v", err)
		return nil
	}
	return err
}
