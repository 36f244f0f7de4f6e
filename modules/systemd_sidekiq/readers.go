package systemdsidekiq

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
)

// journalGroup may read the whole journal (systemd-journald.service(8), "Access Control").
const journalGroup = "systemd-journal"

// readers plans that the users of log_readers may read the service's log without sudo. They stay in the group when the service
// goes: it may have been theirs before.
func (a *act) readers() {
	for _, user := range a.p.LogReaders {
		groups, err := exec.Command("id", "-nG", "--", user).Output()
		if err != nil {
			a.Missing(fmt.Errorf("option %q: %q does not exist on this host; hint: create it before", "log_readers", user))
			continue
		}
		if slices.Contains(strings.Fields(string(groups)), journalGroup) {
			continue
		}
		a.Add(ansible.Step{
			Title: fmt.Sprintf("add %s to the group %s", user, journalGroup),
			Do:    func(*ansible.Late) error { return account("usermod", "--append", "--groups", journalGroup, user) },
			Undo:  func() error { return account("gpasswd", "--delete", user, journalGroup) },
		})
	}
}

// account runs a program of the package passwd.
func account(program string, args ...string) error {
	cmd := exec.Command(program, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(said.String()))
	}
	return nil
}
