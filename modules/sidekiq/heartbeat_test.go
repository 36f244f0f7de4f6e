package sidekiq

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"
)

const password = "hush hush"

// startRedis runs a real Redis for the test, on a socket and on a port of the loopback.
func startRedis(t *testing.T) (socket string, port int) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("REQUIRE_ORACLES") == "1" {
			t.Fatal("REQUIRE_ORACLES=1 and there is no redis-server; hint: apt-get install redis-server")
		}
		t.Skip("NOT TESTED against Redis: there is no redis-server; hint: apt-get install redis-server")
	}
	folder, err := os.MkdirTemp("", "redis") // the path of a socket must be short
	require.NoError(t, err)
	socket, port = filepath.Join(folder, "s"), freePort(t)
	cmd := exec.Command(program, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--unixsocket", socket,
		"--requirepass", password, "--save", "", "--dir", folder)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		require.NoError(t, os.RemoveAll(folder))
	})
	require.Eventually(t, func() bool {
		conn, err := redis.Dial("unix", socket, redis.DialPassword(password))
		return err == nil && conn.Close() == nil
	}, 10*time.Second, 20*time.Millisecond, "redis-server does not answer")
	return socket, port
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

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

func leaveBeats(t *testing.T, socket string, db int, prefix string) {
	t.Helper()
	conn, err := redis.Dial("unix", socket, redis.DialPassword(password), redis.DialDatabase(db))
	require.NoError(t, err)
	defer conn.Close()
	for _, b := range beats {
		_, err = conn.Do("SADD", prefix+"processes", b.key)
		require.NoError(t, err)
		_, err = conn.Do("HSET", append([]any{prefix + b.key}, b.fields...)...)
		require.NoError(t, err)
	}
	_, err = conn.Do("SADD", prefix+"processes", "w9:104:dead")
	require.NoError(t, err)
}

func wantProcesses() []Process {
	started := time.UnixMicro(1699990000500000)
	return []Process{
		{Identity: "w5:101:aaaaaaaaaaaa", Hostname: "w5", PID: 101, Tag: "app", Concurrency: 10, Queues: []string{"default", "mailers"},
			StartedAt: started, Beat: time.UnixMicro(1700000000250000)},
		{Identity: "w7:102:bbbbbbbbbbbb", Hostname: "w7", PID: 102, Tag: "app", Version: "7.3.2", Concurrency: 5, Busy: 3, Queues: []string{"default"},
			Quiet: true, StartedAt: started, Beat: time.UnixMicro(1700000001500000)},
		{Identity: "w8:103:cccccccccccc", Hostname: "w8", PID: 103, Tag: "app", Version: "8.1.7", Concurrency: 7, Busy: 1, Queues: []string{"default", "low", "video"},
			StartedAt: started, Beat: time.UnixMicro(1700000002000000)},
	}
}

func TestTheHeartbeatOfEveryVersionIsRead(t *testing.T) {
	socket, port := startRedis(t)
	leaveBeats(t, socket, 0, "")
	leaveBeats(t, socket, 2, "app:")
	for _, c := range []struct{ url, namespace string }{
		{fmt.Sprintf("redis://:hush%%20hush@127.0.0.1:%d", port), ""},
		{fmt.Sprintf("redis://default:hush%%20hush@127.0.0.1:%d/2", port), "app"},
		{fmt.Sprintf("unix://:hush%%20hush@%s", socket), ""},
		{fmt.Sprintf("unix://:hush%%20hush@%s?db=2", socket), "app"},
	} {
		got, err := Processes(context.Background(), c.url, c.namespace)
		require.NoError(t, err)
		require.Equal(t, wantProcesses(), got)
	}
	got, err := Processes(context.Background(), fmt.Sprintf("unix://:hush%%20hush@%s?db=3", socket), "")
	require.NoError(t, err)
	require.Empty(t, got)

	_, err = Processes(context.Background(), fmt.Sprintf("redis://:wrong-hush@127.0.0.1:%d", port), "")
	require.ErrorContains(t, err, "WRONGPASS")
	require.NotContains(t, err.Error(), "wrong-hush")
	_, err = Processes(context.Background(), fmt.Sprintf("redis://127.0.0.1:%d", port), "")
	require.ErrorContains(t, err, "NOAUTH")
}

func TestARedisThatDoesNotAnswerIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = Processes(ctx, "redis://:hush@"+listener.Addr().String(), "")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hush")
	require.Less(t, time.Since(begin), 2*time.Second)
}

func TestNoErrorHoldsThePassword(t *testing.T) {
	closed := freePort(t)
	for _, url := range []string{
		fmt.Sprintf("redis://u:hush@127.0.0.1:%d/0", closed),
		"redis://u:hush@[::1", "redis://u:hu#sh@localhost", "redis://u:hu/sh@localhost", "redis://u:hu?sh@localhost",
		"redis:hush@localhost", "redis://u:hush@localhost/x", "http://u:hush@localhost", "unix://u:hush@", "u:hush", "redis://u:%zzhush@localhost",
		"unix://:hush@/nowhere/redis.sock", "unix://:hush@/nowhere/redis.sock?db=hush", "redis://hu/sh@localhost",
	} {
		_, err := Processes(context.Background(), url, "")
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hu", url)
	}
}

func TestAHeartbeatThatIsNoneIsAnError(t *testing.T) {
	for _, fields := range []map[string]string{
		{"info": "{", "beat": "1", "busy": "0"},
		{"info": "{}", "beat": "soon", "busy": "0"},
		{"info": "{}", "beat": "1", "busy": "some"},
	} {
		_, err := parseProcess("w:1:x", fields)
		require.ErrorContains(t, err, "the heartbeat of w:1:x is not understood")
	}
}
