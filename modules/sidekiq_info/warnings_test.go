package sidekiqinfo

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// healthy is one process on two queues, as it should be.
func healthy(t *testing.T) *found {
	t.Helper()
	locked, err := sidekiq.ParseVersion("7.3.2")
	require.NoError(t, err)
	return &found{
		place: "localhost:6379", source: "redis_url", used: true,
		server: sidekiq.Server{Version: "7.0.15", MaxmemoryPolicy: "noeviction"},
		processes: []process{{Process: sidekiq.Process{Identity: "w1:7:a", Hostname: "w1", PID: 7, Version: "7.3.2", Concurrency: 5, Busy: 1,
			Queues: []string{"default", "mailers"}, StartedAt: now.Add(-3 * time.Hour), Beat: now.Add(-9 * time.Second)}}},
		overview: sidekiq.Overview{Queues: []sidekiq.Backlog{{Name: "default", Size: 12, Latency: 4 * time.Second}, {Name: "mailers"}}},
		app:      app{hostname: "w1", root: "/opt/hyrax/current", released: now.Add(-4 * time.Hour), version: locked},
	}
}

func TestEachTroubleIsWarnedOfAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*found)
		want   []string
	}{
		"all is well": {func(*found) {}, nil},
		"a queue with jobs that no process works on": {func(f *found) {
			f.overview.Queues = append(f.overview.Queues, sidekiq.Backlog{Name: "video", Size: 3})
		}, []string{`3 jobs wait in queue "video", on which no process works; hint: add it to the queues of Sidekiq`}},
		"queues of the past share a warning": {func(f *found) {
			f.overview.Queues = append(f.overview.Queues, sidekiq.Backlog{Name: "old"}, sidekiq.Backlog{Name: "older"})
		}, []string{`no process works on what were queues once and are empty now: "old", "older"`}},
		"a process that was just made quiet by a deploy": {func(f *found) {
			f.processes[0].Quiet, f.processes[0].StartedAt = true, now.Add(-time.Minute)
		}, []string{`12 jobs wait in queue "default", and every process that works on it is quiet`}},
		"a process that is quiet, beside one that is not": {func(f *found) {
			quiet := f.processes[0]
			quiet.Quiet, quiet.PID, quiet.Busy = true, 6, 0
			f.processes = append(f.processes, quiet)
		}, []string{`process 6 on w1 is quiet: it takes no new jobs until it is restarted, and runs 0 jobs; it has been up for 3 h, and since when it is quiet, Redis does not tell; hint: restart it, unless a deploy is under way`}},
		"a process older than the release": {func(f *found) { f.released = now.Add(-2 * time.Hour) },
			[]string{`process 7 on w1 is older than the release: it was up at 2026-11-24T09:00:00Z, and /opt/hyrax/current was made at 2026-11-24T10:00:00Z; hint: restart it`}},
		"a process of another host is not judged by this host's release": {func(f *found) {
			f.released, f.processes[0].Hostname = now.Add(-2*time.Hour), "w2"
		}, nil},
		"a process that does not beat": {func(f *found) { f.processes[0].Beat = now.Add(-31 * time.Second) },
			[]string{`12 jobs wait in queue "default", and every process that works on it is quiet or does not beat`,
				`process 7 on w1 has not beaten for 31 s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree`}},
		"a process that was killed, beside one that works": {func(f *found) {
			f.processes = append(f.processes, f.processes[0])
			f.processes[0].Beat = now.Add(-31 * time.Second)
		}, []string{`process 7 on w1 has not beaten for 31 s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree`}},
		"a process that missed two beats": {func(f *found) { f.processes[0].Beat = now.Add(-29 * time.Second) }, nil},
		"a clock that is ahead":           {func(f *found) { f.processes[0].Beat = now.Add(5 * time.Second) }, nil},
		"a Redis that drops jobs": {func(f *found) { f.server.MaxmemoryPolicy = "allkeys-lru" },
			[]string{`this Redis drops jobs when its memory is full: its maxmemory-policy is "allkeys-lru"; hint: set it to noeviction`}},
		"a Redis too old for the application alone": {func(f *found) { f.server.Version, f.processes[0].Version = "6.0.16", "6.5.12" },
			[]string{`Redis 6.0.16 is too old for Sidekiq 7.3.2 of the application, which wants 6.2 or later`}},
		"a Redis too old for a process alone": {func(f *found) {
			f.server.Version, f.processes[0].Version, f.version = "6.2.14", "8.0.5", sidekiq.Version{}
		},
			[]string{`Redis 6.2.14 is too old for Sidekiq 8.0.5 of process 7 on w1, which wants 7.0 or later`}},
		"a Redis that does not tell": {func(f *found) {
			f.server, f.unknown = sidekiq.Server{}, []string{"whether this Redis fits is not known: NOPERM"}
		}, []string{"whether this Redis fits is not known: NOPERM"}},
		"no process, and jobs": {func(f *found) { f.processes = nil },
			[]string{`no process of Sidekiq lives, and 12 jobs wait; hint: systemctl status sidekiq`}},
		"no process, and no job": {func(f *found) { f.processes, f.overview.Queues = nil, nil },
			[]string{`no process of Sidekiq lives; hint: systemctl status sidekiq`}},
		"another Redis": {func(f *found) { f.processes, f.overview.Queues, f.used = nil, nil, false },
			[]string{`no Sidekiq has ever used the Redis at localhost:6379 (from redis_url); hint: compare address, database and redis_namespace with the application's`}},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(t)
			c.change(f)
			require.Equal(t, c.want, f.warnings(now))
		})
	}
}

