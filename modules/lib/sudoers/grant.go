package sudoers

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Call is one thing that a rule allows, as sudo can be asked about it: User may run Argv as Runas, with RunasGroup or its own groups, or as
// itself with RunasGroup.
type Call struct {
	User         string
	Runas        string // name
	RunasID      string // the same as #uid
	RunasGroup   string // name
	RunasGroupID string // the same as #gid
	Argv         []string
	NoPassword   bool // no password is asked
}

func (c Call) String() string {
	as := c.Runas
	if c.RunasGroup != "" {
		as = strings.TrimSpace(as + " with group " + c.RunasGroup)
	}
	return fmt.Sprintf("%s run %q as %s", c.User, strings.Join(c.Argv, " "), as)
}

// CheckGrants asks sudo, as root may, for the rules of each user, and concludes whether it allows the calls, by the policy in force, and asks
// for a password as each call says. What cannot be judged is in untold, one sentence each; it is no error. A file that sudo ignores, and a
// rule that a later one overrides, are errors. A program that is missing is not noticed.
func (t Tools) CheckGrants(calls []Call) (untold []string, err error) {
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
		listing := listings[c.User]
		doubt, err := listing.CheckPassword(c)
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, t.whyUnread())
		}
		if doubt == "" && listing.tty {
			doubt = fmt.Sprintf("sudo lets %s run commands at a terminal only, because of Defaults requiretty", c.User)
		}
		if doubt != "" && !slices.Contains(untold, doubt) {
			untold = append(untold, doubt)
		}
	}
	return untold, nil
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

var errNoTerminal = errors.New("sudo answers at a terminal only, because of Defaults requiretty")

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
