package systemdsidekiq

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

func TestRestartNeeded(t *testing.T) {
	const quiet = "sidekiq 7.3.2 demo [0 of 5 busy] stopping"
	for name, c := range map[string]struct {
		title, state, restart, reason string
		isNoted, isRedefined          bool
		wanted                        string
		isNeeded, isPending           bool
	}{
		"nothing changed":                       {},
		"the unit changed":                      {isRedefined: true, isNeeded: true, isPending: true},
		"a file is newer":                       {reason: "x is newer", wanted: " (x is newer)", isNeeded: true, isPending: true},
		"left to the deploy that made it quiet": {title: quiet, isRedefined: true, isPending: true},
		"left quiet by an earlier run":          {title: quiet, isNoted: true, wanted: " (an earlier run left it quiet)", isNeeded: true},
		"left quiet by an earlier run, before its next heartbeat": {isNoted: true, restart: "never", wanted: " (an earlier run left it quiet)", isNeeded: true},
		"restart: never":                       {restart: "never", isRedefined: true, reason: "x is newer", isPending: true},
		"restart: never, and state: restarted": {restart: "never", state: "restarted", isRedefined: true, isNeeded: true, isPending: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := newTestPlanner(t, &fakeStore{}, &options{Restart: c.restart, State: cmp.Or(c.state, "started")})
			setTitle(t, p.host, 42, cmp.Or(c.title, "sidekiq 7.3.2 demo [0 of 5 busy]"))
			p.redefined[u.name], u.restartReason, u.wasMadeQuiet = c.isRedefined, c.reason, c.isNoted
			reason, isNeeded := p.restartNeeded(u)
			require.Equal(t, c.isNeeded, isNeeded)
			require.Equal(t, c.wanted, reason)
			require.Equal(t, c.isPending, p.isPending(u))
		})
	}
}

// Without a title the heartbeat shows whether a process is quiet.
func TestIsQuiet_Heartbeat(t *testing.T) {
	for _, isQuiet := range []bool{true, false} {
		p, u := newTestPlanner(t, &fakeStore{heartbeats: func() []sidekiq.Process { return []sidekiq.Process{{PID: 42, Hostname: "web", Quiet: isQuiet}} }}, &options{})
		require.Equal(t, isQuiet, p.isQuiet(u))
	}
	p, u := newTestPlanner(t, &fakeStore{fault: errors.New("refused")}, &options{})
	require.False(t, p.isQuiet(u))
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
	require.NoError(t, os.Symlink("/proc", filepath.Join(root, "proc")))
	g := &gatherer{inspector: newInspector(host{root: root}, &options{AppRoot: "/opt/demo/current"})}

	reason, err := g.releaseReason(os.Getpid())
	require.NoError(t, err)
	require.Empty(t, reason, "current is missing")

	current := filepath.Join(root, "opt/demo/current")
	require.NoError(t, os.Symlink("releases/1", current))
	reason, err = g.releaseReason(os.Getpid())
	require.NoError(t, err)
	require.Empty(t, reason)

	require.NoError(t, os.Remove(current))
	require.NoError(t, os.Symlink("releases/2", current))
	reason, err = g.releaseReason(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, "it runs in "+root+"/opt/demo/releases/1", reason)
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
