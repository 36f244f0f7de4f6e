package systemdsidekiq

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

func TestCompare_ProcessAndOptions(t *testing.T) {
	both := []string{"default", "ingest"}
	for name, c := range map[string]struct {
		process            sidekiq.Process
		byTitle            bool
		noConcurrency      bool // in the options
		isSwarm, isPending bool
		config             string // config/sidekiq.yml
		fault              string
		warnings           []string
	}{
		"equal": {process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: both}},
		"quiet": {process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: both, Quiet: true},
			warnings: []string{"sidekiq.service is quiet: it fetches no new jobs until it is restarted; the restart is left to the deploy that quieted it; hint: if no deploy is in progress, use state: restarted"}},
		"other threads": {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: both},
			fault: `sidekiq.service has 5 threads, not 7 (option "concurrency"); hint: an initializer of the application may set them`},
		"other threads by the title": {process: sidekiq.Process{PID: 42, Concurrency: 5}, byTitle: true,
			fault: `sidekiq.service has 5 threads, not 7 (option "concurrency"); hint: an initializer of the application may set them`},
		"equal by the title, which shows no queues": {process: sidekiq.Process{PID: 42, Concurrency: 7}, byTitle: true},
		"other threads than the configuration file": {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: both},
			noConcurrency: true, config: ":concurrency: 7\n",
			warnings: []string{"sidekiq.service has 5 threads, not 7 (/opt/demo/current/config/sidekiq.yml); hint: an initializer of the application may set them"}},
		"other threads than a guess":                   {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: both}, noConcurrency: true},
		"threads that are not known":                   {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: both}, noConcurrency: true, config: ":concurrency: <%= only.ruby.knows %>\n"},
		"other options, and a restart that is pending": {process: sidekiq.Process{PID: 42, Concurrency: 5}, isPending: true},
		"without a queue that was asked for":           {process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: []string{"default"}}, fault: `sidekiq.service does not work on queue "ingest", which was asked for; hint: an initializer of the application may set the queues`},
		"a child of the main process of unit":          {process: sidekiq.Process{PID: 43, Concurrency: 7}, fault: "process 43, which is Sidekiq, is a child of sidekiq.service's main process 42: stopping that kills it and its jobs; hint: use exec in the wrapper, or set bundle to the real path"},
		"a child of a swarm":                           {process: sidekiq.Process{PID: 43, Concurrency: 7, Queues: both}, isSwarm: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := &options{AppRoot: "/opt/demo/current", Concurrency: number(7), Queues: []string{"default,2", "ingest"}}
			if c.noConcurrency {
				o.Concurrency = nil
			}
			p, u := newTestPlanner(t, &fakeStore{}, o)
			if c.config != "" {
				writeFile(t, p.host, "/opt/demo/current/config/sidekiq.yml", c.config)
			}
			if c.isSwarm {
				u.process.Command = sidekiq.Swarm
			}
			p.redefined[u.name] = c.isPending
			e := sidekiq.Evidence{By: sidekiq.ByHeartbeat, Processes: []sidekiq.Process{c.process}}
			if c.byTitle {
				e.By = sidekiq.ByTitle
			}
			var r recorder
			err := p.compare(&r, u, e)
			if c.fault == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, c.fault)
			}
			require.Equal(t, c.warnings, r.warnings)
		})
	}
}

// Without app_root only the main process is compared.
func TestCompare_WithoutAppRoot(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{}, &options{Queues: []string{"ingest"}})
	var r recorder
	require.NoError(t, p.compare(&r, u, sidekiq.Evidence{By: sidekiq.ByUptime}))
	require.NoError(t, p.compare(&r, u, sidekiq.Evidence{By: sidekiq.ByHeartbeat, Processes: []sidekiq.Process{{PID: 42, Quiet: true}}}))
	require.Empty(t, r.warnings)
	require.Error(t, p.compare(&r, u, sidekiq.Evidence{By: sidekiq.ByHeartbeat, Processes: []sidekiq.Process{{PID: 43}}}))
}

// A missing heartbeat is an error only if it is required.
func TestReportMissingHeartbeat(t *testing.T) {
	missing := &sidekiq.NotFound{PID: 42, Looked: []string{"web:6379/0 (redis_url): refused"}}
	const looked = "no heartbeat of process 42 was found; looked at web:6379/0 (redis_url): refused"
	for by, text := range map[string]string{
		sidekiq.ByTitle:  "sidekiq.service: verified by its title only: " + looked + "; hint: check redis_url",
		sidekiq.ByUptime: "sidekiq.service: not verified: process 42 has no title of Sidekiq, and " + looked + "; hint: journalctl -u sidekiq.service, and check redis_url",
	} {
		p, u := newTestPlanner(t, &fakeStore{}, &options{})
		var r recorder
		require.NoError(t, p.reportMissingHeartbeat(&r, u, sidekiq.Evidence{By: by, Missing: missing}))
		require.Equal(t, []string{text}, r.warnings)
		p.RequireHeartbeat, p.RedisURL = true, ""
		require.EqualError(t, p.reportMissingHeartbeat(&r, u, sidekiq.Evidence{By: by, Missing: missing}),
			`option "require_heartbeat": sidekiq.service: `+looked+"; hint: set redis_url to the Redis of the application")
	}
}

