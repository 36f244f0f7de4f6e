// Package sidekiqinfo is the Ansible module sidekiq_info: it answers what package dashboard reads from Redis, and what the processes of the service
// on this host tell of themselves.
//
// # Decisions
//
// It only reads: its plan changes nothing, so that check mode and a run are the same.
//
// The Redis of redis_url is read, else the one with the heartbeat of a running process (sidekiq.Search). If a process runs and its heartbeat is not
// found, no other is read in its place: it may be another application's.
//
// A Redis that does not answer is a failure, since nothing is known then. What cannot be read of the application is a warning.
package sidekiqinfo

import (
	_ "embed"
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/dashboard"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

//go:embed sidekiq_info.yml
var doc []byte

// Module is sidekiq_info.
func Module() ansible.Module { return ansible.New(doc, plan) }

func plan(o *options) (*ansible.Plan, error) {
	files := atomicfile.NewReader("/")
	plan := &ansible.Plan{}
	s, err := findService(o)
	if err != nil { // an ordinary user may not be able to ask systemd
		plan.Warn("the state of %s.service is unknown: %v", o.Service, err)
	}
	l := sidekiq.Locator{Service: sidekiq.Service{RailsEnv: o.RailsEnv, AppRoot: o.AppRoot, Environment: o.Sources(files), Files: files},
		Given: o.RedisURL, Namespace: o.RedisNamespace}
	located := s.observe(l, "/proc")
	reasons := s.pending("/")
	plan.Set("restart_pending", len(reasons) > 0)
	plan.Set("restart_reasons", reasons)
	for _, reason := range reasons {
		plan.Warn("restart pending: %s; hint: deploy, or run systemd_sidekiq with state: restarted", reason)
	}
	s.reportPermissionErrors(plan)
	s.warn(plan)
	if len(located) == 0 && len(s.running) > 0 && o.RedisURL == "" {
		s.reportTitles(plan)
		return plan, nil
	}
	var redis sidekiq.Client
	if len(located) > 0 && o.RedisURL == "" {
		redis = located[0]
	} else if redis, err = findRedis(o, l); err != nil {
		return nil, err
	}
	for _, other := range located {
		if other.Place() != redis.Place() {
			plan.Warn("%s has heartbeats in the Redis at %s (%s), which is not reported here", o.Service, other.Place(), other.Source)
		}
	}
	if len(s.running) > 0 {
		l.Environment = s.running[0].environment
	}
	return plan, report(plan, l.Service, s, redis)
}

// warn warns of processes whose heartbeat was not found.
func (s service) warn(plan *ansible.Plan) {
	for _, u := range s.running {
		if u.evidence.By != sidekiq.ByHeartbeat {
			plan.Warn("%s: %v; hint: set redis_url to the Redis of the application", u.name, u.evidence.Missing)
		}
	}
}

// report adds the dashboard to the answer.
func report(plan *ansible.Plan, app sidekiq.Service, s service, redis sidekiq.Client) error {
	d, err := dashboard.Read(redis)
	if err != nil {
		return unreachable(redis.Source, err)
	}
	if app.AppRoot != "" {
		d.CompareRelease(app.AppRoot)
		version, err := app.SidekiqVersion()
		if d.CompareVersion(version); err != nil {
			plan.Warn("whether Redis is new enough for the application is not known: %v", err)
		}
	}
	for key, value := range d.Answer() {
		plan.Set(key, value)
	}
	for _, warning := range d.Warnings() {
		plan.Warn("%s", warning)
	}
	if warning := d.Unused(); warning != "" && !s.exists {
		// Before its first start, which check mode shows, a service has no keys.
		plan.Add(ansible.Step{Title: "warn of an unused Redis", Proof: true, Do: func(late *ansible.Late) error {
			late.Warn("%s", warning)
			return nil
		}})
	}
	return nil
}

// reportTitles adds what the titles of the processes tell to the answer.
func (s service) reportTitles(plan *ansible.Plan) {
	var all []sidekiq.Process
	for _, u := range s.running {
		all = append(all, u.evidence.Processes...)
	}
	sum := sidekiq.Sum(all)
	plan.Set("summary", fmt.Sprintf("%d threads (%d busy) by process title; no statistics: heartbeat not found", sum.Concurrency, sum.Busy))
	plan.Set("processes", dashboard.Titles(all))
}
