package sidekiq

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

func TestNewClient(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, host, NewClient(Found{}, "", environ.None).Hostname)
	require.Equal(t, "worker.1", NewClient(Found{}, "", environ.Overlay(environ.None, map[string]string{"DYNO": "worker.1"})).Hostname)

	server := redistest.Start(t)
	server.Writer(t, 0)("SADD", "app:processes", "w1:1:a")
	for namespace, want := range map[string]bool{"": false, "app": true} {
		c := NewClient(Found{URL: "unix://:hush%20hush@" + server.Socket, Guessed: true}, namespace, environ.None)
		require.Equal(t, want, c.IsUsed(), namespace)
		require.NoError(t, c.Fault())
	}
	c := NewClient(Found{URL: "unix:///none", Guessed: true}, "", environ.None)
	require.Error(t, c.Fault())
	require.False(t, c.IsUsed())
	c.Guessed = false
	require.True(t, c.IsUsed())
}

// jobStore is a Redis with a waiting job in each queue, and a maxmemory-policy that is wrong for Sidekiq.
type jobStore struct {
	Store
	waiting map[string][]Job
	fault   error
}

func (s jobStore) Waiting(queue string, most int) ([]Job, error) {
	return s.waiting[queue][:min(most, len(s.waiting[queue]))], s.fault
}
func (s jobStore) Jobs(identity string) ([]Job, error) { return []Job{{JID: identity}}, s.fault }
func (s jobStore) Server() (Server, error) {
	return Server{Version: "6.0.16", MaxmemoryPolicy: "allkeys-lru"}, s.fault
}
func (s jobStore) Close() error { return nil }

func (s jobStore) client() Client { return Client{Open: func() (Store, error) { return s, nil }} }

func TestClient_FindPushedBack(t *testing.T) {
	s := jobStore{waiting: map[string][]Job{"default": {{JID: "a"}, {JID: "b"}}, "mailers": {{JID: "c"}}}}
	jobs := []Job{{JID: "a", Queue: "default"}, {JID: "c", Queue: "default"}, {JID: "b", Queue: "none"}}
	pushedBack := map[string]bool{"earlier": true}
	s.client().FindPushedBack(jobs, pushedBack)
	require.Equal(t, map[string]bool{"earlier": true, "a": true}, pushedBack)
	s.fault = errors.New("NOPERM")
	s.client().FindPushedBack([]Job{{JID: "b", Queue: "default"}}, pushedBack)
	require.Equal(t, map[string]bool{"earlier": true, "a": true}, pushedBack)
}

func TestClient_Asks(t *testing.T) {
	s := jobStore{}
	jobs, err := s.client().Jobs("w1:1:a")
	require.NoError(t, err)
	require.Equal(t, []Job{{JID: "w1:1:a"}}, jobs)
	require.Equal(t, []string{
		`this Redis drops jobs when its memory is full: its maxmemory-policy is "allkeys-lru"; hint: set it to noeviction`,
		"Redis 6.0.16 is too old for Sidekiq 7.3.2 of the application, which wants 6.2 or later",
	}, s.client().Unsuited(version(t, "7.3.2")))
	s.fault = errors.New("NOPERM")
	require.Empty(t, s.client().Unsuited(version(t, "7.3.2")))
	_, err = s.client().Jobs("w1:1:a")
	require.ErrorIs(t, err, s.fault)
	fails := Client{Open: func() (Store, error) { return nil, s.fault }}
	_, err = fails.Heartbeat(MainProcess{PID: 42})
	require.ErrorIs(t, err, s.fault)
	require.ErrorIs(t, fails.Fault(), s.fault)
}

func TestClient_FirstHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		heartbeats := []Process{{PID: 42, Hostname: "other"}, {PID: 43, Hostname: "w1"}, {PID: 42, Hostname: "w1", StartedAt: start.Add(-2 * time.Second)},
			{PID: 42, Hostname: "w1", Busy: 1, StartedAt: start}}
		r := &fakeStore{heartbeats: heartbeats}
		c := Client{Hostname: "w1", Open: func() (Store, error) { return r, nil }}
		got, err := c.FirstHeartbeat(MainProcess{PID: 42, Started: start})
		require.NoError(t, err)
		require.Equal(t, heartbeats[3], got)
		require.Equal(t, 1500*time.Millisecond, time.Since(start))

		start = time.Now()
		got, err = c.FirstHeartbeat(MainProcess{PID: 44})
		require.ErrorIs(t, err, ErrNoHeartbeat)
		require.Zero(t, got)
		require.InDelta(t, HeartbeatTimeout.Seconds(), time.Since(start).Seconds(), 0.6)
	})
}

func TestJob_String(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := Job{Class: "IngestJob", JID: "a", Queue: "default", RunAt: time.Now().Add(-90*time.Second - 400*time.Millisecond)}
		require.Equal(t, "IngestJob a (1m30s)", j.String())
	})
}
