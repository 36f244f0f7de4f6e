package sidekiq

import (
	"cmp"
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
	Processes() ([]Process, error)
	Jobs(identity string) ([]Job, error)
	Overview() (Overview, error)
	Waiting(queue string, most int) ([]Job, error)
	HasSidekiq() (bool, error)
	Databases() ([]int, error)
	Server() (Server, error)
	Close() error
}

// NewClient makes a Client. namespace is that of the gem redis-namespace, or "".
func NewClient(found Found, namespace, hostname string) Client {
	return Client{found, hostname, func() (Store, error) {
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

// Unsuited are the reasons why Redis does not suit a Sidekiq of this version (Server.Faults); none where Redis does not answer.
func (c Client) Unsuited(v Version) []string {
	server, err := ask(c, Store.Server)
	if err != nil {
		return nil
	}
	return server.Faults(v)
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

// MainProcess is the main process of a unit.
type MainProcess struct {
	proc.Process
	Started time.Time // zero: not known
}

// ErrNoHeartbeat is the error of a Redis that answers and has no heartbeat of the process, or that is not known.
var ErrNoHeartbeat = errors.New("no heartbeat of this process")

// Heartbeats are those of a process and of its descendants. The error is that of Redis, or ErrNoHeartbeat.
func (c Client) Heartbeats(main MainProcess) ([]Process, error) {
	processes, err := ask(c, Store.Processes)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(processes, func(p Process) bool {
		return p.Hostname != c.Hostname || !main.IsAncestorOf(p.PID) || main.isYounger(p)
	})
	if len(found) == 0 {
		return nil, ErrNoHeartbeat
	}
	slices.SortStableFunc(found, func(p, q Process) int { // the main process first
		return cmp.Compare(min(1, max(p.PID-main.PID, main.PID-p.PID)), min(1, max(q.PID-main.PID, main.PID-q.PID)))
	})
	return found, nil
}

// JobsOf are the jobs that a process and its descendants run.
func (c Client) JobsOf(main MainProcess) ([]Job, error) {
	processes, err := c.Heartbeats(main)
	var all []Job
	for _, p := range processes {
		jobs, jobsErr := ask(c, func(r Store) ([]Job, error) { return r.Jobs(p.Identity) })
		all, err = append(all, jobs...), errors.Join(err, jobsErr)
	}
	return all, err
}

// isYounger reports whether the process was started after that of a heartbeat: an earlier process with the same PID leaves its own in Redis for a
// minute.
func (m MainProcess) isYounger(p Process) bool {
	return !m.Started.IsZero() && p.StartedAt.Before(m.Started.Add(-time.Second))
}
