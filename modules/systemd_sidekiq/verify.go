package systemdsidekiq

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// uptime is how long a process has to run to count as up, unless a heartbeat proves it sooner.
func (p *planner) uptime() time.Duration {
	if p.version.Notifies() {
		return p.uptimeNotify
	}
	return p.uptimeSimple
}

// awaitUp waits until the unit's main process has proved to work, and returns its state. The error is that of systemd.AwaitUp.
func (p *planner) awaitUp(u *unit, redis sidekiq.Client) (systemd.State, error) {
	isSilent := false // a Redis that does not answer is not asked again
	return p.systemctl.AwaitUp(u.name, p.uptime(), func(now systemd.State) bool {
		if isSilent {
			return false
		}
		seen, err := redis.Heartbeat(u.at(now).mainProcess())
		isSilent = err != nil && !errors.Is(err, sidekiq.ErrNoHeartbeat)
		return err == nil && seen.PID == now.MainPID
	})
}

// answer is what a check reports to: the plan, or the result of a step.
type answer interface {
	Set(key string, value any)
	Append(key string, element any)
	Warn(format string, args ...any)
}

// verify reports the process of a unit, and checks its heartbeat: what the page /sidekiq/busy shows.
func (p *planner) verify(to answer, u *unit) error {
	process := map[string]any{"unit": u.name, "main_pid": u.state.MainPID, "active_since": u.state.ActiveSince}
	heartbeat := map[string]any{"status": "unknown", "source": p.redis.Source}
	if p.redis.IsKnown() {
		process["heartbeat"] = heartbeat
	}
	to.Append("processes", process)
	if u.name == p.main().name {
		for key, value := range process {
			if key != "unit" {
				to.Set(key, value)
			}
		}
	}
	if !p.redis.IsKnown() {
		return nil
	}
	seen, err := p.redis.FirstHeartbeat(u.mainProcess())
	if err != nil {
		return p.unseen(to, u, err)
	}
	heartbeat["status"], heartbeat["concurrency"], heartbeat["busy"], heartbeat["queues"] = "seen", seen.Concurrency, seen.Busy, seen.Queues
	return p.compare(to, u, seen)
}

// unseen reports a missing heartbeat. It is an error only where there had to be one: a Redis that does not answer, or that was only guessed and
// that no Sidekiq uses, is no evidence, since the application may set its Redis in Ruby.
func (p *planner) unseen(to answer, u *unit, cause error) error {
	if errors.Is(cause, sidekiq.ErrNoHeartbeat) && p.redis.IsUsed() {
		return fmt.Errorf("%s runs (process %d), but in %v Redis has no heartbeat of it on the host %q: %w (Redis is from %s); hint: journalctl -u %s, or give the Redis of the application as redis_url",
			u.name, u.state.MainPID, sidekiq.HeartbeatTimeout, p.redis.Hostname, cause, p.redis.Source, u.name)
	}
	text := fmt.Sprintf("the heartbeat of process %d was not seen, so whether Sidekiq works is unknown: %v (Redis is from %s); hint: give redis_url", u.state.MainPID, cause, p.redis.Source)
	if p.RequireHeartbeat {
		return errors.New(text)
	}
	to.Warn("%s", text)
	return nil
}

// compare checks that the process runs with the options, which an initializer of the application may override.
func (p *planner) compare(to answer, u *unit, seen sidekiq.Process) error {
	if seen.PID != u.state.MainPID {
		return fmt.Errorf("the heartbeat is that of process %d, a child of %s's main process %d, whose end would kill it with its jobs; hint: let the wrapper exec, or give the path of bundle itself",
			seen.PID, u.name, u.state.MainPID)
	}
	if u.process == nil || p.AppRoot == "" {
		return nil
	}
	if seen.Quiet {
		to.Warn("%s is quiet: it takes no new jobs until it is restarted, which is left to the deploy that made it so; hint: state: restarted, unless one is under way", u.name)
	}
	for _, q := range u.process.Queues {
		name, _, _ := strings.Cut(q, ",")
		if !slices.Contains(seen.Queues, name) {
			return fmt.Errorf("%s does not work on queue %q, which was asked for; hint: an initializer of the application may set the queues", u.name, name)
		}
	}
	if u.threadsFault != nil || u.threads.Guessed || u.threads.Size == seen.Concurrency {
		return nil
	}
	text := fmt.Sprintf("%s has %d threads, not %d (%s); hint: an initializer of the application may set them", u.name, seen.Concurrency, u.threads.Size, u.threads.By)
	if u.process.Concurrency != nil {
		return errors.New(text)
	}
	to.Warn("%s", text)
	return nil
}
