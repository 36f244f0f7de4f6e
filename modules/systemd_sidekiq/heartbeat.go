package systemdsidekiq

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

// beatPatience is how long a heartbeat may take: Sidekiq beats once when it starts, then every 5 seconds, from 7.0 every 10.
const beatPatience = 12 * time.Second

// redisOf is the Redis that the service will use, and where that was learned, as Sidekiq itself looks for it
// (lib/sidekiq/redis_connection.rb, determine_redis_provider).
func redisOf(p *Params, environ sidekiq.Environ) (url, source string) {
	if p.RedisURL != "" {
		return p.RedisURL, "redis_url"
	}
	name, found := environ("REDIS_PROVIDER")
	if !found {
		name = "REDIS_URL"
	}
	if url, found := environ(name); found && url != "" {
		return url, "the variable " + name
	}
	return "redis://localhost:6379/0", "Sidekiq's default, localhost"
}

// heartbeat reports what the process says of itself in Redis, the keys behind /sidekiq/busy. A heartbeat that cannot be seen
// is a warning, not a failure: the application may be told of its Redis in a way that only Ruby understands.
func (a *act) heartbeat(to answer, pid int) {
	beat := map[string]any{"seen": false, "source": a.f.redisSource}
	process, err := a.f.awaitBeat(pid, beatPatience, anyBeat)
	if err != nil {
		to.Warn("the heartbeat of process %d was not seen, so whether Sidekiq works is unknown: %v (Redis is from %s); hint: give redis_url", pid, err, a.f.redisSource)
	} else {
		beat["seen"], beat["concurrency"], beat["busy"], beat["queues"] = true, process.Concurrency, process.Busy, process.Queues
		a.compare(to, process)
	}
	to.Set("heartbeat", beat)
}

// awaitBeat waits for a heartbeat of the process that fulfils a condition. The error is that of Redis or errNoBeat; when time
// runs out the last heartbeat is returned, too.
func (f *found) awaitBeat(pid int, patience time.Duration, enough func(sidekiq.Process) bool) (last sidekiq.Process, err error) {
	for end := time.Now().Add(patience); ; time.Sleep(500 * time.Millisecond) {
		processes, err := f.processes()
		if err != nil {
			return last, err
		}
		for _, p := range processes {
			if p.PID != pid || p.Hostname != f.hostname() || !f.isOfThisProcess(p) {
				continue
			}
			if last = p; enough(p) {
				return last, nil
			}
		}
		if time.Now().After(end) {
			return last, errNoBeat
		}
	}
}

func anyBeat(sidekiq.Process) bool { return true }

var errNoBeat = errors.New("no such heartbeat of this process is in Redis")

// drain lets the running jobs end before a restart: Sidekiq is told to take no new ones, and waited for. Only a heartbeat after
// that tells the truth.
func (a *act) drain(late *ansible.Late) {
	if a.p.AppRoot == "" || a.p.DrainTimeout == 0 || !a.f.state.Up() {
		return
	}
	if _, err := a.f.awaitBeat(a.f.state.MainPID, 0, anyBeat); err != nil {
		late.Warn("running jobs were not waited for, since the heartbeat of process %d was not seen: %v", a.f.state.MainPID, err)
		return
	}
	start := time.Now()
	if err := a.f.systemctl.Reload(a.p.unitName()); err != nil {
		late.Warn("running jobs were not waited for: %v", err)
		return
	}
	process, err := a.f.awaitBeat(a.f.state.MainPID, time.Duration(a.p.DrainTimeout)*time.Second, func(p sidekiq.Process) bool {
		return p.Beat.After(start) && p.Busy == 0
	})
	if err != nil && !errors.Is(err, errNoBeat) {
		late.Warn("running jobs were not waited for to the end: %v", err)
		return
	}
	late.Set("drained", map[string]any{"busy": process.Busy, "seconds": int(time.Since(start).Seconds())})
	if process.Busy > 0 {
		late.Warn("%d jobs still ran after %d s; Sidekiq gives them its own timeout and pushes back what remains", process.Busy, a.p.DrainTimeout)
	}
}

// isOfThisProcess tells a heartbeat from that of a process before with the same number, which stays in Redis for a minute.
func (f *found) isOfThisProcess(p sidekiq.Process) bool {
	start, known := f.started()
	return !known || !p.StartedAt.Before(start.Add(-time.Second))
}

// hostname is as Sidekiq takes it (lib/sidekiq/component.rb).
func (f *found) hostname() string {
	if dyno, ok := f.environ("DYNO"); ok {
		return dyno
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// compare says where the process does not do what was asked: an initializer of the application may have the last word.
func (a *act) compare(to answer, process sidekiq.Process) {
	if c := a.p.Concurrency; c != nil && *c != process.Concurrency {
		to.Warn("asked for %d threads, but the process has %d: the application's configuration or initializer decides otherwise", *c, process.Concurrency)
	}
	for _, q := range a.p.Queues {
		name, _, _ := strings.Cut(q, ",")
		if !slices.Contains(process.Queues, name) {
			to.Warn("the process does not work on queue %q, which was asked for", name)
		}
	}
	if process.Quiet {
		to.Warn("the process is quiet: it takes no new jobs until it is restarted, as during a deploy")
	}
}
