package sidekiq

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
)

// fakeStore is a Redis with heartbeats, or one that answers with fault.
type fakeStore struct {
	Store      // nil: not asked for more
	heartbeats []Process
	databases  []int
	fault      error
}

func (r *fakeStore) Processes() ([]Process, error)       { return slices.Clone(r.heartbeats), r.fault }
func (r *fakeStore) Jobs(identity string) ([]Job, error) { return []Job{{JID: "of " + identity}}, nil }
func (r *fakeStore) Databases() ([]int, error)           { return r.databases, nil }
func (r *fakeStore) Close() error                        { return nil }

// testProc is a proc file system with the process 42 and its child 44.
func testProc(t *testing.T) proc.FS {
	t.Helper()
	f := proc.FS(t.TempDir())
	writeProc(t, f, "42/status", "Name:\truby\nPPid:\t1\n")
	writeProc(t, f, "44/status", "Name:\truby\nPPid:\t42\n")
	return f
}

func writeProc(t *testing.T, f proc.FS, name, text string) {
	t.Helper()
	path := filepath.Join(string(f), name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// A process that was killed leaves its heartbeat in Redis, and its PID may be reused.
func TestMainProcess_Younger(t *testing.T) {
	main := MainProcess{Started: time.Now().Add(-10 * time.Second)}
	require.False(t, main.isYounger(Process{StartedAt: time.Now().Add(-5 * time.Second)}))
	require.True(t, main.isYounger(Process{StartedAt: time.Now().Add(-30 * time.Second)}))
	require.False(t, MainProcess{}.isYounger(Process{}), "nobody knows")
}

func TestClient_Heartbeats(t *testing.T) {
	start := time.Now()
	main := MainProcess{Process: testProc(t).Process(42), Started: start}
	r := &fakeStore{heartbeats: []Process{{PID: 42, Hostname: "other"}, {PID: 43, Hostname: "w1"}, {PID: 42, Hostname: "w1", StartedAt: start.Add(-2 * time.Second)},
		{PID: 44, Hostname: "w1", Busy: 2, StartedAt: start, Identity: "child"}, {PID: 42, Hostname: "w1", Busy: 1, StartedAt: start}}}
	c := Client{Hostname: "w1", Open: func() (Store, error) { return r, nil }}
	got, err := c.Heartbeats(main)
	require.NoError(t, err)
	require.Equal(t, []Process{r.heartbeats[4], r.heartbeats[3]}, got, "the main process first")
	jobs, err := c.JobsOf(main)
	require.NoError(t, err)
	require.Equal(t, []Job{{JID: "of "}, {JID: "of child"}}, jobs)

	_, err = c.Heartbeats(MainProcess{Process: testProc(t).Process(43), Started: start})
	require.ErrorIs(t, err, ErrNoHeartbeat)
	_, err = Client{}.Heartbeats(main)
	require.ErrorIs(t, err, ErrNoHeartbeat, "a Redis that is not known")
	require.NoError(t, Client{}.Fault())
}
