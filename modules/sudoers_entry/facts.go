package sudoersentry

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
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
	missing   error            // why sudo cannot read the file yet; nil: it can
	sudo      sudo.Tools       // zero: not installed
	systemctl []string         // its paths
	file      sudoers.File     // the one that is wanted on this host
	refused   []sudolint.Finding
	dialect   sudoers.Dialect
	lint      sudolint.Facts
	systemd   *systemd.Systemctl        // nil: systemd does not run the host
	rootFiles map[string][]string       // of the units that the commands name
	accounts  map[sudoers.User]*account // those of the rules; nil: it does not exist
	asked     sudo.Asked                // about users of the rules, if the file may be right
}

// account is a user or group.
type account struct {
	name    string
	id      uint32
	members []string // of a group
}

// gatherFacts runs programs that are independent of each other at the same time: they take most of the time of a run.
func gatherFacts(o *options) (f *facts, err error) {
	f = &facts{path: filepath.Join(sudoers.Dir, o.file.Name.String()), asked: sudo.Asked{}}
	if f.found, err = atomicfile.Read(f.path, atomicfile.Refuse); err != nil || o.State == "absent" {
		return f, err
	}
	if f.sudo, f.missing = sudo.Find(); f.missing != nil && !errors.Is(f.missing, fs.ErrNotExist) {
		return f, f.missing
	}
	f.systemctl = existing(sudoers.SystemctlPaths())
	f.file, f.refused = o.wanted(f.systemctl)
	if f.missing == nil && slices.ContainsFunc(f.texts(), f.isRight) {
		f.askAboutUsers()
	}
	systemdDone, sudoDone := ansible.Async(f.askSystemd), ansible.Async(f.askSudo)
	f.accounts, err = gatherAccounts(f.file.Rules)
	return f, cmp.Or(<-sudoDone, <-systemdDone, err)
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

// texts are the wanted file in each dialect.
func (f *facts) texts() []string {
	return []string{f.file.Text(sudoers.Dialect{}), f.file.Text(sudoers.Dialect{EscapeEquals: true})}
}

// isRight reports whether the file has the text, and the required owner and mode.
func (f *facts) isRight(text string) bool { return f.found.Is([]byte(text), mode, 0, 0) }

// askAboutUsers asks sudo about the users that the rules name, and does not wait. Members of a group and names of IDs are not known yet.
func (f *facts) askAboutUsers() {
	for _, r := range f.file.Rules {
		for _, u := range r.Users() {
			if r.Everywhere() && !u.IsGroup() && !u.IsID() {
				f.sudo.Ask(u.Key(), f.asked)
			}
		}
	}
}

// askSudo asks for the version of sudo, whether it reads the directory, and its dialect if the file depends on that.
func (f *facts) askSudo() (err error) {
	if f.missing != nil {
		return nil
	}
	if f.sudo, err = f.sudo.Identified(); err != nil {
		return err
	}
	f.lint.Rs = f.sudo.IsRs()
	if err = f.sudo.CheckDirectory(); errors.Is(err, fs.ErrNotExist) {
		f.missing, err = err, nil
	}
	if texts := f.texts(); err == nil && texts[0] != texts[1] {
		f.dialect, err = f.sudo.Dialect()
	}
	return err
}

// askSystemd asks about the units that the commands name.
func (f *facts) askSystemd() error {
	if len(f.systemctl) == 0 || !systemd.Booted("/") {
		return nil
	}
	s, err := systemd.Find("/")
	if err != nil {
		return err
	}
	f.systemd = &s
	var units []string
	for _, r := range f.file.Rules {
		for _, c := range r.Commands() {
			units = append(units, sudolint.UnitsOf(c)...)
		}
	}
	slices.Sort(units)
	f.rootFiles, err = ansible.Each(slices.Compact(units), s.RootFiles)
	return err
}

// gatherAccounts looks up the accounts of the rules, and those of the same name without capitals.
func gatherAccounts(rules []sudoers.Rule) (map[sudoers.User]*account, error) {
	var all []sudoers.User
	for _, r := range rules {
		for _, named := range r.Accounts() {
			for _, u := range []sudoers.User{named, named.Lower()} {
				if !slices.Contains(all, u) {
					all = append(all, u)
				}
			}
		}
	}
	return ansible.Each(all, lookUp)
}

// lookUp returns nil where there is no such account.
func lookUp(u sudoers.User) (*account, error) {
	if !u.IsGroup() && u.Key() == "root" { // in most rules, and on every host that sudo works on
		return &account{name: "root"}, nil
	}
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
