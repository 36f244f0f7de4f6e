package sudoersentry

import (
	"errors"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
)

// prove asks sudo about the policy in force, in the way that ask does.
func prove(ask func([]sudoers.Call) ([]string, error), calls []sudoers.Call, plan *ansible.Plan) error {
	untold, err := ask(calls)
	if err != nil {
		return err
	}
	for _, doubt := range untold {
		plan.Warn("%s", doubt)
	}
	if len(untold) == 0 {
		plan.See("proved", users(calls))
	}
	return nil
}

// proof is the same when the file is in its place. When it fails, the old state is put back.
func proof(tools sudoers.Tools, calls []sudoers.Call) ansible.Step {
	return ansible.Step{
		Title: "prove that sudo allows what the file grants",
		Proof: true,
		Do:    func(late *ansible.Late) error { return prove(tools.CheckGrants, calls, late.Plan()) },
	}
}

// rehearse asks sudo about the policy as it would be, out of everybody's sight, so that check mode knows as well and nothing has to be put
// back. Where that cannot be, the proof after the change has to do.
func (f file) rehearse(name sudoers.FileName, calls []sudoers.Call) error {
	err := sudoers.OnStage(name, f.text, func(*sudoers.Stage) error {
		_, err := f.tools.CheckGrants(calls)
		return err
	})
	if errors.Is(err, sudoers.ErrNoStage) {
		return nil
	}
	return err
}

// trial makes the calls as the users would, with a harmless program in the place of the real one, before anything changes.
func (f file) trial(name sudoers.FileName, calls []sudoers.Call) ansible.Step {
	return ansible.Step{
		Title: "try the commands with sudo, as the users",
		Proof: true,
		Do: func(late *ansible.Late) error {
			var untried []string
			err := sudoers.OnStage(name, f.text, func(s *sudoers.Stage) (err error) {
				untried, err = s.TryRuns(f.tools, calls, credential)
				return err
			})
			if errors.Is(err, sudoers.ErrNoStage) {
				late.Warn("prove: run was not possible, so sudo was only asked: %v", err)
				return nil
			}
			if err != nil {
				return err
			}
			for _, program := range untried {
				late.Warn("prove: run did not try %q: the trial itself needs it", program)
			}
			late.Set("tried", users(calls))
			return nil
		},
	}
}
