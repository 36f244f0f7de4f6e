package sudoers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Call is one thing that a rule allows, as sudo can be asked about it: User may run Argv as Runas, or as itself in RunasGroup.
type Call struct {
	User       string
	Runas      string // name
	RunasID    string // the same as #uid
	RunasGroup string // name or #gid; instead of Runas
	Argv       []string
	NoPassword bool // no password is asked
}

func (c Call) String() string {
	as := c.Runas
	if c.RunasGroup != "" {
		as = "group " + c.RunasGroup
	}
	return fmt.Sprintf("%s run %q as %s", c.User, strings.Join(c.Argv, " "), as)
}

// target says to sudo as whom the call is made. To sudo-rs a group alone means root's.
func (t Tools) target(c Call) []string {
	switch {
	case c.RunasGroup == "":
		return []string{"-u", c.Runas}
	case t.IsRs():
		return []string{"-u", c.User, "-g", c.RunasGroup}
	default:
		return []string{"-g", c.RunasGroup}
	}
}

// CheckGrants asks sudo, as root may, about each call: whether it is allowed, by the policy in force, and whether a password is asked as the
// call says. What cannot be told about the password is in untold, one sentence each; it is no error.
func (t Tools) CheckGrants(calls []Call) (untold []string, err error) {
	untold, err = t.CheckListed(calls) // first, since it can name the rule that is to blame
	for _, c := range calls {
		if err == nil {
			err = t.checkAllowed(c)
		}
	}
	return untold, err
}

// CheckListed is CheckGrants by what sudo lists of a user's rules alone: one run of sudo for each user instead of one for each call. It
// does not see a program that is missing.
func (t Tools) CheckListed(calls []Call) (untold []string, err error) {
	listings := map[string]Listing{}
	for _, c := range calls {
		if _, known := listings[c.User]; !known {
			listings[c.User], err = t.List(c.User)
			if errors.Is(err, errNoTerminal) {
				return []string{"whether the grants are effective is not known, since " + err.Error()}, nil
			}
			if err != nil {
				return nil, err
			}
		}
		doubt, err := listings[c.User].CheckPassword(c)
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, t.whyUnread())
		}
		if doubt != "" && !slices.Contains(untold, doubt) {
			untold = append(untold, doubt)
		}
	}
	return untold, nil
}

// checkAllowed finds a rule that a later one takes back, and a file that sudo ignores. A later rule that asks for a password sudo does
// not tell here.
func (t Tools) checkAllowed(c Call) error {
	args := slices.Concat([]string{"-n", "-l", "-U", c.User}, t.target(c), []string{"--"}, c.Argv)
	out, err := run(t.sudo, args...)
	if err != nil && !strings.Contains(out, needsTerminal) {
		return fmt.Errorf("sudo does not let %s: %w%s", c, err, quote(out))
	}
	return nil
}

// whyUnread explains why sudo-rs may not have read a file: a folder in Dir may end its reading of Dir (readdir(3) decides what comes before).
func (t Tools) whyUnread() string {
	entries, err := os.ReadDir(Dir)
	if err != nil || !t.IsRs() {
		return ""
	}
	for _, e := range entries {
		if e.IsDir() && !strings.Contains(e.Name(), ".") {
			return fmt.Sprintf("; sudo-rs stops reading %s at the folder %s in it; hint: move that away", Dir, e.Name())
		}
	}
	return ""
}

// needsTerminal is what sudo answers to everybody where Defaults requiretty holds for all.
const needsTerminal = "must have a tty"

var errNoTerminal = errors.New("sudo answers at a terminal only, because of Defaults requiretty; hint: prove: run tries it as the users do, without one")

// List asks sudo for all that a user may do.
func (t Tools) List(user string) (Listing, error) {
	out, err := run(t.sudo, "-n", "-ll", "-U", user)
	if err != nil && strings.Contains(out, needsTerminal) {
		return Listing{}, errNoTerminal
	}
	if err != nil {
		return Listing{}, fmt.Errorf("sudo does not list what %s may do: %w%s", user, err, quote(out))
	}
	l := parseListing(out)
	l.literal = t.IsRs()
	return l, nil
}

// stub takes the place of a program for a trial run. For its dot sudo does not read it.
var stub = staged{name: ".stub.1", mode: 0o755, content: []byte("#!/bin/sh\nexit 0\n")}

// TryRuns makes each call with sudo -n -k as its user would, after a harmless program was laid over the real one. It works in a Stage
// only, and each call leaves a line COMMAND= in the log of authentication. It returns the calls that could not be tried.
func (s *Stage) TryRuns(t Tools, calls []Call, credential func(user string) (*syscall.Credential, error)) (untried []string, err error) {
	if err := stub.write(Dir); err != nil {
		return nil, err
	}
	file := filepath.Join(Dir, stub.name)
	for _, c := range calls {
		if t.needs(c.Argv[0]) {
			untried = append(untried, c.Argv[0])
			continue
		}
		if err := s.replace(c.Argv[0], file); err != nil {
			return nil, err
		}
		user, err := credential(c.User)
		if err != nil {
			return nil, err
		}
		if err := t.tryRun(c, user); err != nil {
			return nil, err
		}
	}
	return untried, nil
}

// needs tells whether a trial itself runs the program, so that it cannot be replaced.
func (t Tools) needs(program string) bool {
	return isSame(program, "/bin/sh") || isSame(program, t.sudo)
}

func (t Tools) tryRun(c Call, user *syscall.Credential) error {
	args := slices.Concat([]string{"-n", "-k"}, t.target(c), []string{"--"}, c.Argv)
	out, err := runAs(user, t.sudo, args...)
	switch {
	case err == nil && !c.NoPassword:
		return fmt.Errorf("sudo lets %s without asking for a password, as a trial showed", c)
	case err != nil && c.NoPassword:
		return fmt.Errorf("sudo did not let %s when it was tried: %w%s", c, err, quote(out))
	}
	return nil
}
