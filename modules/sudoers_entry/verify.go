package sudoersentry

import (
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
)

// verify checks that sudo allows the calls. asked has answers of sudo by the policy in force.
func verify(tools sudo.Tools, calls []sudoers.Call, asked sudo.Asked, plan *ansible.Plan) error {
	untold, err := tools.CheckGrants(calls, asked)
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

// verifyStep asks sudo after the file was written. When it fails, the file is rolled back.
func verifyStep(tools sudo.Tools, calls []sudoers.Call) ansible.Step {
	return ansible.Step{
		Title: "prove that sudo allows what the file grants",
		Proof: true,
		Do:    func(late *ansible.Late) error { return verify(tools, calls, sudo.Asked{}, late.Plan()) },
	}
}

// users are those of the calls, each once.
func users(calls []sudoers.Call) []string {
	all := []string{}
	for _, c := range calls {
		if !slices.Contains(all, c.User) {
			all = append(all, c.User)
		}
	}
	return all
}

// calls returns what the rules allow to users, as sudo can be asked about it, and notes accounts that are not there. Passed over are rules for
// certain hosts, which may well be for others, commands that are no single call, and programs that are not there, which sudo denies to everybody.
func (f *facts) calls(rules []sudoers.Rule, findings []sudolint.Finding, plan *ansible.Plan) (calls []sudoers.Call) {
	for _, r := range rules {
		if !r.Everywhere() {
			continue
		}
		users, targets, commands := f.logins(r, plan), f.targets(r, plan), askable(r.Commands(), findings)
		for _, u := range users {
			for _, t := range targets {
				for _, c := range commands {
					t.User, t.Argv, t.NoPassword = u, c.Argv(), r.NoPassword()
					calls = append(calls, t)
				}
			}
		}
	}
	return calls
}

func askable(commands []sudoers.Command, findings []sudolint.Finding) []sudoers.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c sudoers.Command) bool {
		isMissing := func(f sudolint.Finding) bool { return f.Check == sudolint.MissingPath && f.Subject == c.Path() }
		return !c.IsOneProgram() || slices.ContainsFunc(findings, isMissing)
	})
}

// logins are the names of the rule's users. Of a group it is the first member: sudo -U takes users only.
func (f *facts) logins(r sudoers.Rule, plan *ansible.Plan) (names []string) {
	for _, u := range r.Users() {
		if !u.IsGroup() {
			if user := f.account("users", u, plan); user != nil {
				names = append(names, user.name)
			}
		} else if group := f.account("groups", u, plan); group != nil && len(group.members) > 0 {
			names = append(names, group.members[0])
		}
	}
	return names
}

// targets are the accounts that the rule's users may become, in otherwise empty calls; of ALL it is root.
func (f *facts) targets(r sudoers.Rule, plan *ansible.Plan) (targets []sudoers.Call) {
	for _, as := range r.Runas() {
		target := sudoers.Call{Runas: "root", RunasID: "#0"}
		if !as.User().IsAll() {
			user := f.account("runas", as.User(), plan)
			if user == nil {
				continue
			}
			target.Runas, target.RunasID = user.name, fmt.Sprintf("#%d", user.id)
		}
		if as, isPair := as.Group(); isPair && !as.User().IsAll() {
			group := f.account("runas", as.User(), plan)
			if group == nil {
				continue
			}
			target.RunasGroup, target.RunasGroupID = group.name, fmt.Sprintf("#%d", group.id)
		}
		targets = append(targets, target)
	}
	for _, as := range r.RunasGroups() {
		if group := f.account("runas_groups", as.User(), plan); group != nil {
			targets = append(targets, sudoers.Call{RunasGroup: group.name, RunasGroupID: fmt.Sprintf("#%d", group.id)})
		}
	}
	return targets
}

// account notes one that is missing: a rule for it comes alive when somebody takes its name.
func (f *facts) account(option string, u sudoers.User, plan *ansible.Plan) *account {
	found, kind := f.accounts[u], "user"
	if u.IsGroup() {
		kind = "group"
	}
	if found == nil {
		plan.Missing(argspec.Errorf(option, "%s %q does not exist on this host; hint: create it before, or correct the name", kind, u.Key()))
	}
	return found
}
