package sidekiq

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

func TestWorkIsCountedAsTheDashboardDoes(t *testing.T) {
	server := redistest.Start(t)
	do, r := server.Writer(t, 0), open(t, "unix://:hush%20hush@"+server.Socket, "")
	empty, err := r.Overview()
	require.NoError(t, err)
	require.Equal(t, Overview{}, empty)

	now := time.Now()
	do("SADD", "queues", "seconds", "milliseconds", "empty", "silent")
	do("LPUSH", "queue:seconds", fmt.Sprintf(`{"enqueued_at":%d.5}`, now.Unix()-61), `{"enqueued_at":1}`)
	do("LPUSH", "queue:milliseconds", fmt.Sprintf(`{"created_at":%d}`, now.UnixMilli()-61000))
	do("LPUSH", "queue:silent", `no JSON`)
	do("ZADD", "retry", 1, "a", 2, "b")
	do("ZADD", "schedule", 1, "a")
	do("ZADD", "dead", 1, "a", 2, "b", 3, "c")
	do("SET", "stat:processed", 5000000000)
	do("SET", "stat:failed", 7)
	do("SET", "stat:processed:"+now.UTC().Format(time.DateOnly), 11)
	got, err := r.Overview()
	require.NoError(t, err)
	for i, size := range []int{0, 1, 2, 1} {
		q := &got.Queues[i]
		require.Equal(t, size, q.Size, q.Name)
		if q.Name == "seconds" || q.Name == "milliseconds" {
			require.InDelta(t, 61, q.Latency.Seconds(), 2, q.Name)
		} else {
			require.Zero(t, q.Latency, q.Name)
		}
	}
	require.Equal(t, "milliseconds", got.Queues[1].Name)
	got.Queues = nil
	require.Equal(t, Overview{Retries: 2, Scheduled: 1, Dead: 3, Processed: 5000000000, Failed: 7, ProcessedToday: 11}, got)
}

func TestARedisThatNoSidekiqEverUsedIsKnown(t *testing.T) {
	server := redistest.Start(t)
	do, r := server.Writer(t, 0), open(t, "unix://:hush%20hush@"+server.Socket, "app")
	do("SET", "stat:processed", 1) // of another namespace
	has, err := r.HasSidekiq()
	require.NoError(t, err)
	require.False(t, has)
	do("ZADD", "app:dead", 1, "a")
	has, err = r.HasSidekiq()
	require.NoError(t, err)
	require.True(t, has)
}
