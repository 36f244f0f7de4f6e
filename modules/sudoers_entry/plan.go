package sudoersentry

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
)

// plan compares the file asked for with the one that is there.
func plan(p *Params) (*ansible.Plan, error) {
	if uid := os.Geteuid(); uid != 0 {
		return nil, fmt.Errorf("must run as root, runs as uid %d; hint: become: true", uid)
	}
	f := file{path: filepath.Join(sudoers.Dir, p.name.String()), text: p.file.Text()}
	var err error
	if f.found, err = atomicfile.Read(f.path, atomicfile.Refuse); err != nil {
		return nil, err
	}
	plan := &ansible.Plan{}
	plan.Set("path", f.path)
	plan.Set("state", p.State)
	plan.Set("lines", append([]string{}, p.file.Lines()...))
	if p.State == "absent" {
		if f.found != nil {
			plan.Add(f.removeStep())
		}
		return plan, nil
	}
	return plan, present(plan, p, f)
}

// present adds the steps to f, after all checks that can be made before.
func present(plan *ansible.Plan, p *Params, f file) error {
	var err error
	if f.tools, err = sudoers.FindTools(); err != nil {
		return err
	}
	if _, err := os.Stat(sudoers.Dir); err != nil {
		return fmt.Errorf("sudo has no folder for further files: %w; hint: make it, and include it in /etc/sudoers", err)
	}
	calls, err := callsOf(p.file, plan)
	if err != nil {
		return err
	}
	warnOfWideGrants(plan, p.file)
	if f.isRight() {
		return nil
	}
	if err := checkPolicy(plan, p.name, f); err != nil {
		return err
	}
	plan.Add(f.writeStep())
	if len(calls) > 0 {
		plan.Add(proof(f.tools, calls))
	}
	return nil
}

// checkPolicy lets a fault that was there before pass with a warning.
func checkPolicy(plan *ansible.Plan, name sudoers.FileName, f file) error {
	err := f.tools.CheckPolicy(name, f.text)
	if errors.Is(err, sudoers.ErrOldFault) {
		plan.Warn("%v", err)
		return nil
	}
	return err
}

func warnOfWideGrants(plan *ansible.Plan, rules sudoers.File) {
	for _, r := range rules {
		for _, c := range r.Commands() {
			if c.TakesAnyArguments() {
				plan.Warn("command %q is granted with any arguments; hint: write those that are needed, or \"\" to allow none", c)
			}
		}
		for _, runas := range r.Runas() {
			if runas.IsAll() {
				plan.Warn("option \"runas\": ALL lets a user become any account; hint: name the one that is needed, such as root")
			}
		}
	}
}

// proof asks sudo for each call. It stops at the first that is not allowed.
func proof(tools sudoers.Tools, calls []call) ansible.Step {
	return ansible.Step{
		Title: "prove that sudo allows what the file grants",
		Proof: true,
		Do: func(late *ansible.Late) error {
			for _, c := range calls {
				if err := tools.CheckGrant(c.user, c.runas, c.argv); err != nil {
					return fmt.Errorf("%w; hint: look for a later rule, or a missing includedir of %s in /etc/sudoers", err, sudoers.Dir)
				}
			}
			late.Set("proved", users(calls))
			return nil
		},
	}
}
