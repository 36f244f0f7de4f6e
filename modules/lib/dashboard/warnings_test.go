package dashboard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// healthy is a process with two queues and no warnings.
func healthy(t *testing.T) *Dashboard {
	t.Helper()
	locked, err := sidekiq.ParseVersion("7.3.2")
	require.NoError(t, err)
	return &Dashboard{
		readAt: now, place: "localhost:6379", source: "redis_url", isUsed: true,
		server: sidekiq.Server{Version: "7.0.15", MaxmemoryPolicy: "noeviction"},
		processes: []process{{Process: sidekiq.Process{Identity: "w1:7:a", Hostname: "w1", PID: 7, Version: "7.3.2", Concurrency: 5, Busy: 1,
			Queues: []string{"default", "mailers"}, StartedAt: now.Add(-3 * time.Hour), Beat: now.Add(-9 * time.Second)}}},
		overview: sidekiq.Overview{Queues: []sidekiq.Backlog{{Name: "default", Size: 12, Latency: 4 * time.Second}, {Name: "mailers"}}},
		hostname: "w1", release: release{"/opt/hyrax/current", now.Add(-4 * time.Hour)}, version: locked,
	}
}

func TestDashboard_Warnings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Dashboard)
		want   []string
	}{
		"healthy": {func(*Dashboard) {}, nil},
		"a queue with jobs and without a process": {func(d *Dashboard) {
			d.overview.Queues = append(d.overview.Queues, sidekiq.Backlog{Name: "video", Size: 3})
		}, []string{`3 jobs wait in queue "video", on which no process works; hint: add it to the queues of Sidekiq`}},
		"empty queues without a process": {func(d *Dashboard) {
			d.overview.Queues = append(d.overview.Queues, sidekiq.Backlog{Name: "old"}, sidekiq.Backlog{Name: "older"})
		}, []string{`no process works on what were queues once and are empty now: "old", "older"`}},
		"a process made quiet by a deploy a minute ago": {func(d *Dashboard) {
			d.processes[0].Quiet, d.processes[0].StartedAt = true, now.Add(-time.Minute)
		}, []string{`12 jobs wait in queue "default", and every process that works on it is quiet`}},
		"a quiet process, beside one that is not": {func(d *Dashboard) {
			quiet := d.processes[0]
			quiet.Quiet, quiet.PID, quiet.Busy = true, 6, 0
			d.processes = append(d.processes, quiet)
		}, []string{`process 6 on w1 is quiet: it takes no new jobs until it is restarted, and runs 0 jobs; it has been up for 3 h, and since when it is quiet, Redis does not tell; hint: restart it, unless a deploy is under way`}},
		"a process older than the release": {func(d *Dashboard) { d.release.made = now.Add(-2 * time.Hour) },
			[]string{`process 7 on w1 is older than the release: it was up at 2026-11-24T09:00:00Z, and /opt/hyrax/current was made at 2026-11-24T10:00:00Z; hint: restart it`}},
		"a process of another host older than the release of this one": {func(d *Dashboard) {
			d.release.made, d.processes[0].Hostname = now.Add(-2*time.Hour), "w2"
		}, nil},
		"an overdue heartbeat": {func(d *Dashboard) { d.processes[0].Beat = now.Add(-31 * time.Second) },
			[]string{`12 jobs wait in queue "default", and every process that works on it is quiet or does not beat`,
				`process 7 on w1 has not beaten for 31 s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree`}},
		"an overdue heartbeat, beside one that is not": {func(d *Dashboard) {
			d.processes = append(d.processes, d.processes[0])
			d.processes[0].Beat = now.Add(-31 * time.Second)
		}, []string{`process 7 on w1 has not beaten for 31 s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree`}},
		"a quiet process as old as the longest deploy": {func(d *Dashboard) {
			quiet := d.processes[0]
			quiet.Quiet, quiet.PID, quiet.StartedAt = true, 6, now.Add(-longestDeploy)
			d.processes = append(d.processes, quiet)
		}, nil},
		"a heartbeat as old as it may be": {func(d *Dashboard) { d.processes[0].Beat = now.Add(-maxHeartbeatAge) }, nil},
		"two missed heartbeats":           {func(d *Dashboard) { d.processes[0].Beat = now.Add(-29 * time.Second) }, nil},
		"a clock that is ahead":           {func(d *Dashboard) { d.processes[0].Beat = now.Add(5 * time.Second) }, nil},
		"a Redis that drops jobs": {func(d *Dashboard) { d.server.MaxmemoryPolicy = "allkeys-lru" },
			[]string{`this Redis drops jobs when its memory is full: its maxmemory-policy is "allkeys-lru"; hint: set it to noeviction`}},
		"a Redis too old for the application alone": {func(d *Dashboard) { d.server.Version, d.processes[0].Version = "6.0.16", "6.5.12" },
			[]string{`Redis 6.0.16 is too old for Sidekiq 7.3.2 of the application, which wants 6.2 or later`}},
		"a Redis too old for a process alone": {func(d *Dashboard) {
			d.server.Version, d.processes[0].Version, d.version = "6.2.14", "8.0.5", sidekiq.Version{}
		},
			[]string{`Redis 6.2.14 is too old for Sidekiq 8.0.5 of process 7 on w1, which wants 7.0 or later`}},
		"a Redis too old for processes of two versions": {func(d *Dashboard) {
			d.server.Version, d.processes[0].Version = "6.0.16", "8.0.5"
			other := d.processes[0]
			other.PID, other.Version = 8, "no version"
			d.processes = append(d.processes, other, d.processes[0])
		}, []string{`Redis 6.0.16 is too old for Sidekiq 7.3.2 of the application, which wants 6.2 or later`,
			`Redis 6.0.16 is too old for Sidekiq 8.0.5 of process 7 on w1, which wants 7.0 or later`}},
		"a Redis that forbids INFO": {func(d *Dashboard) {
			d.server, d.unknown = sidekiq.Server{}, []string{"whether this Redis fits is not known: NOPERM"}
		}, []string{"whether this Redis fits is not known: NOPERM"}},
		"no process, and jobs": {func(d *Dashboard) { d.processes = nil },
			[]string{`no process of Sidekiq lives, and 12 jobs wait; hint: systemctl status sidekiq`}},
		"no process, and no job": {func(d *Dashboard) { d.processes, d.overview.Queues = nil, nil },
			[]string{`no process of Sidekiq lives; hint: systemctl status sidekiq`}},
		"a Redis that no Sidekiq has used": {func(d *Dashboard) { d.processes, d.overview.Queues, d.isUsed = nil, nil, false }, nil},
		"two applications on a queue": {func(d *Dashboard) { share(d, "blog", "default") },
			[]string{`processes with the tags "blog" and "shop" fetch from the same queues of the Redis at localhost:6379: "default"; hint: if these are different applications, give each its own database or queues, since each runs the jobs of the other`}},
		"three applications, one without a tag": {func(d *Dashboard) { share(d, "blog", "default", "mailers"); share(d, "", "mailers") },
			[]string{
				`processes with the tags "" and "blog" and "shop" fetch from the same queues of the Redis at localhost:6379: "mailers"; hint: if these are different applications, give each its own database or queues, since each runs the jobs of the other`,
				`processes with the tags "blog" and "shop" fetch from the same queues of the Redis at localhost:6379: "default"; hint: if these are different applications, give each its own database or queues, since each runs the jobs of the other`,
			}},
		"two applications on their own queues": {func(d *Dashboard) { share(d, "blog", "posts") }, nil},
		"two processes of an application":      {func(d *Dashboard) { share(d, "shop", "default") }, nil},
		"another application that is quiet": {func(d *Dashboard) {
			share(d, "blog", "default")
			d.processes[1].Quiet, d.processes[1].StartedAt = true, now.Add(-time.Minute)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := healthy(t)
			c.change(d)
			require.Equal(t, c.want, d.Warnings())
		})
	}
}

// share adds a process with a tag on queues; the first one gets the tag shop.
func share(d *Dashboard, tag string, queues ...string) {
	other := d.processes[0]
	d.processes[0].Tag, other.Tag, other.Queues = "shop", tag, queues
	d.processes = append(d.processes, other)
}

func TestDashboard_Unused(t *testing.T) {
	d := healthy(t)
	require.Empty(t, d.Unused())
	d.isUsed = false
	require.Empty(t, d.Unused(), "a process has just been started")
	d.processes = nil
	require.Equal(t, "no Sidekiq has ever used the Redis at localhost:6379 (from redis_url); hint: compare address, database and redis_namespace with the application's", d.Unused())
}
