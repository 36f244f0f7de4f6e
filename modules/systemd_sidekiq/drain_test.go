package systemdsidekiq

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// heartbeat42 returns the heartbeats of a process that was seen a moment ago and runs jobs until a time.
func heartbeat42(busyUntil time.Time) func() []sidekiq.Process {
	return func() []sidekiq.Process {
		p := sidekiq.Process{PID: 42, Hostname: "web", Beat: time.Now(), Identity: "web:42:a", Quiet: true}
		if time.Now().Before(busyUntil) {
			p.Busy = 1
		}
		return []sidekiq.Process{p}
	}
}

func TestDrain_WaitsForRunningJobs(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{DrainTimeout: 60})
	synctest.Test(t, func(t *testing.T) {
		store.heartbeats = heartbeat42(time.Now().Add(20 * time.Second))
		var r recorder
		left, err := p.drain(&r, u)
		require.NoError(t, err)
		require.Zero(t, left.count)
		require.Empty(t, r.warnings)
		require.Equal(t, map[string]any{"drained": map[string]any{"busy": 0, "seconds": 20}}, r.values)
	})
	require.Equal(t, "kill --kill-who=main --signal=TSTP -- sidekiq.service", systemctlCalls(t))
	_, isNoted := p.notes().Read(u.name, notes.Quiet, u.state.Identity())
	require.True(t, isNoted)
}

func TestDrain_JobsLeft(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{DrainTimeout: 60})
	synctest.Test(t, func(t *testing.T) {
		store.heartbeats = heartbeat42(time.Now().Add(time.Hour))
		store.jobs = []sidekiq.Job{{Class: "HardJob", JID: "4711", RunAt: time.Now()}}
		var r recorder
		left, err := p.drain(&r, u)
		require.NoError(t, err)
		require.Equal(t, store.jobs, left.jobs)
		require.Equal(t, []string{"sidekiq.service: 1 job still running after 60 s: HardJob 4711 (1m1s); Sidekiq's shutdown timeout begins now, then it pushes the rest back"}, r.warnings)
		require.Equal(t, map[string]any{"drained": map[string]any{"busy": 1, "seconds": 60}}, r.values)
	})
}

// A drain_timeout shorter than the time between two heartbeats: the jobs are listed all the same.
func TestDrain_ShortTimeout(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{DrainTimeout: 2})
	synctest.Test(t, func(t *testing.T) {
		last := heartbeat42(time.Now().Add(time.Hour))()
		store.heartbeats = func() []sidekiq.Process { return last }
		store.jobs = []sidekiq.Job{{Class: "HardJob", JID: "4711", RunAt: time.Now()}}
		var r recorder
		left, err := p.drain(&r, u)
		require.NoError(t, err)
		require.Equal(t, store.jobs, left.jobs)
		require.Equal(t, map[string]any{"drained": map[string]any{"busy": 1, "seconds": 2}}, r.values)
	})
}

// Without a heartbeat, as where the password of Redis exists in Ruby alone, the title shows whether jobs run.
func TestDrain_ByTitle(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{fault: errors.New("NOAUTH")}, &options{DrainTimeout: 60})
	setTitle(t, p.host, 42, "sidekiq 7.3.2 demo [1 of 5 busy]")
	synctest.Test(t, func(t *testing.T) {
		time.AfterFunc(10*time.Second, func() { setTitle(t, p.host, 42, "sidekiq 7.3.2 demo [1 of 5 busy] stopping") })
		time.AfterFunc(20500*time.Millisecond, func() { setTitle(t, p.host, 42, "sidekiq 7.3.2 demo [0 of 5 busy] stopping") })
		var r recorder
		left, err := p.drain(&r, u)
		require.NoError(t, err)
		require.Zero(t, left.count)
		require.Empty(t, r.warnings)
		require.Equal(t, map[string]any{"drained": map[string]any{"busy": 0, "seconds": 32}}, r.values)

		setTitle(t, p.host, 42, "sidekiq 7.3.2 demo [2 of 5 busy] stopping")
		left, err = p.drain(&r, u)
		require.NoError(t, err)
		require.Equal(t, remaining{count: 2}, remaining{count: left.count, jobs: left.jobs})
		require.Equal(t, []string{"sidekiq.service: 2 jobs still running after 60 s; Sidekiq's shutdown timeout begins now, then it pushes the rest back"}, r.warnings)
	})
}

