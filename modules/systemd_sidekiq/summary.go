package systemdsidekiq

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/dashboard"
)

// summarize adds status and summary to the answer. If there are steps, the summary lists them, for check mode; in a run the last step replaces it.
func (p *planner) summarize() {
	name, changes := p.main().name, p.Changes()
	switch {
	case len(p.missing) > 0:
		p.status = "cannot start"
		p.Set("summary", fmt.Sprintf("%s: cannot start: %v", name, p.missing[0]))
	case len(changes) > 0:
		for _, warning := range p.redis.Unsuited(p.version) {
			p.Warn("%s", warning)
		}
		p.Set("summary", fmt.Sprintf("%s: would %s", name, strings.Join(changes, ", ")))
		p.Add(ansible.Step{Title: "summarize", Proof: true, Do: func(late *ansible.Late) error {
			p.reportSummary(late)
			return nil
		}})
	default:
		p.reportSummary(p.Plan)
	}
	p.Set("status", p.status)
}

func (p *planner) reportSummary(to answer) {
	text := p.main().name + ": " + p.status
	if p.status == "up" && p.redis.IsKnown() {
		text += ", " + p.statistics(to)
	}
	to.Set("summary", text)
}

// statistics summarizes all processes that use the Redis, on all hosts, and adds the warnings about them to the answer.
func (p *planner) statistics(to answer) string {
	d, err := dashboard.Read(p.redis)
	if err != nil { // the check of the heartbeat has reported it
		return "without statistics: Redis cannot be read"
	}
	d.CompareVersion(p.version)
	d.CompareRelease(p.inRoot(cmp.Or(p.AppRoot, p.main().root())))
	for _, warning := range d.Warnings() {
		to.Warn("%s", warning)
	}
	return d.Summary()
}
