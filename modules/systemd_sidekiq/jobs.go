package systemdsidekiq

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// verifyJobs plans a warning of errors that the restarted processes log. They are no reason for a rollback: a unit cannot repair a release.
func (p *planner) verifyJobs() {
	restarts := slices.ContainsFunc(p.workers(), func(u *unit) bool {
		_, isNeeded := p.restartNeeded(u)
		return u.ran() && (isNeeded || p.stopped[u.name])
	})
	if p.VerifyJobs != "warn" || p.LogFile != "" || !restarts {
		return
	}
	p.Add(ansible.Step{Title: "check the journal for job errors", Proof: true, Do: func(late *ansible.Late) error {
		all := []string{}
		for _, invocation := range slices.Sorted(maps.Keys(p.started)) {
			u := p.started[invocation]
			time.Sleep(time.Until(u.at.Add(p.jobsPeriod)))
			journal, err := systemd.Journal(invocation)
			if err != nil {
				late.Warn("cannot read the journal of %s for job errors: %v", u.name, err)
				continue
			}
			sidekiq.ReportPermissionErrors(late, u.name, journal)
			if lines := sidekiq.ErrorLines(journal); len(lines) > 0 {
				late.Warn("%s logged errors within %d s after its start:\n%s\nhint: journalctl -u %s", u.name, int(p.jobsPeriod.Seconds()), strings.Join(lines, "\n"), u.name)
				all = append(all, lines...)
			}
		}
		late.Set("job_errors", all)
		return nil
	}})
}

// readJournal reads what a process that runs has logged since its start, while other facts are gathered.
func (g *gatherer) readJournal(u *unit) {
	if u.ran() && g.LogFile == "" && (g.State == "started" || g.State == "restarted") {
		u.journal = ansible.Start(func() (string, error) { return systemd.Journal(u.state.InvocationID) })
	}
}

// verifyFiles reports the permission errors of a process that is not restarted.
func (p *planner) verifyFiles(u *unit) {
	if u.journal == nil {
		return
	}
	journal, err := u.journal()
	if err != nil {
		p.Warn("cannot read the journal of %s for permission errors: %v", u.name, err)
		return
	}
	sidekiq.ReportPermissionErrors(p.Plan, u.name, journal)
}
