package systemdsidekiq

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

func TestCompare_ProcessAndOptions(t *testing.T) {
	for name, c := range map[string]struct {
		process       sidekiq.Process
		noConcurrency bool // in the options
		threads       sidekiq.Threads
		threadsFault  error
		fault         string
		warnings      []string
	}{
		"equal": {process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: []string{"default", "ingest"}}},
		"quiet": {process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: []string{"default", "ingest"}, Quiet: true},
			warnings: []string{"sidekiq.service is quiet: it takes no new jobs until it is restarted, which is left to the deploy that made it so; hint: state: restarted, unless one is under way"}},
		"other threads": {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: []string{"default", "ingest"}},
			fault: `sidekiq.service has 5 threads, not 7 (option "concurrency"); hint: an initializer of the application may set them`},
		"other threads than the configuration file": {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: []string{"default", "ingest"}},
			noConcurrency: true, threads: sidekiq.Threads{Size: 7, By: "config/sidekiq.yml"},
			warnings: []string{"sidekiq.service has 5 threads, not 7 (config/sidekiq.yml); hint: an initializer of the application may set them"}},
		"other threads than a guess":          {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: []string{"default", "ingest"}}, threads: sidekiq.Threads{Size: 10, Guessed: true}},
		"threads that are not known":          {process: sidekiq.Process{PID: 42, Concurrency: 5, Queues: []string{"default", "ingest"}}, threadsFault: errors.New("only Ruby knows")},
		"without a queue that was asked for":  {process: sidekiq.Process{PID: 42, Concurrency: 7, Queues: []string{"default"}}, fault: `sidekiq.service does not work on queue "ingest", which was asked for; hint: an initializer of the application may set the queues`},
		"a child of the main process of unit": {process: sidekiq.Process{PID: 43, Concurrency: 7}, fault: "the heartbeat is that of process 43, a child of sidekiq.service's main process 42, whose end would kill it with its jobs; hint: let the wrapper exec, or give the path of bundle itself"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &options{AppRoot: "/opt/demo/current", Concurrency: number(7), Queues: []string{"default,2", "ingest"}}
			if c.noConcurrency {
				o.Concurrency = nil
			}
			p, u := newTestPlanner(t, &fakeStore{}, o)
			u.threads, u.threadsFault = sidekiq.Threads{Size: 7, By: `option "concurrency"`}, c.threadsFault
			if c.threads.Size > 0 {
				u.threads = c.threads
			}
			var r recorder
			err := p.compare(&r, u, c.process)
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
	require.NoError(t, p.compare(&r, u, sidekiq.Process{PID: 42, Quiet: true}))
	require.Empty(t, r.warnings)
	require.Error(t, p.compare(&r, u, sidekiq.Process{PID: 43}))
}

// A missing heartbeat is an error only if it is required, or if the Redis is the right one.
func TestUnseen(t *testing.T) {
	const (
		unknown = "the heartbeat of process 42 was not seen, so whether Sidekiq works is unknown: refused (Redis is from redis_url); hint: give redis_url"
		missing = `sidekiq.service runs (process 42), but in 12s Redis has no heartbeat of it on the host "web": no such heartbeat of this process is in Redis (Redis is from redis_url); hint: journalctl -u sidekiq.service, or give the Redis of the application as redis_url`
	)
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		store                 fakeStore
		cause                 error
		isGuessed, isRequired bool
		fault, warning        string
	}{
		"Redis does not answer":                          {store: fakeStore{fault: refused}, cause: refused, warning: unknown},
		"Redis does not answer, a heartbeat is required": {store: fakeStore{fault: refused}, cause: refused, isRequired: true, fault: unknown},
		"the Redis was guessed and no Sidekiq uses it":   {cause: sidekiq.ErrNoHeartbeat, isGuessed: true, warning: "the heartbeat of process 42 was not seen, so whether Sidekiq works is unknown: no such heartbeat of this process is in Redis (Redis is from redis_url); hint: give redis_url"},
		"the Redis was guessed and a Sidekiq uses it":    {store: fakeStore{isUsed: true}, cause: sidekiq.ErrNoHeartbeat, isGuessed: true, fault: missing},
		"the Redis was given":                            {cause: sidekiq.ErrNoHeartbeat, fault: missing},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := newTestPlanner(t, &c.store, &options{RequireHeartbeat: c.isRequired})
			p.redis.Guessed = c.isGuessed
			var r recorder
			if err := p.unseen(&r, u, c.cause); c.fault != "" {
				require.EqualError(t, err, c.fault)
				require.Empty(t, r.warnings)
				return
			}
			require.Equal(t, []string{c.warning}, r.warnings)
		})
	}
}

