package systemdsidekiq

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// heartbeat42 returns the heartbeats of a process that was seen a moment ago and runs jobs until a time.
func heartbeat42(busyUntil time.Time) func() []sidekiq.Process {
	return func() []sidekiq.Process {
		p := sidekiq.Process{PID: 42, Hostname: "web", Beat: time.Now(), Identity: "web:42:a"}
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
		require.Empty(t, left)
		require.Empty(t, r.warnings)
		require.Equal(t, map[string]any{"drained": map[string]any{"busy": 0, "seconds": 20}}, r.values)
	})
	require.Equal(t, "kill --kill-who=main --signal=TSTP -- sidekiq.service", systemctlCalls(t))
	require.True(t, p.hasNote(u.name, quietNote, u.identity()))
}

func TestDrain_JobsLeft(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{DrainTimeout: 60})
	synctest.Test(t, func(t *testing.T) {
		store.heartbeats = heartbeat42(time.Now().Add(time.Hour))
		store.jobs = []sidekiq.Job{{Class: "HardJob", JID: "4711", RunAt: time.Now()}, {Class: "HardJob", JID: "4712", RunAt: time.Now()}}
		var r recorder
		left, err := p.drain(&r, u)
		require.NoError(t, err)
		require.Equal(t, store.jobs, left)
		require.Equal(t, []string{"2 jobs of sidekiq.service still ran after 60 s; Sidekiq gives them its own timeout and pushes back what remains: HardJob 4711 (1m1s), HardJob 4712 (1m1s)"}, r.warnings)
		require.Equal(t, map[string]any{"drained": map[string]any{"busy": 1, "seconds": 60}}, r.values)
	})
}

// A heartbeat from before the signal does not prove that no job runs.
func TestDrain_NoHeartbeatAfterSignal(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{DrainTimeout: 60})
	synctest.Test(t, func(t *testing.T) {
		last := heartbeat42(time.Time{})()
		store.heartbeats = func() []sidekiq.Process { return last }
		var r recorder
		left, err := p.drain(&r, u)
		require.NoError(t, err)
		require.Empty(t, left)
		require.Equal(t, []string{"running jobs of sidekiq.service were not waited for to the end: it did not beat in 60 s after it was told to take no new jobs, so whether any runs is not known"}, r.warnings)
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
		"Redis does not answer": {
			change:   func(_ *planner, _ *unit, s *fakeStore) { s.fault = errors.New("refused") },
			warnings: []string{"running jobs of sidekiq.service were not waited for, since the heartbeat of process 42 was not seen: refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &fakeStore{heartbeats: heartbeat42(time.Time{})}
			p, u := newTestPlanner(t, store, &options{DrainTimeout: 60})
			c.change(p, u, store)
			var r recorder
			left, err := p.drain(&r, u)
			require.NoError(t, err)
			require.Empty(t, left)
			require.Equal(t, c.warnings, r.warnings)
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
		left := []sidekiq.Job{{Class: "HardJob", JID: "4711", Queue: "default", RunAt: start}, {Class: "HardJob", JID: "4712", Queue: "default", RunAt: start}}
		store.waiting = func() []sidekiq.Job {
			if since := time.Since(start); since < 25*time.Second || since > 26*time.Second {
				return nil
			}
			return left[:1]
		}
		fault := errors.New("failed")
		var r recorder
		require.Equal(t, fault, p.watch(&r, left, func() error {
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
	require.NoError(t, p.watch(&r, nil, func() error { return nil }))
	require.Empty(t, r.values)
}
