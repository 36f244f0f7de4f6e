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

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// redisOfATest answers with what it was given; each look takes the next processes, the last from then on.
type redisOfATest struct {
	sidekiq.Store // nil: not asked for more

	looks int
	beats []sidekiq.Process
	used  bool
	fault error
}

func (r *redisOfATest) Processes() ([]sidekiq.Process, error) {
	r.looks++
	if len(r.beats) == 0 {
		return nil, r.fault
	}
	i := min(r.looks, len(r.beats))
	return r.beats[i-1 : i], r.fault
}

func (r *redisOfATest) HasSidekiq() (bool, error) { return r.used, r.fault }
func (r *redisOfATest) Close() error              { return nil }

// plannerWith plans for a host with that Redis and one process, 42.
func plannerWith(r *redisOfATest, o *options) (*planner, *unit) {
	u := &unit{name: "sidekiq.service", process: &o.processes()[0], state: systemd.State{MainPID: 42}}
	name, _ := os.Hostname()
	redis := sidekiq.Client{Found: sidekiq.Found{Source: "redis_url"}, Hostname: name, Open: func() (sidekiq.Store, error) { return r, nil }}
	f := &facts{service: service{u}, application: application{redis: redis, redisInUse: redis}}
	return &planner{Plan: &ansible.Plan{}, options: o, facts: f, redefined: map[string]bool{}, stopped: map[string]bool{}}, u
}

// noted is an answer that remembers what it was told.
type noted struct {
	facts    map[string]any
	warnings []string
}

func (n *noted) Set(key string, value any) { n.facts[key] = value }
func (n *noted) Append(string, any)        {}
func (n *noted) Warn(format string, args ...any) {
	n.warnings = append(n.warnings, fmt.Sprintf(format, args...))
}

func TestWhatWasAskedForHasToBeSeen(t *testing.T) {
	seven := 7
	for _, c := range []struct {
		process  sidekiq.Process
		fault    string
		warnings []string
	}{
		{process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: []string{"default", "ingest"}}},
		{process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: []string{"default", "ingest"}, Quiet: true},
			warnings: []string{"sidekiq.service is quiet: it takes no new jobs until it is restarted, which is left to the deploy that made it so; hint: state: restarted, unless one is under way"}},
		{process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: []string{"default", "ingest"}},
			fault: `sidekiq.service has 5 threads, not 7 (option "concurrency"); hint: an initializer of the application may set them`},
		{process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: []string{"default"}},
			fault: `sidekiq.service does not work on queue "ingest", which was asked for; hint: an initializer of the application may set the queues`},
		{process: sidekiq.Process{PID: 43, Concurrency: 7},
			fault: "the heartbeat is that of process 43, a child of sidekiq.service's main process 42, whose end would kill it with its jobs; hint: let the wrapper exec, or give the path of bundle itself"},
	} {
		p, u := plannerWith(&redisOfATest{}, &options{AppRoot: "/opt/demo/current", Concurrency: &seven, Queues: []string{"default,2", "ingest"}})
		u.threads = sidekiq.Threads{Size: 7, By: `option "concurrency"`}
		var n noted
		err := p.compare(&n, u, c.process)
		if c.fault == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, c.fault)
		}
		require.Equal(t, c.warnings, n.warnings)
	}
}

// Neither fine nor failed, unless it had to be there: nobody can know.
func TestAHeartbeatThatCannotBeSeenIsUnknown(t *testing.T) {
	refused := errors.New("refused")
	for _, c := range []struct {
		name          string
		redis         redisOfATest
		cause         error
		guessed, must bool
		fault         string
	}{
		{name: "a Redis that does not answer", redis: redisOfATest{fault: refused}, cause: refused},
		{name: "one that does not answer where it has to", redis: redisOfATest{fault: refused}, cause: refused, must: true, fault: "whether Sidekiq works is unknown: refused"},
		{name: "one that nobody named and no Sidekiq uses", cause: sidekiq.ErrNoHeartbeat, guessed: true},
		{name: "one that nobody named with keys of a Sidekiq", redis: redisOfATest{used: true}, cause: sidekiq.ErrNoHeartbeat, guessed: true, fault: "Redis has no heartbeat of it"},
		{name: "one that was named", cause: sidekiq.ErrNoHeartbeat, fault: "Redis has no heartbeat of it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, u := plannerWith(&c.redis, &options{RequireHeartbeat: c.must})
			p.redis.Guessed = c.guessed
			n := noted{facts: map[string]any{}}
			err := p.unseen(&n, u, c.cause)
			if c.fault != "" {
				require.ErrorContains(t, err, c.fault)
				return
			}
			require.NoError(t, err)
			require.Len(t, n.warnings, 1)
			require.Contains(t, n.warnings[0], "the heartbeat of process 42 was not seen, so whether Sidekiq works is unknown")
		})
	}
}

// A unit that was written by a run which died before its restart is not what the process runs.
func TestAProcessOlderThanItsUnitIsKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.service")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	h, state := host{}, startedBefore(t, 10*time.Second)
	require.True(t, h.isNewer(file, state))
	inAnHour := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(file, inAnHour, inAnHour))
	require.False(t, h.isNewer(file, state), "it would restart on every run")
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(file, hourAgo, hourAgo))
	require.False(t, h.isNewer(file, state))
	require.False(t, h.isNewer(file+".missing", state))
}

func startedBefore(t *testing.T, d time.Duration) systemd.State {
	t.Helper()
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return systemd.State{MainStart: time.Duration(now.Nano()) - d}
}

// A run that is cut off while it waits leaves the worker quiet: the next one is to know that no deploy did it.
func TestRestartNeeded_QuietProcess(t *testing.T) {
	hostname, err := os.Hostname()
	require.NoError(t, err)
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
			r := &redisOfATest{beats: []sidekiq.Process{{PID: 42, Hostname: hostname, Quiet: c.isQuiet, Concurrency: 5}}}
			p, u := plannerWith(r, &options{})
			p.host = host{root: t.TempDir()}
			u.state = systemd.State{MainPID: 42, ActiveState: "active", SubState: "running"}
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
