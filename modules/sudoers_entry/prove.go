package sudoersentry

import (
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// prove asks sudo about the policy in force.
func prove(tools sudo.Tools, calls []sudoers.Call, plan *ansible.Plan) error {
	untold, err := tools.CheckGrants(calls)
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

// proof is the same after the file was written. When it fails, the file is rolled back.
func proof(tools sudo.Tools, calls []sudoers.Call) ansible.Step {
	return ansible.Step{
		Title: "prove that sudo allows what the file grants",
		Proof: true,
		Do:    func(late *ansible.Late) error { return prove(tools, calls, late.Plan()) },
	}
}
