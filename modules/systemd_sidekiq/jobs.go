package systemdsidekiq

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// verifyJobs plans a warning of errors that the restarted processes log. They are no reason for a rollback: a unit cannot repair a release.
func (p *planner) verifyJobs() {
	restarts := slices.ContainsFunc(p.workers(), func(u *unit) bool {
		_, isNeeded := p.restartNeeded(u)
		return u.ran() && (isNeeded || p.stopped[u.name])
	})
	if p.VerifyJobs != "warn" || !restarts {
		return
	}
	p.Add(ansible.Step{Title: "check the log for job errors", Proof: true, Do: func(late *ansible.Late) error {
		all := []string{}
		for _, invocation := range slices.Sorted(maps.Keys(p.started)) {
			u := p.started[invocation]
			time.Sleep(time.Until(u.at.Add(p.jobsPeriod)))
			log, err := p.logOf(u.state)
			if err != nil {
				late.Warn("cannot read the log of %s for job errors: %v", u.name, err)
				continue
			}
			sidekiq.ReportPermissionErrors(late, u.name, log)
			if lines := sidekiq.ErrorLines(log); len(lines) > 0 {
				late.Warn("%s logged errors within %d s after its start:\n%s\nhint: %s", u.name, int(p.jobsPeriod.Seconds()), strings.Join(lines, "\n"), p.logHint(u.name))
				all = append(all, lines...)
			}
		}
		late.Set("job_errors", all)
		return nil
	}})
}

// reportPermissionErrors reports the permission errors of a process that is not restarted.
func (p *planner) reportPermissionErrors(u *unit) {
	read := u.journal
	if read == nil {
		read = func() (string, error) { return p.logOf(u.state) }
	}
	log, err := read()
	if err != nil {
		p.Warn("cannot read the log of %s for permission errors: %v", u.name, err)
		return
	}
	sidekiq.ReportPermissionErrors(p.Plan, u.name, log)
}
