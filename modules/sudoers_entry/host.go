package sudoersentry

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
)

// call is one thing that a rule allows, as sudo can be asked about it.
type call struct {
	user, runas string
	argv        []string
}

// callsOf checks that all that the rules name is there, and returns what they allow to users. Groups have to exist but are not
// asked about: sudo -U takes users only. Rules for certain hosts are passed over, since they may well be for others.
func callsOf(rules sudoers.File, plan *ansible.Plan) ([]call, error) {
	var calls []call
	for _, r := range rules {
		if !r.Everywhere() {
			continue
		}
		for _, c := range r.Commands() {
			if err := checkProgram(c.Path()); err != nil {
				plan.Missing(err)
			}
			if err := checkOwners(c.Path()); err != nil {
				return nil, err
			}
		}
		users, err := logins(r.Users(), "users", plan)
		if err != nil {
			return nil, err
		}
		runas, err := logins(accounts(r.Runas()), "runas", plan)
		if err != nil {
			return nil, err
		}
		if len(runas) == 0 {
			runas = []string{"root"} // of ALL
		}
		calls = append(calls, product(users, runas, r.Commands())...)
	}
	return calls, nil
}

func product(users, runas []string, commands []sudoers.Command) []call {
	var calls []call
	for _, u := range users {
		for _, r := range runas {
			for _, c := range commands {
				calls = append(calls, call{u, r, c.Argv()})
			}
		}
	}
	return calls
}

func accounts(runas []sudoers.Runas) []sudoers.User {
	var all []sudoers.User
	for _, r := range runas {
		if !r.IsAll() {
			all = append(all, r.User())
		}
	}
	return all
}

// logins are the names of those who are users. Users and groups must exist.
func logins(users []sudoers.User, option string, plan *ansible.Plan) ([]string, error) {
	var names []string
	for _, u := range users {
		database, kind, given := "passwd", "user", option
		if u.IsGroup() {
			database, kind, given = "group", "group", "groups"
		}
		name, err := lookUp(database, u.Key())
		if err != nil {
			return nil, err
		}
		if name == "" {
			plan.Missing(fmt.Errorf("option %q: %s %q does not exist on this host; hint: create it before, or correct the name", given, kind, u.Key()))
		} else if !u.IsGroup() {
			names = append(names, name)
		}
	}
	return names, nil
}

// lookUp asks getent(1), which knows directory services, too, for a name or a number. It returns the name, or nothing when there is none.
func lookUp(database, key string) (string, error) {
	out, err := exec.Command("getent", database, key).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // getent(1), EXIT STATUS: not found
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking up %q with getent: %w", key, err)
	}
	name, _, _ := strings.Cut(string(out), ":")
	return name, nil
}

// checkProgram refuses a path that sudo could not run: the rule would be dead, or alive when somebody puts a program there.
func checkProgram(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("command %q cannot be run on this host: %w; hint: install it before, or correct the path", path, err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("command %q is not an executable file", path)
	}
	return nil
}

// checkOwners refuses a program that others than root could exchange: who may run it as root could make it do anything.
func checkOwners(program string) error {
	target, err := filepath.EvalSymlinks(program)
	if err != nil {
		return nil // checkProgram has said so
	}
	for _, start := range []string{target, filepath.Dir(program)} {
		for p := start; ; p = filepath.Dir(p) {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 0 || info.Mode()&0o022 != 0 {
				return fmt.Errorf("option \"commands\": %q could be exchanged by others than root, since %s has owner %d and mode %04o; hint: put it where only root can write", program, p, owner.Uid, info.Mode().Perm())
			}
			if p == "/" {
				break
			}
		}
	}
	return nil
}

// users are those of the calls, each once.
func users(calls []call) []string {
	var all []string
	for _, c := range calls {
		if !slices.Contains(all, c.user) {
			all = append(all, c.user)
		}
	}
	return all
}
