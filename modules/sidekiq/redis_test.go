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

// startRedis runs a real Redis for the test, on a socket and on a port of the loopback, with more arguments.
func startRedis(t *testing.T, more ...string) (socket string, port int) {
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
	cmd.Args = append(cmd.Args, more...)
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

// writer sends commands as Sidekiq would.
func writer(t *testing.T, socket string, db int) func(command string, args ...any) {
	t.Helper()
	conn, err := redis.Dial("unix", socket, redis.DialPassword(password), redis.DialDatabase(db))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return func(command string, args ...any) {
		t.Helper()
		_, err := conn.Do(command, args...)
		require.NoError(t, err)
	}
}

func open(t *testing.T, url, namespace string) *Redis {
	t.Helper()
	r, err := Open(context.Background(), url, namespace)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func TestRedisIsLookedForAsSidekiqDoes(t *testing.T) {
	for _, c := range []struct {
		given            string
		environment      map[string]string
		wanted, wantedBy string
	}{
		{"redis://a", map[string]string{"REDIS_URL": "redis://b"}, "redis://a", "redis_url"},
		{"", map[string]string{"REDIS_URL": "redis://b"}, "redis://b", "the variable REDIS_URL"},
		{"", map[string]string{"REDIS_URL": "redis://b", "REDIS_PROVIDER": "MY_REDIS", "MY_REDIS": "redis://c"}, "redis://c", "the variable MY_REDIS"},
		{"", map[string]string{"REDIS_URL": ""}, "redis://localhost:6379/0", "Sidekiq's default, localhost"},
		{"", nil, "redis://localhost:6379/0", "Sidekiq's default, localhost"},
	} {
		url, source := RedisOf(c.given, environ(c.environment))
		require.Equal(t, c.wanted, url)
		require.Equal(t, c.wantedBy, source)
	}
}

func TestAWrongPasswordIsToldWithoutIt(t *testing.T) {
	_, port := startRedis(t)
	_, err := Open(context.Background(), fmt.Sprintf("redis://:wrong-hush@127.0.0.1:%d", port), "")
	require.ErrorContains(t, err, "WRONGPASS")
	require.NotContains(t, err.Error(), "wrong-hush")
	r := open(t, fmt.Sprintf("redis://127.0.0.1:%d", port), "")
	_, err = r.Processes(context.Background())
	require.ErrorContains(t, err, fmt.Sprintf("redis at 127.0.0.1:%d: NOAUTH", port))
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", port), r.Place())
}

func TestThePlaceIsHostAndPort(t *testing.T) {
	for text, want := range map[string]string{
		"redis://": "localhost:6379", "redis:///3": "localhost:6379", "redis://:p@r1": "r1:6379", "rediss://u:p@r1:7000/2": "r1:7000", "redis://[::1]/0": "[::1]:6379",
	} {
		u, err := parseRedisURL(text)
		require.NoError(t, err, text)
		require.Equal(t, want, placeOf(u))
	}
}

func TestARedisThatDoesNotAnswerIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	r, err := Open(ctx, "redis://:hush@"+listener.Addr().String(), "")
	if err == nil {
		_, err = r.Processes(ctx)
	}
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
		_, err := Open(context.Background(), url, "")
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hu", url)
	}
}
