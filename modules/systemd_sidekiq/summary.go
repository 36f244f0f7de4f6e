package systemdsidekiq

import (
	"fmt"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/dashboard"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// summarize adds status and summary to the answer. If there are steps, the summary lists them, for check mode; in a run the last step replaces it.
func (p *planner) summarize() {
	name, changes := p.main().name, p.Changes()
	switch {
	case len(p.missing) > 0:
		p.status = "cannot start"
		p.Set("summary", fmt.Sprintf("%s: cannot start: %v", name, p.missing[0]))
	case len(changes) > 0:
		for _, warning := range p.likelyRedis().Unsuited(p.version) {
			p.Warn("%s", warning)
		}
		p.Set("summary", fmt.Sprintf("%s: would %s", name, strings.Join(changes, ", "))+p.newProfileText())
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
	switch {
	case p.status == "up":
		if reasons := p.pendingReasons(); len(reasons) > 0 {
			text += ", restart pending"
		}
		text += ", " + p.statistics(to)
	case p.status == waiting:
		text = p.waitingText()
	}
	to.Set("summary", text+p.newProfileText())
}

// newProfileText says where jobs can write, if the profile of the unit is new, and which unit is taken over.
func (p *planner) newProfileText() string {
	before := p.main().installed
	switch {
	case p.sandbox.profile == "" || p.sandbox.profile == profileIn(before):
		return ""
	case before.Path != "" && !isManaged(before.Text):
		return fmt.Sprintf("; replaces %s; %s", before.Path, p.sandbox)
	}
	return "; " + p.sandbox.String()
}

// waitingText says how the service is started. Nothing starts it by itself: a path unit would also start what somebody has stopped.
func (p *planner) waitingText() string {
	isEnabled := "is enabled but not running"
	if !p.Enabled {
		isEnabled = "is neither enabled nor running"
	}
	return fmt.Sprintf("%s %s: %s does not exist; after the first deploy run sudo systemctl start %s (the Capistrano tasks do)", p.main().name, isEnabled, p.AppRoot, p.Name)
}

// statistics summarizes all processes that use the Redis, on all hosts, and adds the warnings about them to the answer.
func (p *planner) statistics(to answer) string {
	redis := p.redis
	if !redis.IsKnown() && p.RedisURL != "" {
		redis = p.likelyRedis()
	}
	if !redis.IsKnown() {
		return "no statistics: heartbeat not found"
	}
	d, err := dashboard.Read(redis)
	if err != nil {
		return "no statistics: Redis cannot be read"
	}
	d.CompareVersion(p.version)
	d.CompareRelease(p.inRoot(p.root()))
	for _, warning := range d.Warnings() {
		to.Warn("%s", warning)
	}
	if len(p.located) > 1 {
		var places []string
		for _, found := range p.located {
			places = append(places, found.Place())
		}
		to.Warn("the processes of %s use several Redis, %s; the statistics are those of the first", p.main().name, strings.Join(places, ", "))
	}
	return d.Summary()
}

// likelyRedis is the Redis of the service: that with its heartbeats, or the first that options and files name.
func (p *planner) likelyRedis() sidekiq.Client {
	if p.redis.IsKnown() || p.env == nil {
		return p.redis
	}
	redis, err := p.sidekiq(p.root()).Predicted(p.env)
	if err != nil { // nothing is known of it
		return sidekiq.Client{}
	}
	return redis
}
