package sidekiq

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// storeOfATest answers with what it was given; each look takes the next processes, the last from then on.
type storeOfATest struct {
	looks int
	beats []Process
	fault error
}

func (r *storeOfATest) Processes() ([]Process, error) {
	r.looks++
	if len(r.beats) == 0 {
		return nil, r.fault
	}
	i := min(r.looks, len(r.beats))
	return r.beats[i-1 : i], r.fault
}

func (r *storeOfATest) Jobs(string) ([]Job, error) { return nil, r.fault }
func (r *storeOfATest) Waiting(string, int) ([]Job, error) {
	return nil, r.fault
}
func (r *storeOfATest) HasSidekiq() (bool, error) { return false, r.fault }
func (r *storeOfATest) Server() (Server, error) {
	return Server{}, r.fault
}
func (r *storeOfATest) Close() error { return nil }

// What an earlier process with the same number left in Redis is not this one's.
func TestMainProcess_IsYounger(t *testing.T) {
	main := MainProcess{PID: 42, Started: time.Now().Add(-10 * time.Second)}
	require.False(t, main.isYounger(Process{StartedAt: time.Now().Add(-5 * time.Second)}))
	require.True(t, main.isYounger(Process{StartedAt: time.Now().Add(-30 * time.Second)}))
	require.False(t, MainProcess{PID: 42}.isYounger(Process{}), "nobody knows")
}

func TestClient_AwaitIdle(t *testing.T) {
	name, err := os.Hostname()
	require.NoError(t, err)
	start := time.Now()
	beats := []Process{
		{PID: 42, Hostname: name, Busy: 0, Beat: start.Add(-time.Second)}, // before: no evidence
		{PID: 42, Hostname: name, Busy: 2, Beat: start.Add(time.Hour)},
		{PID: 42, Hostname: name, Busy: 0, Beat: start.Add(time.Hour)},
	}
	r := &storeOfATest{beats: beats}
	c := Client{Hostname: name, Open: func() (Store, error) { return r, nil }}
	last, err := c.AwaitIdle(MainProcess{PID: 42}, start, time.Minute)
	require.NoError(t, err)
	require.Equal(t, beats[2], last)
	require.Equal(t, 3, r.looks)

	last, err = c.AwaitIdle(MainProcess{PID: 42}, start.Add(2*time.Hour), 0)
	require.NoError(t, err)
	require.Equal(t, beats[2], last, "the last heartbeat is returned")
	_, err = c.Heartbeat(MainProcess{PID: 43})
	require.ErrorIs(t, err, ErrNoHeartbeat)

	_, err = Client{}.Heartbeat(MainProcess{PID: 42})
	require.ErrorIs(t, err, ErrNoHeartbeat, "a Redis that is not known")
	require.NoError(t, Client{}.Fault())
}
