package systemdsidekiq

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// uptime is how long a process has to run to count as up, unless its heartbeat proves it sooner.
func (p *planner) uptime(u *unit) time.Duration {
	if p.notifies(u) {
		return p.uptimeNotify
	}
	return p.uptimeSimple
}

// awaitUp waits until the unit's main process has a heartbeat in Redis, else for its uptime, and returns its state. The error is that of
// systemd.AwaitUp.
func (p *planner) awaitUp(u *unit) (systemd.State, error) {
	isSilent := false // a Redis that does not answer is not asked again
	return p.systemctlOf(u).AwaitUp(u.name, p.uptime(u), func(now systemd.State) bool {
		at := u.at(now)
		main := p.mainProcess(at)
		if isSilent || len(main.Titles()) == 0 { // the heartbeat comes with the title
			return false
		}
		_, err := p.search(at, p.root()).Heartbeats(main)
		isSilent = err != nil && !errors.Is(err, sidekiq.ErrNoHeartbeat)
		return err == nil
	})
}

// answer is what a check reports to: the plan, or the result of a step.
type answer interface {
	Set(key string, value any)
	Append(key string, element any)
	Warn(format string, args ...any)
}

// verify reports the process of a unit, and checks what is known of it: its heartbeat, which the page /sidekiq/busy shows, else its title.
func (p *planner) verify(to answer, u *unit) error {
	e := p.search(u, p.root(), p.located...).Observe(p.mainProcess(u))
	p.reportProcess(to, u, e)
	if e.By == sidekiq.ByHeartbeat {
		p.addRedis(e.Redis)
		if given := (sidekiq.Found{URL: p.RedisURL}); p.RedisURL != "" && given.Place() != e.Redis.Place() {
			to.Warn("the heartbeat of %s is in the Redis at %s (%s), not in that of redis_url; hint: correct or remove redis_url", u.name, e.Redis.Place(), e.Redis.Source)
		}
	} else if err := cmp.Or(p.systemctl.CheckUp(u.name, u.state), p.reportMissingHeartbeat(to, u, e)); err != nil {
		return err
	}
	if err := p.compare(to, u, e); err != nil {
		return err
	}
	if u.process != nil && p.AppRoot != "" && !p.isPending(u) {
		p.overridden(to, u)
	}
	return nil
}

// addRedis adds a Redis with heartbeats of the service.
func (p *planner) addRedis(redis sidekiq.Client) {
	if !slices.Contains(p.located, redis.Found) {
		p.located = append(p.located, redis.Found)
	}
	if !p.redis.IsKnown() {
		p.redis = redis
	}
}

func (p *planner) root() string {
	if p.AppRoot != "" {
		return p.AppRoot
	}
	return p.main().root()
}

// reportProcess adds a process to the answer. What cannot be read of it is left out.
func (p *planner) reportProcess(to answer, u *unit, e sidekiq.Evidence) {
	main, sum := p.mainProcess(u), sidekiq.Sum(e.Processes)
	process := map[string]any{"unit": u.name, "main_pid": u.state.MainPID, "active_since": u.state.ActiveSince, "evidence": e.By}
	if ruby, release, err := main.Program(); err == nil {
		process["ruby"], process["release"] = ruby, release
	}
	heartbeat := map[string]any{"status": "unknown"}
	if e.By == sidekiq.ByHeartbeat {
		heartbeat = map[string]any{"status": "seen", "source": e.Redis.Source, "place": e.Redis.Place(), "queues": sum.Queues}
	}
	if sum.Concurrency > 0 {
		heartbeat["concurrency"], heartbeat["busy"] = sum.Concurrency, sum.Busy
	}
	process["heartbeat"] = heartbeat
	to.Append("processes", process)
	if u.name == p.main().name {
		for key, value := range process {
			if key != "unit" {
				to.Set(key, value)
			}
		}
	}
}

// reportMissingHeartbeat reports a heartbeat that was not found. It is no evidence against the process, and an error only if it is required.
func (p *planner) reportMissingHeartbeat(to answer, u *unit, e sidekiq.Evidence) error {
	hint := "set redis_url to the Redis of the application"
	if p.RedisURL != "" {
		hint = "check redis_url"
	}
	switch {
	case p.RequireHeartbeat:
		return argspec.Errorf("require_heartbeat", "%s: %w; hint: %s", u.name, e.Missing, hint)
	case e.By == sidekiq.ByTitle:
		to.Warn("%s: verified by its title only: %v; hint: %s", u.name, e.Missing, hint)
	default:
		to.Warn("%s: not verified: process %d has no title of Sidekiq, and %v; hint: journalctl -u %s, and %s", u.name, u.state.MainPID, e.Missing, u.name, hint)
	}
	return nil
}

// compare checks that the process runs with the options, which an initializer of the application may override.
func (p *planner) compare(to answer, u *unit, e sidekiq.Evidence) error {
	if len(e.Processes) == 0 {
		return nil
	}
	seen := e.Processes[0]
	if seen.PID != u.state.MainPID && !u.isSwarm() {
		return fmt.Errorf("process %d, which is Sidekiq, is a child of %s's main process %d: stopping that kills it and its jobs; hint: use exec in the wrapper, or set bundle to the real path",
			seen.PID, u.name, u.state.MainPID)
	}
	if u.process == nil || p.AppRoot == "" {
		return nil
	}
	if sidekiq.Sum(e.Processes).Quiet {
		to.Warn("%s is quiet: it fetches no new jobs until it is restarted; the restart is left to the deploy that quieted it; hint: if no deploy is in progress, use state: restarted", u.name)
	}
	if p.isPending(u) { // it runs with other options
		return nil
	}
	for _, q := range u.process.Queues {
		name, _, _ := strings.Cut(q, ",")
		if e.By == sidekiq.ByHeartbeat && !slices.Contains(seen.Queues, name) {
			return fmt.Errorf("%s does not work on queue %q, which was asked for; hint: an initializer of the application may set the queues", u.name, name)
		}
	}
	threads, err := p.serviceOf(u, p.version).Threads(p.withConfigPath(*u.process))
	if err != nil || threads.Guessed || seen.Concurrency == 0 || threads.Size == seen.Concurrency {
		return nil
	}
	text := fmt.Sprintf("%s has %d threads, not %d (%s); hint: an initializer of the application may set them", u.name, seen.Concurrency, threads.Size, threads.By)
	if u.process.Concurrency != nil {
		return errors.New(text)
	}
	to.Warn("%s", text)
	return nil
}
