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

// Store is what a Client asks of Redis.
type Store interface {
	Processes() ([]Process, error)
	Jobs(identity string) ([]Job, error)
	Waiting(queue string, most int) ([]Job, error)
	HasSidekiq() (bool, error)
	Server() (Server, error)
	Close() error
}

// NewClient is for processes on this host with the variables env.
func NewClient(found Found, namespace string, env environ.Environ) Client {
	return Client{found, hostname(env), func() (Store, error) {
		r, err := Open(found.URL, namespace)
		if err != nil {
			return nil, err // a nil *Redis would be a Store
		}
		return r, nil
	}}
}

// hostname is as Sidekiq takes it (lib/sidekiq/component.rb), "" where the host has none.
func hostname(env environ.Environ) string {
	if dyno, isSet := env("DYNO"); isSet {
		return dyno
	}
	name, _ := os.Hostname() // without one no heartbeat is this host's
	return name
}

// IsKnown reports whether there is a Redis to ask.
func (c Client) IsKnown() bool { return c.Open != nil }

func (c Client) ask(question func(Store) error) error {
	if !c.IsKnown() {
		return ErrNoHeartbeat
	}
	r, err := c.Open()
	if err != nil {
		return err
	}
	return errors.Join(question(r), r.Close())
}

// Fault is why Redis does not answer, nil where it does or is not known.
func (c Client) Fault() error {
	if !c.IsKnown() {
		return nil
	}
	_, err := c.hasSidekiq()
	return err
}

// IsUsed reports whether this Redis is that of a Sidekiq: it was named, or has its keys.
func (c Client) IsUsed() bool {
	if !c.Guessed {
		return true
	}
	isUsed, err := c.hasSidekiq()
	return err == nil && isUsed
}

func (c Client) hasSidekiq() (has bool, err error) {
	err = c.ask(func(r Store) error { has, err = r.HasSidekiq(); return err })
	return has, err
}

// Unsuited are the reasons for which Redis does not suit a Sidekiq, if it answers.
func (c Client) Unsuited(v Version) []string {
	var server Server
	if c.ask(func(r Store) (err error) { server, err = r.Server(); return err }) != nil {
		return nil
	}
	return server.Faults(v)
}

// Jobs are those that a process runs.
func (c Client) Jobs(identity string) (jobs []Job, err error) {
	err = c.ask(func(r Store) error { jobs, err = r.Jobs(identity); return err })
	return jobs, err
}

// FindPushedBack adds the JIDs of jobs that wait in their queues. A Redis that does not answer adds nothing: the next call may.
func (c Client) FindPushedBack(jobs []Job, pushedBack map[string]bool) {
	_ = c.ask(func(r Store) error {
		for _, j := range jobs {
			waiting, err := r.Waiting(j.Queue, 10*len(jobs))
			if err != nil {
				return err
			}
			if slices.ContainsFunc(waiting, func(w Job) bool { return w.JID == j.JID }) {
				pushedBack[j.JID] = true
			}
		}
		return nil
	})
}

// MainProcess is the main process of a service.
type MainProcess struct {
	PID     int
	Started time.Time // zero: not known
}

// HeartbeatTimeout is how long a heartbeat may take: Sidekiq writes one when it starts, then every 5 seconds, since 7.0 every 10.
const HeartbeatTimeout = 12 * time.Second

// ErrNoHeartbeat says that Redis answers and does not know the process.
var ErrNoHeartbeat = errors.New("no such heartbeat of this process is in Redis")

// Heartbeat is that of a process, or of a child of it, now. The error is that of Redis or ErrNoHeartbeat.
func (c Client) Heartbeat(main MainProcess) (Process, error) { return c.await(main, 0, isAny) }

// FirstHeartbeat waits for it: a process that was just started has none.
func (c Client) FirstHeartbeat(main MainProcess) (Process, error) {
	return c.await(main, HeartbeatTimeout, isAny)
}

// AwaitIdle waits for a heartbeat after a time that shows no running job. At the timeout the last heartbeat is returned.
func (c Client) AwaitIdle(main MainProcess, after time.Time, timeout time.Duration) (Process, error) {
	last, err := c.await(main, timeout, func(p Process) bool { return p.Beat.After(after) && p.Busy == 0 })
	if errors.Is(err, ErrNoHeartbeat) {
		err = nil
	}
	return last, err
}

func isAny(Process) bool { return true }

// await returns the last heartbeat also when time runs out.
func (c Client) await(main MainProcess, timeout time.Duration, condition func(Process) bool) (last Process, err error) {
	for end := time.Now().Add(timeout); ; time.Sleep(500 * time.Millisecond) {
		var processes []Process
		if err := c.ask(func(r Store) (err error) { processes, err = r.Processes(); return err }); err != nil {
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

// isYounger reports whether a heartbeat is that of an earlier process with the same number, which stays in Redis for a minute.
func (m MainProcess) isYounger(p Process) bool {
	return !m.Started.IsZero() && p.StartedAt.Before(m.Started.Add(-time.Second))
}
