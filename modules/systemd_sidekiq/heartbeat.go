package systemdsidekiq

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

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
	process, err := a.f.awaitBeat(pid, a.p.RedisNamespace)
	if err != nil {
		to.Warn("the heartbeat of process %d was not seen, so whether Sidekiq works is unknown: %v (Redis is from %s); hint: give redis_url", pid, err, a.f.redisSource)
	} else {
		beat["seen"], beat["concurrency"], beat["busy"], beat["queues"] = true, process.Concurrency, process.Busy, process.Queues
		a.compare(to, process)
	}
	to.Set("heartbeat", beat)
}

func (f *found) awaitBeat(pid int, namespace string) (sidekiq.Process, error) {
	ctx, cancel := context.WithTimeout(context.Background(), beatPatience)
	defer cancel()
	for {
		processes, err := sidekiq.Processes(ctx, f.redisURL, namespace)
		if err != nil {
			return sidekiq.Process{}, err
		}
		for _, p := range processes {
			if p.PID == pid && p.Hostname == f.hostname() && f.isOfThisProcess(p) {
				return p, nil
			}
		}
		select {
		case <-ctx.Done():
			return sidekiq.Process{}, fmt.Errorf("%d processes beat in Redis, none of them is this one", len(processes))
		case <-time.After(500 * time.Millisecond):
		}
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
