package sidekiq

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

func TestTheRunningJobsOfEveryVersionAreRead(t *testing.T) {
	server := redistest.Start(t)
	do, r := server.Writer(t, 0), open(t, "unix://:hush%20hush@"+server.Socket, "")
	for identity, c := range map[string]struct {
		key  string
		jobs []string
		want []Job
	}{
		"w5:1:a": {":workers", []string{
			`{"queue":"default","payload":{"class":"Later","args":[],"jid":"b","created_at":1700000000.1},"run_at":1700000020}`,
			`{"queue":"mailers","payload":{"class":"Sooner","args":[1],"jid":"a"},"run_at":1700000010}`,
		}, []Job{
			{Class: "Sooner", JID: "a", Queue: "mailers", RunAt: time.Unix(1700000010, 0)},
			{Class: "Later", JID: "b", Queue: "default", RunAt: time.Unix(1700000020, 0)},
		}},
		"w6:1:a": {":workers", []string{`{"queue":"default","payload":"{\"class\":\"Sidekiq::Worker\",\"jid\":\"a\"}","run_at":1700000010}`},
			[]Job{{Class: "Sidekiq::Worker", JID: "a", Queue: "default", RunAt: time.Unix(1700000010, 0)}}},
		"w7:1:a": {":work", []string{
			`{"queue":"default","payload":"{\"class\":\"ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper\",\"wrapped\":\"IngestJob\",\"jid\":\"a\"}","run_at":1700000010}`},
			[]Job{{Class: "IngestJob", JID: "a", Queue: "default", RunAt: time.Unix(1700000010, 0)}}},
		"w8:1:a": {":work", []string{
			`{"queue":"default","payload":"{\"class\":\"Sidekiq::ActiveJob::Wrapper\",\"wrapped\":\"IngestJob\",\"jid\":\"a\",\"enqueued_at\":1700000000123}","run_at":1700000010123}`},
			[]Job{{Class: "IngestJob", JID: "a", Queue: "default", RunAt: time.UnixMilli(1700000010123)}}},
		"broken:1:a": {":work", []string{`{"queue":"default","payload":"{","run_at":1700000010}`, `{`, `{"queue":"default","payload":7,"run_at":"soon"}`},
			[]Job{{}, {Queue: "default"}, {Queue: "default", RunAt: time.Unix(1700000010, 0)}}},
	} {
		for i, job := range c.jobs {
			do("HSET", identity+c.key, i, job)
		}
		got, err := r.Jobs(identity)
		require.NoError(t, err)
		require.Equal(t, c.want, got, identity)
	}
	idle, err := r.Jobs("idle:1:a")
	require.NoError(t, err)
	require.Empty(t, idle)
}

func TestTheJobsOfAQueueAreListedAsTheyAreFetched(t *testing.T) {
	server := redistest.Start(t)
	do, r := server.Writer(t, 0), open(t, "unix://:hush%20hush@"+server.Socket, "app")
	do("LPUSH", "app:queue:default", `{"class":"First","jid":"1"}`, `{"class":"Wrapper","wrapped":"Second","jid":"2"}`, `no JSON`, `{"class":"Fourth","jid":4}`)
	for most, want := range map[int][]Job{
		0: nil,
		2: {{Class: "First", JID: "1", Queue: "default"}, {Class: "Second", JID: "2", Queue: "default"}},
		9: {{Class: "First", JID: "1", Queue: "default"}, {Class: "Second", JID: "2", Queue: "default"}, {Queue: "default"}, {Class: "Fourth", Queue: "default"}},
	} {
		got, err := r.Waiting("default", most)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// Arrays in arrays may take fifty times the memory of their text when they are decoded.
func TestPayload_AbsurdFields(t *testing.T) {
	for _, text := range []string{
		`{"class":` + strings.Repeat("[", 20000), `{"class":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		`{"class":["` + strings.Repeat(`",[],"`, 1<<18) + `"],"jid":{"a":1},"enqueued_at":"x","created_at":null}`, `null`, `"null"`, `"\"x\""`, `[]`, ``,
	} {
		require.Equal(t, Job{Queue: "q"}, payload([]byte(text)).job("q"), "%.40s", text)
		_, known := payload([]byte(text)).enqueued()
		require.False(t, known, "%.40s", text)
		require.Less(t, allocated(func() { payload([]byte(text)).job("q") }), uint64(8*len(text)+1<<20), "%.40s", text)
	}
}
