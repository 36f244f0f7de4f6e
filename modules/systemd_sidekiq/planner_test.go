package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// fakeStore is a Redis with the given heartbeats and jobs, or one that answers with fault.
type fakeStore struct {
	sidekiq.Store // nil: not asked for more

	asked      int // for heartbeats
	heartbeats func() []sidekiq.Process
	jobs       []sidekiq.Job
	waiting    func() []sidekiq.Job
	fault      error
}

func (s *fakeStore) Processes() ([]sidekiq.Process, error) {
	s.asked++
	if s.heartbeats == nil {
		return nil, s.fault
	}
	return s.heartbeats(), s.fault
}

func (s *fakeStore) Jobs(string) ([]sidekiq.Job, error)         { return s.jobs, s.fault }
func (s *fakeStore) Waiting(string, int) ([]sidekiq.Job, error) { return s.waiting(), s.fault }
func (s *fakeStore) HasSidekiq() (bool, error)                  { return true, s.fault }
func (s *fakeStore) Databases() ([]int, error)                  { return nil, s.fault }
func (s *fakeStore) Close() error                               { return nil }

// recorder is an answer.
type recorder struct {
	values   map[string]any
	warnings []string
}

func (r *recorder) Set(key string, value any) {
	if r.values == nil {
		r.values = map[string]any{}
	}
	r.values[key] = value
}

func (r *recorder) Append(key string, element any) {
	all, _ := r.values[key].([]any)
	r.Set(key, append(all, element))
}

func (r *recorder) Warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// newTestPlanner returns a planner for a service with the running process 42, with the systemctl of the scripts.
func newTestPlanner(t *testing.T, store *fakeStore, o *options) (*planner, *unit) {
	t.Helper()
	testenv.NeedRoot(t, "only root can create files of root")
	work := t.TempDir()
	t.Setenv("WORK", work)
	h := host{root: filepath.Join(work, "host")}
	for _, dir := range []string{"/run/systemd/system", "/etc/systemd/system"} {
		require.NoError(t, os.MkdirAll(h.inRoot(dir), 0o755))
	}
	ctl, err := systemd.Find(h.root)
	require.NoError(t, err)
	h.open = func(found sidekiq.Found) sidekiq.Client {
		return sidekiq.Client{Found: found, Hostname: "web", Open: func() (sidekiq.Store, error) { return store, nil }}
	}
	o.Name, o.RedisURL = "sidekiq", "redis://web"
	u := &unit{name: "sidekiq.service", process: &o.processes()[0], state: systemd.State{MainPID: 42, ActiveState: "active", SubState: "running", InvocationID: "42"}}
	f := &facts{systemctl: ctl, service: service{u}, application: application{env: environ.None}}
	return newPlanner(newInspector(h, o), f), u
}

// setTitle sets the title of a process.
func setTitle(t *testing.T, h host, pid int, title string) {
	t.Helper()
	writeProc(h, pid, "cmdline", title+strings.Repeat("\x00", 20))
}

// systemctlCalls returns the calls of systemctl in a test.
func systemctlCalls(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(workFile("calls"))
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	return strings.TrimSpace(string(text))
}

// startedAgo returns the state of a unit whose process has run for d.
func startedAgo(t *testing.T, d time.Duration) systemd.State {
	t.Helper()
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return systemd.State{MainStart: time.Duration(now.Nano()) - d}
}
