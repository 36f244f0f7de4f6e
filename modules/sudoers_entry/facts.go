package sudoersentry

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudolint"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// facts are what the host has, and are only read once they are gathered. For state absent there is the file alone.
type facts struct {
	path      string
	found     *atomicfile.File // nil: none
	sudo      sudo.Tools
	dialect   sudoers.Dialect
	systemctl []string // its paths
	lint      sudolint.Facts
	systemd   *systemd.Systemctl        // nil: systemd does not run the host
	accounts  map[sudoers.User]*account // those of the rules; nil: it does not exist
}

// account is a user or group.
type account struct {
	name    string
	id      uint32
	members []string // of a group
}

func gatherFacts(o *options) (f *facts, err error) {
	f = &facts{path: filepath.Join(sudoers.Dir, o.file.Name.String())}
	if f.found, err = atomicfile.Read(f.path, atomicfile.Refuse); err != nil || o.State == "absent" {
		return f, err
	}
	if f.sudo, err = sudo.Find(); err != nil {
		return f, err
	}
	if err = f.sudo.CheckDirectory(); err != nil {
		return f, err
	}
	if f.dialect, err = f.sudo.Dialect(); err != nil {
		return f, err
	}
	f.lint.Rs = f.sudo.IsRs()
	if f.systemctl = existing(sudoers.SystemctlPaths()); len(f.systemctl) > 0 {
		s, err := systemd.Installed()
		if err != nil {
			return f, err
		}
		f.lint.Systemd = s.Version
		if systemd.Booted("/") {
			f.systemd = &s
		}
	}
	f.accounts, err = gatherAccounts(o.file.Rules)
	return f, err
}

// existing are the paths that exist, of two that lead to one file the first: sudo knows a program by its inode.
func existing(paths []string) []string {
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

// gatherAccounts looks up the accounts of the rules, and those of the same name without capitals.
func gatherAccounts(rules []sudoers.Rule) (map[sudoers.User]*account, error) {
	all := map[sudoers.User]*account{}
	for _, r := range rules {
		for _, named := range r.Accounts() {
			for _, u := range []sudoers.User{named, named.Lower()} {
				if _, isKnown := all[u]; isKnown {
					continue
				}
				var err error
				if all[u], err = lookUp(u); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

func lookUp(u sudoers.User) (*account, error) {
	if u.IsGroup() {
		group, err := accounts.LookUpGroup(u.Key())
		if err != nil || group == nil {
			return nil, err
		}
		return &account{group.Name, group.GID, group.Members}, nil
	}
	user, err := accounts.LookUpUser(u.Key())
	if err != nil || user == nil {
		return nil, err
	}
	return &account{name: user.Name, id: user.UID}, nil
}
