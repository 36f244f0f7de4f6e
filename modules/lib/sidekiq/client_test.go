package sidekiq

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeStore returns the next heartbeat on each call of Processes, the last from then on.
type fakeStore struct {
	Store      // nil: not asked for more
	calls      int
	heartbeats []Process
}

func (r *fakeStore) Processes() ([]Process, error) {
	r.calls++
	i := min(r.calls, len(r.heartbeats))
	return r.heartbeats[i-1 : i], nil
}

func (r *fakeStore) Close() error { return nil }

// A process that was killed leaves its heartbeat in Redis, and its PID may be reused.
func TestMainProcess_Younger(t *testing.T) {
	main := MainProcess{PID: 42, Started: time.Now().Add(-10 * time.Second)}
	require.False(t, main.isYounger(Process{StartedAt: time.Now().Add(-5 * time.Second)}))
	require.True(t, main.isYounger(Process{StartedAt: time.Now().Add(-30 * time.Second)}))
	require.False(t, MainProcess{PID: 42}.isYounger(Process{}), "nobody knows")
}

func TestClient_AwaitIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name, err := os.Hostname()
		require.NoError(t, err)
		start := time.Now()
		heartbeats := []Process{
			{PID: 42, Hostname: name, Busy: 0, Beat: start.Add(-time.Second)}, // before: no evidence
			{PID: 42, Hostname: name, Busy: 2, Beat: start.Add(time.Hour)},
			{PID: 42, Hostname: name, Busy: 0, Beat: start.Add(time.Hour)},
		}
		r := &fakeStore{heartbeats: heartbeats}
		c := Client{Hostname: name, Open: func() (Store, error) { return r, nil }}
		last, err := c.AwaitIdle(MainProcess{PID: 42}, start, time.Minute)
		require.NoError(t, err)
		require.Equal(t, heartbeats[2], last)
		require.Equal(t, 3, r.calls)

		last, err = c.AwaitIdle(MainProcess{PID: 42}, start.Add(2*time.Hour), 0)
		require.NoError(t, err)
		require.Equal(t, heartbeats[2], last, "the last heartbeat is returned")
		_, err = c.Heartbeat(MainProcess{PID: 43})
		require.ErrorIs(t, err, ErrNoHeartbeat)

		_, err = Client{}.Heartbeat(MainProcess{PID: 42})
		require.ErrorIs(t, err, ErrNoHeartbeat, "a Redis that is not known")
		require.NoError(t, Client{}.Fault())
	})
}