func TestVerify_Heartbeat(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{})
	link(t, p.host, "exe", "/usr/bin/ruby3.3")
	link(t, p.host, "cwd", "/opt/demo/releases/1")
	synctest.Test(t, func(t *testing.T) {
		isBooted := time.Now().Add(11 * time.Second)
		store.heartbeats = func() []sidekiq.Process {
			if time.Now().Before(isBooted) {
				return nil
			}
			return []sidekiq.Process{{PID: 42, Hostname: "web", Concurrency: 5, Busy: 1, Queues: []string{"default"}}}
		}
		var r recorder
		require.NoError(t, p.verify(&r, u))
		heartbeat := map[string]any{"status": "seen", "source": "redis_url", "place": "web:6379/0", "concurrency": 5, "busy": 1, "queues": []string{"default"}}
		require.Equal(t, map[string]any{
			"processes": []any{map[string]any{"unit": "sidekiq.service", "main_pid": 42, "active_since": "", "evidence": "heartbeat",
				"ruby": "/usr/bin/ruby3.3", "release": "/opt/demo/releases/1", "heartbeat": heartbeat}},
			"main_pid": 42, "active_since": "", "evidence": "heartbeat", "ruby": "/usr/bin/ruby3.3", "release": "/opt/demo/releases/1", "heartbeat": heartbeat,
		}, r.values)
		require.True(t, p.redis.IsKnown())
	})
}

// link makes a link in /proc/42.
func link(t *testing.T, h host, name, target string) {
	t.Helper()
	writeProc(h, 42, "status", "PPid:\t1\n")
	require.NoError(t, os.Symlink(target, h.inRoot("/proc/42/"+name)))
}

func TestVerify_Title(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{fault: errors.New("NOAUTH")}, &options{})
	runUnit(t, p, u)
	setTitle(t, p.host, 42, "sidekiq 7.3.2 demo [2 of 5 busy]")
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		require.NoError(t, p.verify(&r, u))
		require.Equal(t, "title", r.values["evidence"])
		require.Equal(t, map[string]any{"status": "unknown", "concurrency": 5, "busy": 2}, r.values["heartbeat"])
		require.Len(t, r.warnings, 1)
		require.Contains(t, r.warnings[0], "looked at web:6379/0 (redis_url): NOAUTH")
		require.False(t, p.redis.IsKnown())
	})
}

func TestUptime(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{}, &options{})
	p.uptimeNotify, p.uptimeSimple = 5*time.Second, 10*time.Second
	require.Equal(t, 10*time.Second, p.uptime(u), "the version is not known")
	var err error
	p.version, err = sidekiq.ParseVersion("7.3.2")
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, p.uptime(u))
	u.process.Command = sidekiq.Swarm
	require.Equal(t, 10*time.Second, p.uptime(u), "sidekiq-ent is not known")
}

// A process counts as up with its first heartbeat, else after its uptime. A title alone may be that of a process that crashes a moment later. A Redis
// that does not answer is not asked again.
func TestAwaitUp(t *testing.T) {
	const title = "sidekiq 7.3.2 demo [0 of 5 busy]"
	for name, c := range map[string]struct {
		title    string
		store    fakeStore
		isWaited bool
		isAsked  func(n int) bool
	}{
		"a heartbeat":             {title: title, store: fakeStore{heartbeats: heartbeat42(time.Time{})}, isAsked: func(n int) bool { return n == 1 }},
		"a title":                 {title: title, isWaited: true, isAsked: func(n int) bool { return n > 1 }},
		"a Redis without answers": {title: title, store: fakeStore{fault: errors.New("refused")}, isWaited: true, isAsked: func(n int) bool { return n == 2 }},
		"no title":                {title: "/usr/bin/ruby3.3", store: fakeStore{heartbeats: heartbeat42(time.Time{})}, isWaited: true, isAsked: func(n int) bool { return n == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := newTestPlanner(t, &c.store, &options{})
			p.uptimeSimple = 950 * time.Millisecond
			runUnit(t, p, u)
			setTitle(t, p.host, 42, c.title)
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				state, err := p.awaitUp(u)
				require.NoError(t, err)
				require.Equal(t, 42, state.MainPID)
				require.Equal(t, c.isWaited, time.Since(start) >= p.uptimeSimple)
			})
			require.True(t, c.isAsked(c.store.asked), c.store.asked)
		})
	}
}

// runUnit makes systemd report the unit with the process 42.
func runUnit(t *testing.T, p *planner, u *unit) {
	t.Helper()
	require.NoError(t, p.write(u.path(), "[Service]\n", unitMode))
	set(u.name, "invocation", "42")
	set(u.name, "active", "yes")
}

// Without a heartbeat, systemd is asked again: the process may have crashed meanwhile.
func TestVerify_Crashed(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{fault: errors.New("NOAUTH")}, &options{})
	runUnit(t, p, u)
	set(u.name, "invocation", "43")
	setTitle(t, p.host, 42, "sidekiq 7.3.2 demo [0 of 5 busy]")
	synctest.Test(t, func(t *testing.T) {
		require.ErrorContains(t, p.verify(new(recorder), u), "sidekiq.service is not up: its process was replaced")
	})
}
