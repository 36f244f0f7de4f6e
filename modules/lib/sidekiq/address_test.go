package sidekiq

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFound_IsLocal(t *testing.T) {
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	cases := map[string]bool{
		"redis://localhost": true, "redis://127.0.0.2:6390/1": true, "rediss://[::1]:6379": true, "unix:///run/redis/redis.sock": true,
		"redis://:secret@192.0.2.1:6379": false, "redis://no-such-host.invalid": false, "nonsense": false,
	}
	for _, a := range addrs {
		ip, _, err := net.ParseCIDR(a.String())
		require.NoError(t, err)
		if ip.IsGlobalUnicast() {
			cases["redis://"+net.JoinHostPort(ip.String(), "6379")] = true
		}
	}
	for url, want := range cases {
		require.Equal(t, want, Found{URL: url}.IsLocal(), url)
	}
}

func TestFound_Answers(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := net.Listen("unix", filepath.Join(t.TempDir(), "redis.sock"))
	require.NoError(t, err)
	urls := []string{"redis://" + tcp.Addr().String(), "rediss://" + tcp.Addr().String(), "unix://" + socket.Addr().String()}
	for _, url := range urls {
		require.True(t, Found{URL: url}.Answers(), url)
	}
	require.NoError(t, tcp.Close())
	require.NoError(t, socket.Close())
	for _, url := range append(urls, "nonsense") {
		require.False(t, Found{URL: url}.Answers(), url)
	}
}