func TestVerify_WaitsForFirstHeartbeat(t *testing.T) {
	store := &fakeStore{}
	p, u := newTestPlanner(t, store, &options{})
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
		heartbeat := map[string]any{"status": "seen", "source": "redis_url", "concurrency": 5, "busy": 1, "queues": []string{"default"}}
		require.Equal(t, map[string]any{
			"processes": []any{map[string]any{"unit": "sidekiq.service", "main_pid": 42, "active_since": "", "heartbeat": heartbeat}},
			"main_pid":  42, "active_since": "", "heartbeat": heartbeat,
		}, r.values)

		store.heartbeats = func() []sidekiq.Process { return nil }
		require.ErrorIs(t, p.verify(&r, u), sidekiq.ErrNoHeartbeat)
	})
}

func TestVerify_UnknownRedis(t *testing.T) {
	p, u := newTestPlanner(t, &fakeStore{}, &options{})
	p.redis = sidekiq.Client{}
	var r recorder
	require.NoError(t, p.verify(&r, u))
	require.Equal(t, map[string]any{
		"processes": []any{map[string]any{"unit": "sidekiq.service", "main_pid": 42, "active_since": ""}}, "main_pid": 42, "active_since": "",
	}, r.values)
}

func TestUptime(t *testing.T) {
	p, _ := newTestPlanner(t, &fakeStore{}, &options{})
	p.uptimeNotify, p.uptimeSimple = 5*time.Second, 10*time.Second
	require.Equal(t, 10*time.Second, p.uptime(), "the version is not known")
	var err error
	p.version, err = sidekiq.ParseVersion("7.3.2")
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, p.uptime())
}

// A process counts as up with its first heartbeat, else after its uptime. A Redis that does not answer is not asked again.
func TestAwaitUp(t *testing.T) {
	child := exec.Command("sleep", "60")
	require.NoError(t, child.Start())
	defer func() {
		require.NoError(t, child.Process.Kill())
		_ = child.Wait() // it was killed
	}()
	ofChild := func() []sidekiq.Process { return []sidekiq.Process{{PID: child.Process.Pid, Hostname: "web"}} }
	for name, c := range map[string]struct {
		pid      int
		store    fakeStore
		isWaited bool
		isAsked  func(n int) bool
	}{
		"a heartbeat":              {pid: 42, store: fakeStore{heartbeats: heartbeat42(time.Time{})}, isAsked: func(n int) bool { return n == 1 }},
		"no heartbeat":             {pid: 42, isWaited: true, isAsked: func(n int) bool { return n > 1 }},
		"the heartbeat of a child": {pid: os.Getpid(), store: fakeStore{heartbeats: ofChild}, isWaited: true, isAsked: func(n int) bool { return n > 1 }},
		"a Redis without answers":  {pid: 42, store: fakeStore{fault: errors.New("refused")}, isWaited: true, isAsked: func(n int) bool { return n == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := newTestPlanner(t, &c.store, &options{})
			p.uptimeSimple = 950 * time.Millisecond
			require.NoError(t, p.write(u.path(), "[Service]\n", unitMode))
			set(u.name, "invocation", strconv.Itoa(c.pid))
			set(u.name, "active", "yes")
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				state, err := p.awaitUp(u, p.redis)
				require.NoError(t, err)
				require.Equal(t, c.pid, state.MainPID)
				require.Equal(t, c.isWaited, time.Since(start) >= p.uptimeSimple)
			})
			require.True(t, c.isAsked(c.store.asked), c.store.asked)
		})
	}
}
