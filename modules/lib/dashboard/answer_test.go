package dashboard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

func TestDashboard_Summary(t *testing.T) {
	d := healthy(t)
	d.overview.Retries = 1
	require.Equal(t, "1 process, 5 threads (1 busy), queues default 12 (4 s), mailers 0; 1 retry, 0 scheduled, 0 dead", d.Summary())

	d.processes = append(d.processes, d.processes[0])
	d.overview.Retries, d.overview.Scheduled = 0, 2
	d.overview.Queues = []sidekiq.Backlog{{Name: "a", Size: 1, Latency: 3 * time.Minute}}
	for _, name := range []string{"b", "c", "d", "e", "f"} {
		d.overview.Queues = append(d.overview.Queues, sidekiq.Backlog{Name: name})
	}
	d.overview.Queues = append(d.overview.Queues, sidekiq.Backlog{Name: "g", Size: 7, Latency: 72 * time.Hour})
	require.Equal(t, "2 processes, 10 threads (2 busy), queues g 7 (3 days), a 1 (3 min), b 0, c 0, d 0 and 2 more; 0 retries, 2 scheduled, 0 dead", d.Summary())

	d.overview.Queues = d.overview.Queues[:5]
	require.Equal(t, "2 processes, 10 threads (2 busy), queues a 1 (3 min), b 0, c 0, d 0, e 0; 0 retries, 2 scheduled, 0 dead", d.Summary())

	require.Equal(t, "0 processes, 0 threads (0 busy), queues empty; 0 retries, 0 scheduled, 0 dead", (&Dashboard{}).Summary())
}

func TestRough_RoundsDown(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 min", 119*time.Minute + 59*time.Second: "119 min", 2 * time.Hour: "2 h",
		47*time.Hour + 59*time.Minute: "47 h", 48 * time.Hour: "2 days",
	} {
		require.Equal(t, want, rough(d))
	}
}