// Neither a heartbeat from before the signal nor a title without stopping proves that no job runs.
func TestDrain_NoEvidence(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{DrainTimeout: 60})
	setTitle(t, p.host, 42, "sidekiq 7.3.2 demo [0 of 5 busy]")
	synctest.Test(t, func(t *testing.T) {
		last := heartbeat42(time.Time{})()
		store.heartbeats = func() []sidekiq.Process { return last }
		var r recorder
		left, err := p.drain(&r, u)
		require.NoError(t, err)
		require.Zero(t, left.count)
		require.Equal(t, []string{"stopped waiting for running jobs of sidekiq.service: neither a heartbeat nor two beats of the title of process 42 showed within 60 s that no job runs; hint: increase drain_timeout"}, r.warnings)
		require.Empty(t, r.values)
	})
}

func TestDrain_DoesNotWait(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*planner, *unit, *fakeStore)
		warnings []string
	}{
		"drain_timeout is 0":       {change: func(p *planner, _ *unit, _ *fakeStore) { p.DrainTimeout = 0 }},
		"the process does not run": {change: func(_ *planner, u *unit, _ *fakeStore) { u.state.SubState = "auto-restart" }},
		"neither a heartbeat nor a title": {
			change:   func(_ *planner, _ *unit, s *fakeStore) { s.fault = errors.New("refused") },
			warnings: []string{"did not wait for running jobs of sidekiq.service: the title of process 42 does not show them, and no heartbeat of process 42 was found; looked at web:6379/0 (redis_url): refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &fakeStore{heartbeats: heartbeat42(time.Time{})}
			p, u := newTestPlanner(t, store, &options{DrainTimeout: 60})
			c.change(p, u, store)
			var r recorder
			left, err := p.drain(&r, u)
			require.NoError(t, err)
			require.Zero(t, left)
			require.Len(t, r.warnings, len(c.warnings))
			for i, warning := range c.warnings {
				require.Contains(t, r.warnings[i], warning)
			}
			require.Empty(t, systemctlCalls(t))
		})
	}
}

// Sidekiq pushes jobs back right before it exits, here after 25 s; a new process may fetch them a second later.
func TestWatch_ReportsJobsPushedBack(t *testing.T) {
	store := &fakeStore{}
	p, _ := newTestPlanner(t, store, &options{})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		jobs := []sidekiq.Job{{Class: "HardJob", JID: "4711", Queue: "default", RunAt: start}, {Class: "HardJob", JID: "4712", Queue: "default", RunAt: start}}
		store.waiting = func() []sidekiq.Job {
			if since := time.Since(start); since < 25*time.Second || since > 26*time.Second {
				return nil
			}
			return jobs[:1]
		}
		fault := errors.New("failed")
		var r recorder
		require.Equal(t, fault, p.watch(&r, remaining{jobs: jobs, redis: p.open(sidekiq.Found{})}, func() error {
			time.Sleep(30 * time.Second)
			return fault
		}))
		require.Equal(t, map[string]any{"interrupted": []map[string]any{
			{"class": "HardJob", "jid": "4711", "queue": "default", "seconds": 30, "pushed_back": true},
			{"class": "HardJob", "jid": "4712", "queue": "default", "seconds": 30, "pushed_back": false},
		}}, r.values)
	})
}

func TestWatch_NoJobsLeft(t *testing.T) {
	p, _ := newTestPlanner(t, &fakeStore{}, &options{})
	var r recorder
	require.NoError(t, p.watch(&r, remaining{}, func() error { return nil }))
	require.Empty(t, r.values)
}
