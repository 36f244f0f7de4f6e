package sidekiq

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseTitle(t *testing.T) {
	for title, want := range map[string]Process{
		"sidekiq 7.3.2 hyrax [0 of 12 busy]":                  {Version: "7.3.2", Tag: "hyrax", Concurrency: 12},
		"sidekiq 7.3.2  [3 of 7 busy] stopping":               {Version: "7.3.2", Concurrency: 7, Busy: 3, Quiet: true}, // an empty tag
		"sidekiq 6.4.1 a [0 of 25 busy] stopp":                {Version: "6.4.1", Tag: "a", Concurrency: 25, Quiet: true},
		"sidekiq 5.0.0 [1 of 25 busy]":                        {Version: "5.0.0", Concurrency: 25, Busy: 1},
		"sidekiq 6.4.1 a [1 of 2 busy] b [0 of 5 busy]":       {Version: "6.4.1", Tag: "a [1 of 2 busy] b", Concurrency: 5},
		"sidekiq 8.1.7 shop [0 of 5 busy] leader stopping":    {Version: "8.1.7", Tag: "shop", Concurrency: 5, Quiet: true},
		"sidekiq 7.3.2 two words [12 of 12 busy] nonstopping": {Version: "7.3.2", Tag: "two words", Concurrency: 12, Busy: 12},
	} {
		got, isTitle := ParseTitle(title)
		require.True(t, isTitle, title)
		require.Equal(t, want, got)
	}
	for _, title := range []string{"sidekiq 6.4.1 a very long ta", "sidekiq 6.4.1 a [0 of 12", "sidekiq 6.4.1 a [99999999 of 1 busy]"} {
		got, isTitle := ParseTitle(title)
		require.True(t, isTitle, title)
		require.Equal(t, Process{Version: "6.4.1"}, got, "cut off")
	}
	for _, title := range []string{"", "sidekiq", "bundle", "sidekiqswarm, managing 2 processes", "ruby sidekiq 7.3.2 a [0 of 1 busy]"} {
		_, isTitle := ParseTitle(title)
		require.False(t, isTitle, title)
	}
}

func TestMainProcess_Titles(t *testing.T) {
	const room = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	f := testProc(t)
	main := MainProcess{Process: f.Process(42)}
	require.Empty(t, main.Titles())
	writeProc(t, f, "44/cmdline", "sidekiq 7.3.2 a [1 of 5 busy]"+room)
	writeProc(t, f, "45/status", "PPid:\t44\n")
	writeProc(t, f, "45/cmdline", "sidekiq 7.3.2 a [2 of 5 busy] stopping"+room)
	require.Equal(t, []Process{{PID: 44, Version: "7.3.2", Tag: "a", Concurrency: 5, Busy: 1}, {PID: 45, Version: "7.3.2", Tag: "a", Concurrency: 5, Busy: 2, Quiet: true}}, main.Titles())
	writeProc(t, f, "42/cmdline", "sidekiq 7.3.2 a [0 of 7 busy]"+room)
	require.Equal(t, []Process{{PID: 42, Version: "7.3.2", Tag: "a", Concurrency: 7}}, main.Titles())
	writeProc(t, f, "42/cmdline", "sidekiq 7.3.2 a [0 of 7 busy]\x00\x00")
	require.Equal(t, []Process{{PID: 42, Version: "7.3.2", Tag: "a", Concurrency: 7, HidesQuiet: true}}, main.Titles())
}

func TestSum(t *testing.T) {
	now := time.Now()
	require.Equal(t, Process{}, Sum(nil))
	a := Process{PID: 1, Concurrency: 5, Busy: 1, Quiet: true, Beat: now, Queues: []string{"default"}}
	require.Equal(t, a, Sum([]Process{a}))
	b := Process{PID: 2, Concurrency: 5, Busy: 2, Beat: now.Add(-time.Second), Queues: []string{"default", "ingest"}}
	require.Equal(t, Process{PID: 1, Concurrency: 10, Busy: 3, Beat: b.Beat, Queues: []string{"default", "ingest"}}, Sum([]Process{a, b}))
	require.Equal(t, []string{"default"}, a.Queues)
}
