package sidekiqinfo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// fakeStore is a Redis with heartbeats.
type fakeStore struct {
	sidekiq.Store // nil: not asked for more
	heartbeats    []sidekiq.Process
}

func (s *fakeStore) Processes() ([]sidekiq.Process, error) { return s.heartbeats, nil }
func (s *fakeStore) Databases() ([]int, error)             { return nil, nil }
func (s *fakeStore) Close() error                          { return nil }

// running is a service with the process 42, whose environment names the Redis at web.
func running(t *testing.T, stores map[string]*fakeStore) (service, sidekiq.Locator, proc.FS) {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"proc/42/environ": "REDIS_URL=redis://web\x00", "proc/42/cmdline": "sidekiq 7.3.2 demo [1 of 5 busy]\x00", "proc/42/status": "PPid:\t1\n",
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	w := sidekiq.Locator{Service: sidekiq.Service{RailsEnv: "production", Files: atomicfile.NewReader(root)},
		Open: func(f sidekiq.Found) sidekiq.Client {
			return sidekiq.Client{Found: f, Hostname: "host", Open: func() (sidekiq.Store, error) {
				if store := stores[f.Place()]; store != nil {
					return store, nil
				}
				return nil, errors.New("refused")
			}}
		}}
	return service{exists: true, running: []unit{{name: "sidekiq.service", state: systemd.State{MainPID: 42, MainStart: time.Second, FragmentPath: "/etc/systemd/system/sidekiq.service"}}}}, w, proc.FS(root + "/proc")
}

func TestObserve_Heartbeat(t *testing.T) {
	s, l, f := running(t, map[string]*fakeStore{"web:6379/0": {heartbeats: []sidekiq.Process{{PID: 42, Hostname: "host", StartedAt: time.Now()}}}})
	all := s.observe(l, f)
	require.Len(t, all, 1)
	require.Equal(t, "web:6379/0", all[0].Place())
	require.Equal(t, "the variable REDIS_URL of process 42", all[0].Source)
	variables, err := s.running[0].environment.Unit()
	require.NoError(t, err)
	require.Equal(t, map[string]string{"REDIS_URL": "redis://web"}, variables)
	plan := &ansible.Plan{}
	s.warn(plan)
	require.Equal(t, &ansible.Plan{}, plan)
}

// Without a heartbeat the titles are reported, and not a Redis that may be another application's.
func TestObserve_Title(t *testing.T) {
	s, l, f := running(t, nil)
	require.Empty(t, s.observe(l, f))
	require.Equal(t, sidekiq.ByTitle, s.running[0].evidence.By)

	want, got := &ansible.Plan{}, &ansible.Plan{}
	want.Set("summary", "5 threads (1 busy) by process title; no statistics: heartbeat not found")
	want.Set("processes", []map[string]any{{"pid": 42, "tag": "demo", "version": "7.3.2", "concurrency": 5, "busy": 1, "quiet": false}})
	want.Warn("sidekiq.service: %v; hint: set redis_url to the Redis of the application", s.running[0].evidence.Missing)
	s.reportTitles(got)
	s.warn(got)
	require.Equal(t, want, got)
}

func TestPending(t *testing.T) {
	testenv.NeedRoot(t, "only root can create files of root")
	s, _, _ := running(t, nil)
	n := notes.Notes(t.TempDir())
	require.Equal(t, []string{}, s.pending(n))
	require.NoError(t, n.Write("sidekiq.service", notes.Restart, s.running[0].state.Identity(), "its unit was changed"))
	require.Equal(t, []string{"sidekiq.service: its unit was changed"}, s.pending(n))
	s.running[0].state.MainPID++
	require.Empty(t, s.pending(n), "another process")
}