func TestTheSummaryIsOneShortLine(t *testing.T) {
	f := healthy(t)
	f.overview.Retries = 1
	require.Equal(t, "1 process, 5 threads (1 busy), queues default 12 (4 s), mailers 0; 1 retry, 0 scheduled, 0 dead", f.summary())

	f.processes = append(f.processes, f.processes[0])
	f.overview.Retries, f.overview.Scheduled = 0, 2
	f.overview.Queues = []sidekiq.Backlog{{Name: "a", Size: 1, Latency: 3 * time.Minute}}
	for _, name := range []string{"b", "c", "d", "e", "f"} {
		f.overview.Queues = append(f.overview.Queues, sidekiq.Backlog{Name: name})
	}
	f.overview.Queues = append(f.overview.Queues, sidekiq.Backlog{Name: "g", Size: 7, Latency: 72 * time.Hour})
	require.Equal(t, "2 processes, 10 threads (2 busy), queues g 7 (3 days), a 1 (3 min), b 0, c 0, d 0 and 2 more; 0 retries, 2 scheduled, 0 dead", f.summary())

	require.Equal(t, "0 processes, 0 threads (0 busy), queues empty; 0 retries, 0 scheduled, 0 dead", (&found{}).summary())
}

func TestARoughTimeIsRoundedDown(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 min", 119*time.Minute + 59*time.Second: "119 min", 2 * time.Hour: "2 h",
		47*time.Hour + 59*time.Minute: "47 h", 49 * time.Hour: "2 days",
	} {
		require.Equal(t, want, rough(d))
	}
}

// A folder changes its time whenever a file is made in it, and says nothing about a release.
func TestOnlyALinkTellsWhenTheReleaseWasMade(t *testing.T) {
	root := t.TempDir()
	f := &found{app: app{root: root}}
	require.NoError(t, f.lookAtRelease())
	require.Zero(t, f.released)
	f.root = filepath.Join(root, "current")
	require.NoError(t, os.Symlink(root, f.root))
	require.NoError(t, f.lookAtRelease())
	require.WithinDuration(t, time.Now(), f.released, time.Minute)
}

func TestAnApplicationThatCannotBeSeenIsSaid(t *testing.T) {
	f := &found{app: app{root: "/nowhere/current"}}
	f.lookAtApp()
	require.Equal(t, []string{`option "app_root": whether processes are older than the release is not known: lstat /nowhere/current: no such file or directory`}, f.unknown)

	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "Gemfile.lock"), []byte("<<<<<<< HEAD\n"), 0o600))
	f = &found{app: app{root: root}}
	f.lookAtApp()
	require.Len(t, f.unknown, 1)
	require.Contains(t, f.unknown[0], "Gemfile.lock: it holds a merge conflict")
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Params){
		`option "rails_env": "prod uction" is not accepted; accepted: letters, digits, _`:                                     func(p *Params) { p.RailsEnv = "prod uction" },
		`option "redis_namespace": "app:" ends in a colon, which is added to it; hint: write "app"`:                           func(p *Params) { p.RedisNamespace = "app:" },
		`option "app_root": "current" is not accepted; accepted: an absolute path without . and .. and double slashes`:        func(p *Params) { p.AppRoot = "current" },
		`option "dotenv_files": "/a/../b" is not accepted; accepted: an absolute path without . and .. and double slashes`:    func(p *Params) { p.DotenvFiles = []string{"/a/../b"} },
		`option "environment_files": "/a//b" is not accepted; accepted: an absolute path without . and .. and double slashes`: func(p *Params) { p.EnvironmentFiles = []string{"-/a//b"} },
	} {
		p := &Params{RailsEnv: "production", EnvironmentFiles: []string{"/etc/default/sidekiq", "-/none"}}
		change(p)
		require.EqualError(t, p.Validate(), want)
	}
}
