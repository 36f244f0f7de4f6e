package systemdsidekiq

import (
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
)

// journalGroup may read the whole journal (systemd-journald.service(8), "Access Control").
const journalGroup = "systemd-journal"

// newLogReaders are the users of log_readers who cannot read the journal yet.
func (g *gatherer) newLogReaders() []string {
	var all []string
	for _, user := range g.LogReaders {
		isMember, err := accounts.IsMember(user, journalGroup)
		if err != nil {
			g.miss("log_readers", "%q does not exist on this host; hint: create it before", user)
		} else if !isMember {
			all = append(all, user)
		}
	}
	return all
}

// addLogReaders plans that they can read the service's log without sudo. They stay in the group when the service is removed: they may have
// been in it before.
func (p *planner) addLogReaders() {
	for _, user := range p.logReaders {
		p.Change(fmt.Sprintf("add %s to the group %s", user, journalGroup),
			func() error { return accounts.AddMember(user, journalGroup) }, func() error { return accounts.RemoveMember(user, journalGroup) })
	}
}
