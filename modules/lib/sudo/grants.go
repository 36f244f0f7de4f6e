package sudo

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// Asked has, for each user whose rules sudo was asked for, a function that waits for the answer.
type Asked map[string]func() (string, error)

// Ask asks sudo, as root may, for all rules of a user by the policy in force. It does not wait for the answer.
func (t Tools) Ask(user string, asked Asked) {
	if asked[user] == nil {
		asked[user] = start(t.sudo, "-n", "-ll", "-U", user)
	}
}

// CheckGrants concludes from the answers of sudo whether it allows the calls, and asks for a password as each call says. It asks about users who are
// not in asked. What cannot be judged is in untold, one sentence each; it is no error. A file that sudo ignores, and a
// rule that a later one overrides, are errors. A program that is missing is not noticed.
func (t Tools) CheckGrants(calls []sudoers.Call, asked Asked) (untold []string, err error) {
	for _, c := range calls {
		t.Ask(c.User, asked)
	}
	listings := map[string]sudoers.Listing{}
	for _, c := range calls {
		if _, known := listings[c.User]; !known {
			listings[c.User], err = t.listing(c.User, asked[c.User])
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
			return nil, fmt.Errorf("%w%s", err, t.whyUnread(sudoers.Dir))
		}
		if doubt == "" && listing.NeedsTerminal {
			doubt = fmt.Sprintf("sudo lets %s run commands at a terminal only, because of Defaults requiretty", c.User)
		}
		if doubt != "" && !slices.Contains(untold, doubt) {
			untold = append(untold, doubt)
		}
	}
	return untold, nil
}

// whyUnread explains why sudo-rs may not have read a file: a directory in dir may end its reading (readdir(3) decides what comes before).
func (t Tools) whyUnread(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil || !t.IsRs() {
		return ""
	}
	for _, e := range entries {
		if e.IsDir() && !strings.Contains(e.Name(), ".") {
			return fmt.Sprintf("; sudo-rs stops reading %s at the folder %s in it; hint: move that away", dir, e.Name())
		}
	}
	return ""
}

// needsTerminal is what sudo answers to everybody where Defaults requiretty holds for all.
const needsTerminal = "must have a tty"

var errNoTerminal = errors.New("sudo answers at a terminal only, because of Defaults requiretty")

// List asks sudo for all that a user may do.
func (t Tools) List(user string) (sudoers.Listing, error) {
	asked := Asked{}
	t.Ask(user, asked)
	return t.listing(user, asked[user])
}

func (t Tools) listing(user string, answer func() (string, error)) (sudoers.Listing, error) {
	out, err := answer()
	if err != nil && strings.Contains(out, needsTerminal) {
		return sudoers.Listing{}, errNoTerminal
	}
	if err != nil {
		return sudoers.Listing{}, fmt.Errorf("sudo does not list what %s may do: %w%s", user, err, quote(out))
	}
	return sudoers.ParseListing(out, t.IsRs()), nil
}
