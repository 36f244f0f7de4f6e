package sudoersentry

import (
	"fmt"
	"os"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// host is what is looked up on it once.
type host struct {
	tools     sudo.Tools
	dialect   sudoers.Dialect
	systemctl []string           // its places
	systemd   *systemd.Systemctl // nil: not installed
}

func lookAtHost() (host, error) {
	var h host
	var err error
	if h.tools, err = sudo.Find(); err != nil {
		return h, err
	}
	if err := h.tools.CheckDirectory(); err != nil {
		return h, err
	}
	if h.dialect, err = h.tools.Dialect(); err != nil {
		return h, err
	}
	if h.systemctl = places(sudoers.SystemctlPaths()); len(h.systemctl) > 0 {
		s, err := systemd.Installed()
		if err != nil {
			return h, err
		}
		h.systemd = &s
	}
	return h, nil
}

// places are the paths that exist, of two that lead to one file the first: sudo knows a program by its inode.
func places(paths []string) []string {
	var found []string
	var infos []os.FileInfo
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil || slices.ContainsFunc(infos, func(i os.FileInfo) bool { return os.SameFile(i, info) }) {
			continue
		}
		found, infos = append(found, p), append(infos, info)
	}
	return found
}

func (h host) facts() sudolint.Facts {
	f := sudolint.Facts{Rs: h.tools.IsRs()}
	if h.systemd != nil {
		f.Systemd = h.systemd.Version
	}
	return f
}

// lint runs all checks on the file. A rule for certain hosts is checked as any other, since by which name sudo knows this host is not known here (it
// may ask DNS); only that a program is missing says nothing then.
func (h host) lint(f sudoers.File) ([]sudolint.Finding, error) {
	all := sudolint.CheckFile(f, h.facts())
	for _, s := range f.Settings {
		found, err := sudolint.CheckSetting(s)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	seen := map[string]bool{}
	once := func(key string, check func() ([]sudolint.Finding, error)) error {
		if seen[key] {
			return nil
		}
		seen[key] = true
		found, err := check()
		all = append(all, found...)
		return err
	}
	for _, r := range f.Rules {
		found, err := h.lintAccounts(r)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		for _, c := range r.Commands() {
			var units []string
			err := once(fmt.Sprint(c, r.Everywhere()), func() (found []sudolint.Finding, err error) {
				found, units, err = sudolint.CheckOnHost(c, h.facts())
				return slices.DeleteFunc(found, func(f sudolint.Finding) bool { return f.Check == sudolint.MissingPath && !r.Everywhere() }), err
			})
			if err != nil {
				return nil, err
			}
			if h.systemd == nil || !systemd.Booted("/") {
				continue
			}
			for _, unit := range units {
				if err := once(unit, func() ([]sudolint.Finding, error) { return h.lintUnit(unit) }); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

func (h host) lintUnit(unit string) ([]sudolint.Finding, error) {
	files, err := h.systemd.RootFiles(unit)
	if err != nil {
		return nil, err
	}
	return sudolint.CheckUnit(unit, files)
}

// callsOf returns what the rules allow to users, as sudo can be asked about it, and notes accounts that are not there. Of a group its first
// member is asked about: sudo -U takes users only. Passed over are rules for certain hosts, which may well be for others, commands that are
// no single call, and programs that are not there, which sudo denies to everybody.
func callsOf(f sudoers.File, findings []sudolint.Finding, plan *ansible.Plan) ([]sudoers.Call, error) {
	var calls []sudoers.Call
	for _, r := range f.Rules {
		if !r.Everywhere() {
			continue
		}
		users, err := logins(r.Users(), plan)
		if err != nil {
			return nil, err
		}
		targets, err := targetsOf(r, plan)
		if err != nil {
			return nil, err
		}
		commands := askable(r.Commands(), findings)
		for _, u := range users {
			for _, t := range targets {
				for _, c := range commands {
					t.User, t.Argv, t.NoPassword = u, c.Argv(), r.NoPassword()
					calls = append(calls, t)
				}
			}
		}
	}
	return calls, nil
}

func askable(commands []sudoers.Command, findings []sudolint.Finding) []sudoers.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c sudoers.Command) bool {
		isMissing := func(f sudolint.Finding) bool { return f.Check == sudolint.MissingPath && f.Subject == c.Path() }
		return !c.IsOneProgram() || slices.ContainsFunc(findings, isMissing)
	})
}

// targetsOf are the accounts that the rule's users may become, in otherwise empty calls; of ALL it is root.
func targetsOf(r sudoers.Rule, plan *ansible.Plan) ([]sudoers.Call, error) {
	var targets []sudoers.Call
	for _, as := range r.Runas() {
		target := sudoers.Call{Runas: "root", RunasID: "#0"}
		if !as.User().IsAll() {
			user, err := lookUp(accounts.LookUpUser, "runas", "user", as.User(), plan)
			if err != nil {
				return nil, err
			}
			if user == nil {
				continue
			}
			target.Runas, target.RunasID = user.Name, fmt.Sprintf("#%d", user.UID)
		}
		if as, isPair := as.Group(); isPair && !as.User().IsAll() {
			group, err := lookUp(accounts.LookUpGroup, "runas", "group", as.User(), plan)
			if err != nil {
				return nil, err
			}
			if group == nil {
				continue
			}
			target.RunasGroup, target.RunasGroupID = group.Name, fmt.Sprintf("#%d", group.GID)
		}
		targets = append(targets, target)
	}
	for _, as := range r.RunasGroups() {
		group, err := lookUp(accounts.LookUpGroup, "runas_groups", "group", as.User(), plan)
		if err != nil {
			return nil, err
		}
		if group != nil {
			targets = append(targets, sudoers.Call{RunasGroup: group.Name, RunasGroupID: fmt.Sprintf("#%d", group.GID)})
		}
	}
	return targets, nil
}

// logins are the names of those who are users, and one member of each group.
func logins(users []sudoers.User, plan *ansible.Plan) ([]string, error) {
	var names []string
	for _, u := range users {
		if u.IsGroup() {
			group, err := lookUp(accounts.LookUpGroup, "groups", "group", u, plan)
			if err != nil {
				return nil, err
			}
			if group != nil && len(group.Members) > 0 {
				names = append(names, group.Members[0])
			}
			continue
		}
		user, err := lookUp(accounts.LookUpUser, "users", "user", u, plan)
		if err != nil {
			return nil, err
		}
		if user != nil {
			names = append(names, user.Name)
		}
	}
	return names, nil
}

// lookUp notes an account that is missing: a rule for it comes alive when somebody takes its name.
func lookUp[T any](in func(key string) (*T, error), option, kind string, u sudoers.User, plan *ansible.Plan) (*T, error) {
	found, err := in(u.Key())
	if err == nil && found == nil {
		plan.Missing(fmt.Errorf("option %q: %s %q does not exist on this host; hint: create it before, or correct the name", option, kind, u.Key()))
	}
	return found, err
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
