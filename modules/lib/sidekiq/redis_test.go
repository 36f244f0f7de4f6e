package sidekiq

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

func open(t *testing.T, url, namespace string) *Redis {
	t.Helper()
	r, err := Open(url, namespace)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func TestRedis_Databases(t *testing.T) {
	server := redistest.Start(t)
	for _, db := range []int{1, 12} {
		server.Writer(t, db)("SET", "a", "b")
	}
	databases, err := open(t, fmt.Sprintf("unix://:hush%%20hush@%s", server.Socket), "").Databases()
	require.NoError(t, err)
	require.Equal(t, []int{1, 12}, databases)
}

// A server that reads lines would take them for commands.
func TestParseRedisURL_ControlCharacters(t *testing.T) {
	for _, text := range []string{"unix://:x%0d%0amigrate%20exec:id%0d%0a@/run/s", "redis://a%0Ab:hush@web"} {
		_, err := parseRedisURL(text)
		require.ErrorIs(t, err, errRedisURL)
	}
}

func TestFound_Place(t *testing.T) {
	for url, want := range map[string]string{
		"redis://": "localhost:6379/0", "redis://:hush@web:1/12": "web:1/12", "rediss://web/": "web:6379/0", "unix:///run/a.sock": "/run/a.sock",
		"unix://:hush@/run/a.sock?db=2": "/run/a.sock?db=2", "redis-sentinel://:hush@web": "",
	} {
		require.Equal(t, want, Found{URL: url}.Place())
	}
}

func TestOpen_WrongPassword(t *testing.T) {
	port := redistest.Start(t).Port
	_, err := Open(fmt.Sprintf("redis://:wrong-hush@127.0.0.1:%d", port), "")
	require.ErrorContains(t, err, "WRONGPASS")
	require.NotContains(t, err.Error(), "wrong-hush")
	r := open(t, fmt.Sprintf("redis://127.0.0.1:%d", port), "")
	_, err = r.Processes()
	require.ErrorContains(t, err, fmt.Sprintf("redis at 127.0.0.1:%d: NOAUTH", port))
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", port), r.place)
}

// A Redis without TLS waits for the end of a line and never answers the handshake.
func TestOpen_TLSToPlainRedis(t *testing.T) {
	server := redistest.Start(t)
	defer func(usual time.Duration) { replyTimeout = usual }(replyTimeout)
	replyTimeout = 50 * time.Millisecond
	_, err := Open(fmt.Sprintf("rediss://localhost:%d", server.Port), "")
	require.EqualError(t, err, fmt.Sprintf("redis at localhost:%d: context deadline exceeded", server.Port))
}

func TestPlaceOf(t *testing.T) {
	for text, want := range map[string]string{
		"redis://": "localhost:6379", "redis:///3": "localhost:6379", "redis://:p@r1": "r1:6379", "rediss://u:p@r1:7000/2": "r1:7000", "redis://[::1]/0": "[::1]:6379",
	} {
		u, err := parseRedisURL(text)
		require.NoError(t, err, text)
		require.Equal(t, want, placeOf(u))
	}
}

func TestOpen_ErrorsWithoutPassword(t *testing.T) {
	closed := redistest.FreePort(t)
	for _, url := range []string{
		fmt.Sprintf("redis://u:hush@127.0.0.1:%d/0", closed),
		"redis://u:hush@[::1", "redis://u:hu#sh@localhost", "redis://u:hu/sh@localhost", "redis://u:hu?sh@localhost",
		"redis:hush@localhost", "redis://u:hush@localhost/x", "http://u:hush@localhost", "unix://u:hush@", "u:hush", "redis://u:%zzhush@localhost",
		"unix://:hush@/nowhere/redis.sock", "unix://:hush@/nowhere/redis.sock?db=hush", "redis://hu/sh@localhost",
	} {
		_, err := Open(url, "")
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "hu", url)
	}
}
