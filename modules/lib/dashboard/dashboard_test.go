package dashboard

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// fakeStore is a Redis with one process. Its methods return the errors by their name.
type fakeStore struct {
	sidekiq.Store
	faults map[string]error
	closed int
}

func (s *fakeStore) Processes() ([]sidekiq.Process, error) {
	return []sidekiq.Process{{Identity: "w1:7:a"}}, s.faults["Processes"]
}
func (s *fakeStore) Jobs(identity string) ([]sidekiq.Job, error) {
	return []sidekiq.Job{{JID: "of " + identity}}, s.faults["Jobs"]
}
func (s *fakeStore) Overview() (sidekiq.Overview, error) {
	return sidekiq.Overview{Dead: 1}, s.faults["Overview"]
}
func (s *fakeStore) HasSidekiq() (bool, error) { return true, s.faults["HasSidekiq"] }
func (s *fakeStore) Server() (sidekiq.Server, error) {
	return sidekiq.Server{}, s.faults["Server"]
}
func (s *fakeStore) Close() error { s.closed++; return nil }

// read reads the dashboard from a store, and counts the connections.
func read(s *fakeStore) (d *Dashboard, opened int, err error) {
	d, err = Read(sidekiq.Client{Found: sidekiq.Found{URL: "redis://localhost", Source: "redis_url"}, Hostname: "w1", Open: func() (sidekiq.Store, error) {
		opened++
		return s, nil
	}})
	return d, opened, err
}

func TestRead_UsesOneConnection(t *testing.T) {
	s := &fakeStore{}
	d, opened, err := read(s)
	require.NoError(t, err)
	require.Equal(t, 1, opened)
	require.Equal(t, 1, s.closed)
	require.WithinDuration(t, time.Now(), d.readAt, time.Minute)
	d.readAt = time.Time{}
	require.Equal(t, &Dashboard{place: "localhost:6379/0", source: "redis_url", hostname: "w1", isUsed: true, overview: sidekiq.Overview{Dead: 1},
		processes: []process{{sidekiq.Process{Identity: "w1:7:a"}, []sidekiq.Job{{JID: "of w1:7:a"}}}}}, d)
}

func TestRead_Faults(t *testing.T) {
	fault := errors.New("NOPERM")
	for _, method := range []string{"Processes", "Jobs", "Overview", "HasSidekiq"} {
		s := &fakeStore{faults: map[string]error{method: fault}}
		_, _, err := read(s)
		require.ErrorIs(t, err, fault, method)
		require.Equal(t, 1, s.closed, method)
	}
	d, _, err := read(&fakeStore{faults: map[string]error{"Server": fault}})
	require.NoError(t, err, "the rest is known")
	require.Contains(t, d.Warnings(), "whether this Redis fits is not known: NOPERM")
	_, err = Read(sidekiq.Client{Open: func() (sidekiq.Store, error) { return nil, fault }})
	require.ErrorIs(t, err, fault)
}

func TestDashboard_CompareRelease(t *testing.T) {
	var d Dashboard
	root := t.TempDir()
	d.CompareRelease(root)
	require.Equal(t, Dashboard{}, d, "the time of a directory changes with its entries")

	link := filepath.Join(root, "current")
	require.NoError(t, os.Symlink(root, link))
	d.CompareRelease(link)
	require.Equal(t, link, d.release.link)
	require.WithinDuration(t, time.Now(), d.release.made, time.Minute)
	require.Empty(t, d.unknown)

	d.CompareRelease("/nowhere/current")
	require.Equal(t, []string{`option "app_root": whether processes are older than the release is not known: lstat /nowhere/current: no such file or directory`}, d.unknown)
}
