package sidekiq

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Overview is what the dashboard shows of the work of all processes together.
type Overview struct {
	Queues    []Backlog // sorted by name
	Retries   int       // jobs that failed and are tried again
	Scheduled int       // jobs for later
	Dead      int       // jobs that failed for good
	Processed int64     // jobs since the beginning, failures included
	Failed    int64

	ProcessedToday, FailedToday int64 // since midnight UTC
}

// Backlog is a queue as it is: those that were ever used stay known.
type Backlog struct {
	Name    string
	Size    int           // jobs that wait
	Latency time.Duration // how long the next of them has waited; 0 where none waits
}

// Overview counts.
func (r *Redis) Overview(ctx context.Context) (Overview, error) {
	var o Overview
	var err error
	if o.Queues, err = r.backlogs(ctx); err != nil {
		return Overview{}, err
	}
	for key, count := range map[string]*int{"retry": &o.Retries, "schedule": &o.Scheduled, "dead": &o.Dead} {
		if *count, err = redis.Int(r.do(ctx, "ZCARD", key)); err != nil {
			return Overview{}, err
		}
	}
	today := ":" + time.Now().UTC().Format(time.DateOnly)
	for key, count := range map[string]*int64{"processed": &o.Processed, "failed": &o.Failed,
		"processed" + today: &o.ProcessedToday, "failed" + today: &o.FailedToday} {
		*count, err = redis.Int64(r.do(ctx, "GET", "stat:"+key))
		if err != nil && !errors.Is(err, redis.ErrNil) { // nil: none yet
			return Overview{}, err
		}
	}
	return o, nil
}

func (r *Redis) backlogs(ctx context.Context) ([]Backlog, error) {
	names, err := redis.Strings(r.do(ctx, "SMEMBERS", "queues"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Backlog
	for _, name := range names {
		b, err := r.backlog(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

func (r *Redis) backlog(ctx context.Context, name string) (Backlog, error) {
	b := Backlog{Name: name}
	var err error
	if b.Size, err = redis.Int(r.do(ctx, "LLEN", "queue:"+name)); err != nil {
		return b, err
	}
	next, err := redis.Bytes(r.do(ctx, "LINDEX", "queue:"+name, -1))
	if errors.Is(err, redis.ErrNil) { // nothing waits
		return b, nil
	}
	if at, known := payload(next).enqueued(); known {
		b.Latency = max(0, time.Since(at))
	}
	return b, err
}

// footprints are keys that Sidekiq writes and that last, but for processes, which lives as long as one of them.
var footprints = []string{"processes", "queues", "stat:processed", "stat:failed", "schedule", "retry", "dead"}

// HasSidekiq tells whether a Sidekiq, or an application that enqueues for one, has ever used this Redis.
func (r *Redis) HasSidekiq(ctx context.Context) (bool, error) {
	for _, key := range footprints {
		found, err := redis.Bool(r.do(ctx, "EXISTS", key))
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}
