package systemdsidekiq

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// beatPatience is how long a heartbeat may take: Sidekiq beats once when it starts, then every 5 seconds, from 7.0 every 10.
const beatPatience = 12 * time.Second

func (a *act) isQuiet(u *unit) bool {
	process, err := a.f.before.beat(u)
	return err == nil && process.Quiet
}

// answer is the plan, or what is added to its answer after acting.
type answer interface {
	Set(key string, value any)
	Warn(format string, args ...any)
}

// report answers what runs, and looks at its heartbeat: what the page /sidekiq/busy shows.
func (a *act) report(to answer, u *unit) error {
	process := map[string]any{"unit": u.name, "main_pid": u.state.MainPID, "active_since": u.state.ActiveSince}
	a.running = append(a.running, process)
	to.Set("processes", a.running)
	if u == a.f.main {
		to.Set("main_pid", u.state.MainPID)
		to.Set("active_since", u.state.ActiveSince)
	}
	if a.f.now.open == nil {
		return nil
	}
	beat := map[string]any{"status": "unknown", "source": a.f.now.Source}
	process["heartbeat"] = beat
	if u == a.f.main {
		to.Set("heartbeat", beat)
	}
	seen, err := a.f.now.awaitBeat(u, beatPatience, anyBeat)
	if err != nil {
		return a.unseen(to, u, err)
	}
	beat["status"], beat["concurrency"], beat["busy"], beat["queues"] = "seen", seen.Concurrency, seen.Busy, seen.Queues
	return a.compare(to, u, seen)
}

// unseen judges a heartbeat that was not seen. It is a failure only where it had to be there: a Redis that does not answer, or that
// nobody named and no Sidekiq uses, tells nothing, for the application may know its Redis in a way that only Ruby understands.
func (a *act) unseen(to answer, u *unit, cause error) error {
	if errors.Is(cause, errNoBeat) && a.f.now.isUsed() {
		return fmt.Errorf("%s runs (process %d), but in %v Redis has no heartbeat of it on the host %q: %w (Redis is from %s); hint: journalctl -u %s, or give the Redis of the application as redis_url",
			u.name, u.state.MainPID, beatPatience, a.f.now.hostname(), cause, a.f.now.Source, u.name)
	}
	text := fmt.Sprintf("the heartbeat of process %d was not seen, so whether Sidekiq works is unknown: %v (Redis is from %s); hint: give redis_url", u.state.MainPID, cause, a.f.now.Source)
	if a.p.RequireHeartbeat {
		return errors.New(text)
	}
	to.Warn("%s", text)
	return nil
}

// isUsed tells whether this Redis is that of a Sidekiq: it was named, or has its keys.
func (s redisServer) isUsed() bool {
	used := !s.Guessed
	if s.Guessed {
		_ = s.ask(func(r store) (err error) { // an answer that does not come is no key
			used, err = r.HasSidekiq()
			return err
		})
	}
	return used
}

// compare looks whether the process does what was asked: an initializer of the application may have the last word.
func (a *act) compare(to answer, u *unit, seen sidekiq.Process) error {
	if seen.PID != u.state.MainPID {
		return fmt.Errorf("the heartbeat is that of process %d, a child of %s's main process %d, whose end would kill it with its jobs; hint: let the wrapper exec, or give the path of bundle itself",
			seen.PID, u.name, u.state.MainPID)
	}
	if u.process == nil || a.p.AppRoot == "" {
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
	return a.compareThreads(to, u, seen)
}

func (a *act) compareThreads(to answer, u *unit, seen sidekiq.Process) error {
	wanted, err := a.f.service(a.p).Threads(a.p.counted(*u.process))
	if err != nil || wanted.Guessed || wanted.Size == seen.Concurrency {
		return nil
	}
	text := fmt.Sprintf("%s has %d threads, not %d (%s); hint: an initializer of the application may set them", u.name, seen.Concurrency, wanted.Size, wanted.By)
	if u.process.Concurrency != nil {
		return errors.New(text)
	}
	to.Warn("%s", text)
	return nil
}
