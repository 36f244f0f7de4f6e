package sidekiqinfo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// healthy is one process on two queues, as it should be.
func healthy(t *testing.T) *facts {
	t.Helper()
	locked, err := sidekiq.ParseVersion("7.3.2")
	require.NoError(t, err)
	return &facts{
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
		change func(*facts)
		want   []string
	}{
		"all is well": {func(*facts) {}, nil},
		"a queue with jobs that no process works on": {func(f *facts) {
			f.overview.Queues = append(f.overview.Queues, sidekiq.Backlog{Name: "video", Size: 3})
		}, []string{`3 jobs wait in queue "video", on which no process works; hint: add it to the queues of Sidekiq`}},
		"queues of the past share a warning": {func(f *facts) {
			f.overview.Queues = append(f.overview.Queues, sidekiq.Backlog{Name: "old"}, sidekiq.Backlog{Name: "older"})
		}, []string{`no process works on what were queues once and are empty now: "old", "older"`}},
		"a process that was just made quiet by a deploy": {func(f *facts) {
			f.processes[0].Quiet, f.processes[0].StartedAt = true, now.Add(-time.Minute)
		}, []string{`12 jobs wait in queue "default", and every process that works on it is quiet`}},
		"a process that is quiet, beside one that is not": {func(f *facts) {
			quiet := f.processes[0]
			quiet.Quiet, quiet.PID, quiet.Busy = true, 6, 0
			f.processes = append(f.processes, quiet)
		}, []string{`process 6 on w1 is quiet: it takes no new jobs until it is restarted, and runs 0 jobs; it has been up for 3 h, and since when it is quiet, Redis does not tell; hint: restart it, unless a deploy is under way`}},
		"a process older than the release": {func(f *facts) { f.released = now.Add(-2 * time.Hour) },
			[]string{`process 7 on w1 is older than the release: it was up at 2026-11-24T09:00:00Z, and /opt/hyrax/current was made at 2026-11-24T10:00:00Z; hint: restart it`}},
		"a process of another host is not judged by this host's release": {func(f *facts) {
			f.released, f.processes[0].Hostname = now.Add(-2*time.Hour), "w2"
		}, nil},
		"a process that does not beat": {func(f *facts) { f.processes[0].Beat = now.Add(-31 * time.Second) },
			[]string{`12 jobs wait in queue "default", and every process that works on it is quiet or does not beat`,
				`process 7 on w1 has not beaten for 31 s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree`}},
		"a process that was killed, beside one that works": {func(f *facts) {
			f.processes = append(f.processes, f.processes[0])
			f.processes[0].Beat = now.Add(-31 * time.Second)
		}, []string{`process 7 on w1 has not beaten for 31 s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree`}},
		"a process that missed two beats": {func(f *facts) { f.processes[0].Beat = now.Add(-29 * time.Second) }, nil},
		"a clock that is ahead":           {func(f *facts) { f.processes[0].Beat = now.Add(5 * time.Second) }, nil},
		"a Redis that drops jobs": {func(f *facts) { f.server.MaxmemoryPolicy = "allkeys-lru" },
			[]string{`this Redis drops jobs when its memory is full: its maxmemory-policy is "allkeys-lru"; hint: set it to noeviction`}},
		"a Redis too old for the application alone": {func(f *facts) { f.server.Version, f.processes[0].Version = "6.0.16", "6.5.12" },
			[]string{`Redis 6.0.16 is too old for Sidekiq 7.3.2 of the application, which wants 6.2 or later`}},
		"a Redis too old for a process alone": {func(f *facts) {
			f.server.Version, f.processes[0].Version, f.version = "6.2.14", "8.0.5", sidekiq.Version{}
		},
			[]string{`Redis 6.2.14 is too old for Sidekiq 8.0.5 of process 7 on w1, which wants 7.0 or later`}},
		"a Redis that does not tell": {func(f *facts) {
			f.server, f.unknown = sidekiq.Server{}, []string{"whether this Redis fits is not known: NOPERM"}
		}, []string{"whether this Redis fits is not known: NOPERM"}},
		"no process, and jobs": {func(f *facts) { f.processes = nil },
			[]string{`no process of Sidekiq lives, and 12 jobs wait; hint: systemctl status sidekiq`}},
		"no process, and no job": {func(f *facts) { f.processes, f.overview.Queues = nil, nil },
			[]string{`no process of Sidekiq lives; hint: systemctl status sidekiq`}},
		"another Redis": {func(f *facts) { f.processes, f.overview.Queues, f.used = nil, nil, false },
			[]string{`no Sidekiq has ever used the Redis at localhost:6379 (from redis_url); hint: compare address, database and redis_namespace with the application's`}},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(t)
			c.change(f)
			require.Equal(t, c.want, f.warnings(now))
		})
	}
}
