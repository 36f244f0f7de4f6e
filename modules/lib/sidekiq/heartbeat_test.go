package sidekiq

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

// beat is what a process leaves in Redis.
type beat struct {
	key    string
	fields []any
}

var beats = []beat{
	{"w5:101:aaaaaaaaaaaa", []any{"busy", 0, "beat", "1700000000.25", "quiet", "false",
		"info", `{"hostname":"w5","started_at":1699990000.5,"pid":101,"tag":"app","concurrency":10,"queues":["default","mailers"],"labels":[],"identity":"w5:101:aaaaaaaaaaaa"}`}},
	{"w7:102:bbbbbbbbbbbb", []any{"busy", 3, "beat", "1700000001.5", "quiet", "true", "rtt_us", 90, "rss", 80000,
		"info", `{"hostname":"w7","started_at":1699990000.5,"pid":102,"tag":"app","concurrency":5,"queues":["default"],"weights":[{"default":0}],"labels":["reliable"],"identity":"w7:102:bbbbbbbbbbbb","version":"7.3.2","embedded":false}`}},
	{"w8:103:cccccccccccc", []any{"busy", 1, "beat", "1700000002", "quiet", "false", "concurrency", 7, "rtt_us", 90, "rss", 80000,
		"info", `{"hostname":"w8","started_at":1699990000.5,"pid":103,"tag":"app","capsules":{"default":{"concurrency":5,"mode":"strict","weights":{"low":0,"default":0}},"media":{"concurrency":2,"mode":"strict","weights":{"default":0,"video":0}}},"labels":[],"identity":"w8:103:cccccccccccc","version":"8.1.7","embedded":false}`}},
}

func leaveBeats(t *testing.T, server redistest.Server, db int, prefix string) {
	t.Helper()
	do := server.Writer(t, db)
	for _, b := range beats {
		do("SADD", prefix+"processes", b.key)
		do("HSET", append([]any{prefix + b.key}, b.fields...)...)
	}
	do("SADD", prefix+"processes", "w9:104:dead")
}

func wantProcesses() []Process {
	started := time.UnixMicro(1699990000500000)
	return []Process{
		{Identity: "w5:101:aaaaaaaaaaaa", Hostname: "w5", PID: 101, Tag: "app", Concurrency: 10, Queues: []string{"default", "mailers"},
			StartedAt: started, Beat: time.UnixMicro(1700000000250000), Labels: []string{}},
		{Identity: "w7:102:bbbbbbbbbbbb", Hostname: "w7", PID: 102, Tag: "app", Version: "7.3.2", Concurrency: 5, Busy: 3, Queues: []string{"default"},
			Quiet: true, StartedAt: started, Beat: time.UnixMicro(1700000001500000), RSS: 80000 * 1024, Labels: []string{"reliable"}},
		{Identity: "w8:103:cccccccccccc", Hostname: "w8", PID: 103, Tag: "app", Version: "8.1.7", Concurrency: 7, Busy: 1, Queues: []string{"default", "low", "video"},
			StartedAt: started, Beat: time.UnixMicro(1700000002000000), RSS: 80000 * 1024, Labels: []string{}},
	}
}

func TestTheHeartbeatOfEveryVersionIsRead(t *testing.T) {
	server := redistest.Start(t)
	leaveBeats(t, server, 0, "")
	leaveBeats(t, server, 2, "app:")
	for _, c := range []struct{ url, namespace string }{
		{fmt.Sprintf("redis://:hush%%20hush@127.0.0.1:%d", server.Port), ""},
		{fmt.Sprintf("redis://default:hush%%20hush@127.0.0.1:%d/2", server.Port), "app"},
		{fmt.Sprintf("unix://:hush%%20hush@%s", server.Socket), ""},
		{fmt.Sprintf("unix://:hush%%20hush@%s?db=2", server.Socket), "app"},
	} {
		got, err := open(t, c.url, c.namespace).Processes()
		require.NoError(t, err)
		require.Equal(t, wantProcesses(), got)
	}
	got, err := open(t, fmt.Sprintf("unix://:hush%%20hush@%s?db=3", server.Socket), "").Processes()
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestAHeartbeatThatIsNoneIsAnError(t *testing.T) {
	for _, fields := range []map[string]string{
		{"info": "{", "beat": "1", "busy": "0"},
		{"info": "{}", "beat": "soon", "busy": "0"},
		{"info": "{}", "beat": "1", "busy": "some"},
		{"info": "{}", "beat": "1", "rss": "much"},
	} {
		_, err := parseProcess("w:1:x", fields)
		require.ErrorContains(t, err, `the heartbeat of "w:1:x" is not understood`)
	}
}

// Whoever may write to Redis may write anything.
func TestParseProcess_AbsurdFields(t *testing.T) {
	for _, info := range []string{
		`[]`, `"x"`, `7`, `{"pid":1e999}`, `{"pid":"1"}`, `{"pid":1.5}`, `{"queues":{}}`, `{"queues":[1]}`, `{"capsules":[]}`, `{"capsules":{"a":1}}`,
		`{"started_at":1e999}`, strings.Repeat("[", 20000), `{"labels":` + strings.Repeat("[", 20000), `{"labels":["` + strings.Repeat(`","`, maxInfo) + `"]}`,
	} {
		_, err := parseProcess("w:1:\x1b[2J", map[string]string{"info": info, "beat": "1"})
		require.EqualError(t, err, `the heartbeat of "w:1:\x1b[2J" is not understood: info is not the JSON of a process`, "%.60s", info)
	}
	for _, fields := range []map[string]string{
		{"info": "null", "beat": "1"}, {"info": "{}", "beat": "1e308"}, {"info": "{}", "beat": "-inf"}, {"info": "{}", "beat": "nan"},
		{"info": `{"started_at":-1e300,"capsules":{"":{"weights":null}},"pid":-1,"concurrency":9223372036854775807}`, "beat": "0", "rss": "9223372036854775807"},
	} {
		p, err := parseProcess("w:1:x", fields)
		require.NoError(t, err)
		require.NotPanics(t, func() { _ = p.Beat.Format(time.RFC3339) + p.StartedAt.UTC().String() })
	}
	for name, value := range map[string]string{"busy": "99999999999999999999", "rss": "", "concurrency": "1e3"} {
		_, err := parseProcess("w:1:x", map[string]string{"info": "{}", "beat": "1", name: value})
		require.EqualError(t, err, `the heartbeat of "w:1:x" is not understood: `+name+` is not a number`)
	}
}
