package systemdsidekiq

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

func TestRestartNeeded_QuietProcess(t *testing.T) {
	for _, c := range []struct {
		name             string
		isQuiet, isNoted bool
		wantsRestart     bool
	}{
		{"left to the deploy that made it quiet", true, false, false},
		{"left quiet by an earlier run", true, true, true},
		{"left quiet by an earlier run, before its next heartbeat", false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, u := newTestPlanner(t, &fakeStore{heartbeats: func() []sidekiq.Process {
				return []sidekiq.Process{{PID: 42, Hostname: "web", Quiet: c.isQuiet}}
			}}, &options{})
			p.redefined[u.name] = c.isQuiet
			if c.isNoted {
				require.NoError(t, p.note(u.name, quietNote, u.identity()))
			}
			u.wasMadeQuiet = p.hasNote(u.name, quietNote, u.identity())
			_, isNeeded := p.restartNeeded(u)
			require.Equal(t, c.wantsRestart, isNeeded)
			u.state.MainPID = 43
			require.False(t, p.hasNote(u.name, quietNote, u.identity()), "another process")
		})
	}
}

// A unit that a run wrote before it was killed is newer than the process, which must be restarted.
func TestIsNewer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.service")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	h, state := host{}, startedAgo(t, 10*time.Second)
	require.True(t, h.isNewer(file, state))
	require.False(t, h.isNewer(file, systemd.State{}), "the start of the process is not known")
	inAnHour := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(file, inAnHour, inAnHour))
	require.False(t, h.isNewer(file, state), "it would restart on every run")
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(file, hourAgo, hourAgo))
	require.False(t, h.isNewer(file, state))
	require.False(t, h.isNewer(file+".missing", state))
}

func TestReleaseReason(t *testing.T) {
	root := t.TempDir()
	for _, release := range []string{"1", "2"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, "opt/demo/releases", release), 0o755))
	}
	t.Chdir(filepath.Join(root, "opt/demo/releases/1"))
	g := &gatherer{host: host{root: root}, options: &options{AppRoot: "/opt/demo/current"}}

	reason, err := g.releaseReason(os.Getpid(), nil)
	require.NoError(t, err)
	require.Empty(t, reason, "current is missing")

	current := filepath.Join(root, "opt/demo/current")
	require.NoError(t, os.Symlink("releases/1", current))
	reason, err = g.releaseReason(os.Getpid(), nil)
	require.NoError(t, err)
	require.Empty(t, reason)

	require.NoError(t, os.Remove(current))
	require.NoError(t, os.Symlink("releases/2", current))
	reason, err = g.releaseReason(os.Getpid(), nil)
	require.NoError(t, err)
	require.Equal(t, " (it runs in "+root+"/opt/demo/releases/1)", reason)
}

func TestWarnOfCrashes(t *testing.T) {
	for _, c := range []struct {
		name     string
		restarts int
		uptime   time.Duration
		warning  string
	}{
		{"no crash", 0, time.Minute, ""},
		{"a crash a short time ago", 2, 9 * time.Minute, "^systemd has restarted sidekiq.service 2 times by itself, last 9m[0-9]s ago; hint: journalctl -u sidekiq.service$"},
		{"a crash long ago", 2, 11 * time.Minute, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, u := newTestPlanner(t, &fakeStore{}, &options{})
			u.state = startedAgo(t, c.uptime)
			u.state.Restarts = c.restarts
			var r recorder
			p.warnOfCrashes(&r, u)
			if c.warning == "" {
				require.Empty(t, r.warnings)
			} else {
				require.Len(t, r.warnings, 1)
				require.Regexp(t, c.warning, r.warnings[0])
			}
		})
	}
}
