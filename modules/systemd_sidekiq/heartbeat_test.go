package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

func variables(m map[string]string) sidekiq.Environ {
	return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
}

func TestRedisIsLookedForAsSidekiqDoes(t *testing.T) {
	for _, c := range []struct {
		given            string
		environment      map[string]string
		wanted, wantedBy string
	}{
		{"redis://a", map[string]string{"REDIS_URL": "redis://b"}, "redis://a", "redis_url"},
		{"", map[string]string{"REDIS_URL": "redis://b"}, "redis://b", "the variable REDIS_URL"},
		{"", map[string]string{"REDIS_URL": "redis://b", "REDIS_PROVIDER": "MY_REDIS", "MY_REDIS": "redis://c"}, "redis://c", "the variable MY_REDIS"},
		{"", map[string]string{"REDIS_URL": ""}, "redis://localhost:6379/0", "Sidekiq's default, localhost"},
		{"", nil, "redis://localhost:6379/0", "Sidekiq's default, localhost"},
	} {
		url, source := redisOf(&Params{RedisURL: c.given}, variables(c.environment))
		require.Equal(t, c.wanted, url)
		require.Equal(t, c.wantedBy, source)
	}
}

// noted is an answer that remembers what it was told.
type noted struct {
	facts    map[string]any
	warnings []string
}

func (n *noted) Set(key string, value any) { n.facts[key] = value }
func (n *noted) Warn(format string, args ...any) {
	n.warnings = append(n.warnings, fmt.Sprintf(format, args...))
}

func TestAProcessThatDiffersFromWhatWasAskedIsWarnedOf(t *testing.T) {
	seven := 7
	a := act{p: &Params{Concurrency: &seven, Queues: []string{"default,2", "ingest"}}}
	var n noted
	a.compare(&n, sidekiq.Process{Concurrency: 7, Queues: []string{"default", "ingest"}})
	require.Empty(t, n.warnings)
	a.compare(&n, sidekiq.Process{Concurrency: 5, Queues: []string{"default"}, Quiet: true})
	require.Equal(t, []string{
		"asked for 7 threads, but the process has 5: the application's configuration or initializer decides otherwise",
		`the process does not work on queue "ingest", which was asked for`,
		"the process is quiet: it takes no new jobs until it is restarted, as during a deploy",
	}, n.warnings)
}

// Neither fine nor failed: nobody can know.
func TestAHeartbeatThatCannotBeSeenIsUnknown(t *testing.T) {
	a := act{p: &Params{}, f: &found{app: app{redisSource: "redis_url", environ: variables(nil), processes: func() ([]sidekiq.Process, error) { return nil, errors.New("refused") }}}}
	n := noted{facts: map[string]any{}}
	a.heartbeat(&n, 42)
	require.Equal(t, map[string]any{"seen": false, "source": "redis_url"}, n.facts["heartbeat"])
	require.Len(t, n.warnings, 1)
	require.Contains(t, n.warnings[0], "the heartbeat of process 42 was not seen, so whether Sidekiq works is unknown")
}

// A unit that was written by a run which died before its restart is not what the process runs.
func TestAProcessOlderThanItsUnitIsKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.service")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	f := &found{}
	f.state.MainStart = time.Duration(now.Nano()) - 10*time.Second
	require.True(t, f.olderThan(file))
	inAnHour := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(file, inAnHour, inAnHour))
	require.False(t, f.olderThan(file), "it would restart on every run")
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(file, hourAgo, hourAgo))
	require.False(t, f.olderThan(file))
	require.False(t, f.olderThan(file+".missing"))
}

// What a process before with the same number left in Redis is not ours.
func TestAnOldHeartbeatIsNotOfThisProcess(t *testing.T) {
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	f := &found{}
	f.state.MainStart = time.Duration(now.Nano()) - 10*time.Second
	require.True(t, f.isOfThisProcess(sidekiq.Process{StartedAt: time.Now().Add(-5 * time.Second)}))
	require.False(t, f.isOfThisProcess(sidekiq.Process{StartedAt: time.Now().Add(-30 * time.Second)}))
}

func TestJobsAreWaitedForUntilAHeartbeatAfterwardsIsIdle(t *testing.T) {
	hostname, err := os.Hostname()
	require.NoError(t, err)
	start := time.Now()
	beats := []sidekiq.Process{
		{PID: 42, Hostname: hostname, Busy: 0, Beat: start.Add(-time.Second)}, // before: tells nothing
		{PID: 42, Hostname: hostname, Busy: 2, Beat: start.Add(time.Hour)},
		{PID: 42, Hostname: hostname, Busy: 0, Beat: start.Add(time.Hour)},
	}
	looks := 0
	f := &found{app: app{environ: variables(nil), processes: func() ([]sidekiq.Process, error) {
		looks++
		return beats[min(looks, len(beats))-1 : min(looks, len(beats))], nil
	}}}
	idle := func(p sidekiq.Process) bool { return p.Beat.After(start) && p.Busy == 0 }
	last, err := f.awaitBeat(42, time.Minute, idle)
	require.NoError(t, err)
	require.Equal(t, beats[2], last)
	require.Equal(t, 3, looks)

	last, err = f.awaitBeat(42, 0, func(sidekiq.Process) bool { return false })
	require.ErrorIs(t, err, errNoBeat)
	require.Equal(t, beats[2], last, "what was seen last is told")
	last, err = f.awaitBeat(43, 0, idle)
	require.ErrorIs(t, err, errNoBeat)
	require.Zero(t, last.PID)
}
