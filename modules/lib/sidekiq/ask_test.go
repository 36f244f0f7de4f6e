package sidekiq

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

func TestHostname(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, host, hostname(environ.None))
	require.Equal(t, "worker.1", hostname(environ.Overlay(environ.None, map[string]string{"DYNO": "worker.1"})))
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
	require.Equal(t, []string{
		`this Redis drops jobs when its memory is full: its maxmemory-policy is "allkeys-lru"; hint: set it to noeviction`,
		"Redis 6.0.16 is too old for Sidekiq 7.3.2 of the application, which wants 6.2 or later",
	}, s.client().Unsuited(version(t, "7.3.2")))
	s.fault = errors.New("NOPERM")
	require.Empty(t, s.client().Unsuited(version(t, "7.3.2")))
	fails := Client{Open: func() (Store, error) { return nil, s.fault }}
	_, err := fails.Heartbeats(MainProcess{})
	require.ErrorIs(t, err, s.fault)
	require.ErrorIs(t, fails.Fault(), s.fault)
}

func TestJob_String(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := Job{Class: "IngestJob", JID: "a", Queue: "default", RunAt: time.Now().Add(-90*time.Second - 400*time.Millisecond)}
		require.Equal(t, "IngestJob a (1m30s)", j.String())
	})
}
