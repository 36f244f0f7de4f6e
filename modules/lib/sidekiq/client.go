package sidekiq

import (
	"errors"
	"os"
	"slices"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
)

// Client asks the Redis of a service, on a new connection for each question: between two of them seconds pass. The zero value is a Redis that
// is not known.
type Client struct {
	Found
	Hostname string                // in heartbeats of this host
	Open     func() (Store, error) // makes a connection; nil: the Redis is not known
}

// Store is what a Client and the dashboard ask of Redis.
type Store interface {
	Place() string
	Processes() ([]Process, error)
	Jobs(identity string) ([]Job, error)
	Overview() (Overview, error)
	Waiting(queue string, most int) ([]Job, error)
	HasSidekiq() (bool, error)
	Server() (Server, error)
	Close() error
}

// NewClient makes a Client for processes of this host whose environment is env. namespace is that of the gem redis-namespace, or "".
func NewClient(found Found, namespace string, env environ.Environ) Client {
	return Client{found, hostname(env), func() (Store, error) {
		r, err := Open(found.URL, namespace)
		if err != nil {
			return nil, err // a nil *Redis would be a Store
		}
		return r, nil
	}}
}

// hostname is the host name that Sidekiq writes into heartbeats (lib/sidekiq/component.rb), "" where the host has none.
func hostname(env environ.Environ) string {
	if dyno, isSet := env("DYNO"); isSet {
		return dyno
	}
	name, _ := os.Hostname() // without one no heartbeat is of this host
	return name
}

// IsKnown reports whether there is a Redis to ask.
func (c Client) IsKnown() bool { return c.Open != nil }

func ask[T any](c Client, question func(Store) (T, error)) (answer T, err error) {
	if !c.IsKnown() {
		return answer, ErrNoHeartbeat
	}
	r, err := c.Open()
	if err != nil {
		return answer, err
	}
	answer, err = question(r)
	return answer, errors.Join(err, r.Close())
}

// Fault is the error of a Redis that does not answer; nil where it answers or is not known.
func (c Client) Fault() error {
	if !c.IsKnown() {
		return nil
	}
	_, err := ask(c, Store.HasSidekiq)
	return err
}

// IsUsed reports whether a Sidekiq uses this Redis: it was named, or has keys of Sidekiq.
func (c Client) IsUsed() bool {
	if !c.Guessed {
		return true
	}
	isUsed, err := ask(c, Store.HasSidekiq)
	return err == nil && isUsed
}

// Unsuited are the reasons why Redis does not suit a Sidekiq of this version (Server.Faults); none where Redis does not answer.
func (c Client) Unsuited(v Version) []string {
	server, err := ask(c, Store.Server)
	if err != nil {
		return nil
	}
	return server.Faults(v)
}

// Jobs are the jobs that a process runs. identity is that of its heartbeat.
func (c Client) Jobs(identity string) ([]Job, error) {
	return ask(c, func(r Store) ([]Job, error) { return r.Jobs(identity) })
}

// FindPushedBack adds the JIDs of those jobs that wait in their queues. If Redis does not answer, it adds none: the next call may.
func (c Client) FindPushedBack(jobs []Job, pushedBack map[string]bool) {
	_, _ = ask(c, func(r Store) (any, error) {
		for _, j := range jobs {
			waiting, err := r.Waiting(j.Queue, 10*len(jobs))
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(waiting, func(w Job) bool { return w.JID == j.JID }) {
				pushedBack[j.JID] = true
			}
		}
		return nil, nil
	})
}

// MainProcess is the main process of a service.
type MainProcess struct {
	PID     int
	Started time.Time // zero: not known
}

// HeartbeatTimeout is how long FirstHeartbeat waits: Sidekiq writes a heartbeat when it starts, then every 5 seconds, since 7.0 every 10
// (lib/sidekiq/launcher.rb).
const HeartbeatTimeout = 12 * time.Second

// ErrNoHeartbeat is the error of a Redis that answers and has no heartbeat of the process, or that is not known.
var ErrNoHeartbeat = errors.New("no such heartbeat of this process is in Redis")

// Heartbeat is the heartbeat of a process, or of a descendant of it. The error is that of Redis, or ErrNoHeartbeat.
func (c Client) Heartbeat(main MainProcess) (Process, error) { return c.await(main, 0, isAny) }

// FirstHeartbeat is Heartbeat, for which it waits up to HeartbeatTimeout: a process that was just started has none yet.
func (c Client) FirstHeartbeat(main MainProcess) (Process, error) {
	return c.await(main, HeartbeatTimeout, isAny)
}

// AwaitIdle waits for a heartbeat later than after that shows no running job, and returns it. At the timeout it returns the last heartbeat,
// or the zero Process, and no error.
func (c Client) AwaitIdle(main MainProcess, after time.Time, timeout time.Duration) (Process, error) {
	last, err := c.await(main, timeout, func(p Process) bool { return p.Beat.After(after) && p.Busy == 0 })
	if errors.Is(err, ErrNoHeartbeat) {
		err = nil
	}
	return last, err
}

func isAny(Process) bool { return true }

// await waits for a heartbeat that meets a condition. At the timeout it returns the last one beside ErrNoHeartbeat.
func (c Client) await(main MainProcess, timeout time.Duration, condition func(Process) bool) (last Process, err error) {
	for end := time.Now().Add(timeout); ; time.Sleep(500 * time.Millisecond) {
		processes, err := ask(c, Store.Processes)
		if err != nil {
			return last, err
		}
		for _, p := range processes {
			if p.Hostname != c.Hostname || !proc.IsDescendant(p.PID, main.PID) || main.isYounger(p) {
				continue
			}
			if last = p; condition(p) {
				return last, nil
			}
		}
		if time.Now().After(end) {
			return last, ErrNoHeartbeat
		}
	}
}

// isYounger reports whether the process was started after that of a heartbeat: an earlier process with the same PID leaves its own in Redis for a
// minute.
func (m MainProcess) isYounger(p Process) bool {
	return !m.Started.IsZero() && p.StartedAt.Before(m.Started.Add(-time.Second))
}
