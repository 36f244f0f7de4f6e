package accounts

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// IsMember reports whether a user is in a group, primary or supplementary (id(1)). A user that does not exist is an error.
func IsMember(user, group string) (bool, error) {
	groups, err := exec.Command("id", "-nG", "--", user).Output()
	return slices.Contains(strings.Fields(string(groups)), group), err
}

// AddMember adds a user to a supplementary group (usermod(8)).
func AddMember(user, group string) error { return run("usermod", "--append", "--groups", group, user) }

// RemoveMember removes a user from a supplementary group (gpasswd(1)).
func RemoveMember(user, group string) error { return run("gpasswd", "--delete", user, group) }

func run(program string, args ...string) error {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(out)))
	}
	return nil
}
