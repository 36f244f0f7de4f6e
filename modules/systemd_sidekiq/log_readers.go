package systemdsidekiq

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
)

// journalGroup may read the whole journal (systemd-journald.service(8), "Access Control").
const journalGroup = "systemd-journal"

// newLogReaders are the users of log_readers who cannot read the journal yet.
func (g *gatherer) newLogReaders() []string {
	var all []string
	for _, user := range g.LogReaders {
		groups, err := exec.Command("id", "-nG", "--", user).Output()
		if err != nil {
			g.missing = append(g.missing, fmt.Errorf("option %q: %q does not exist on this host; hint: create it before", "log_readers", user))
		} else if !slices.Contains(strings.Fields(string(groups)), journalGroup) {
			all = append(all, user)
		}
	}
	return all
}

// addLogReaders plans that the users of log_readers can read the service's log without sudo. They stay in the group when the service
// is removed: they may have been in it before.
func (p *planner) addLogReaders() {
	for _, user := range p.logReaders {
		p.Add(ansible.Step{
			Title: fmt.Sprintf("add %s to the group %s", user, journalGroup),
			Do:    func(*ansible.Late) error { return run("usermod", "--append", "--groups", journalGroup, user) },
			Undo:  func() error { return run("gpasswd", "--delete", user, journalGroup) },
		})
	}
}

func run(program string, args ...string) error {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(out)))
	}
	return nil
}
