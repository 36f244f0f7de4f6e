package sidekiq

import (
	"slices"
	"time"
)

// Overview is what the dashboard shows of the work of all processes together.
type Overview struct {
	Queues    []Backlog // sorted by name
	Retries   int       // jobs that failed and are tried again
	Scheduled int       // jobs for later
	Dead      int       // jobs that failed for good
	Processed int       // jobs since the beginning, failures included
	Failed    int

	ProcessedToday, FailedToday int // since midnight UTC
}

// Backlog is a queue as it is: those that were ever used stay known.
type Backlog struct {
	Name    string
	Size    int           // jobs that wait
	Latency time.Duration // how long the next of them has waited; 0 where none waits
}

// Overview counts.
func (r *Redis) Overview() (Overview, error) {
	var o Overview
	var err error
	if o.Queues, err = r.backlogs(); err != nil {
		return Overview{}, err
	}
	for key, count := range map[string]*int{"retry": &o.Retries, "schedule": &o.Scheduled, "dead": &o.Dead} {
		if *count, err = r.number("ZCARD", r.prefix+key); err != nil {
			return Overview{}, err
		}
	}
	today := ":" + time.Now().UTC().Format(time.DateOnly)
	for key, count := range map[string]*int{"processed": &o.Processed, "failed": &o.Failed,
		"processed" + today: &o.ProcessedToday, "failed" + today: &o.FailedToday} {
		if *count, err = r.number("GET", r.prefix+"stat:"+key); err != nil {
			return Overview{}, err
		}
	}
	return o, nil
}

func (r *Redis) backlogs() ([]Backlog, error) {
	names, err := r.list("SMEMBERS", r.prefix+"queues")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Backlog
	for _, name := range names {
		b, err := r.backlog(name)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

func (r *Redis) backlog(name string) (Backlog, error) {
	b := Backlog{Name: name}
	var err error
	if b.Size, err = r.number("LLEN", r.prefix+"queue:"+name); err != nil {
		return b, err
	}
	next, err := r.text("LINDEX", r.prefix+"queue:"+name, "-1") // "" where nothing waits
	if at, known := payload([]byte(next)).enqueued(); known {
		b.Latency = max(0, time.Since(at))
	}
	return b, err
}

// footprints are keys that Sidekiq writes and that last, but for processes, which lives as long as one of them.
var footprints = []string{"processes", "queues", "stat:processed", "stat:failed", "schedule", "retry", "dead"}

// HasSidekiq reports whether a Sidekiq, or an application that enqueues for one, has ever used this Redis.
func (r *Redis) HasSidekiq() (bool, error) {
	for _, key := range footprints {
		found, err := r.number("EXISTS", r.prefix+key)
		if found > 0 || err != nil {
			return found > 0, err
		}
	}
	return false, nil
}
