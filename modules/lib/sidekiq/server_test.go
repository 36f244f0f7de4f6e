package sidekiq

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
)

func TestARedisTellsItsVersionAndItsPolicy(t *testing.T) {
	server := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	s, err := open(t, "unix://:hush%20hush@"+server.Socket, "app").Server()
	require.NoError(t, err)
	require.Regexp(t, `^\d+\.\d+\.\d+$`, s.Version)
	require.Equal(t, "allkeys-lru", s.MaxmemoryPolicy)
}

func TestARedisThatMayNotTellIsAnError(t *testing.T) {
	server := redistest.Start(t)
	server.Writer(t, 0)("ACL", "SETUSER", "worker", "on", ">pw", "~*", "+@all", "-info")
	r := open(t, "unix://worker:pw@"+server.Socket, "")
	_, err := r.Server()
	require.ErrorContains(t, err, "redis at "+server.Socket+": NOPERM")
	_, err = r.Overview()
	require.NoError(t, err, "the rest can be read")
}

func TestEverySidekiqWantsItsRedis(t *testing.T) {
	for text, want := range map[string]string{
		"5.2.7": "2.8", "6.0.0": "4.0", "6.5.12": "4.0", "7.0.0": "6.2", "7.3.2": "6.2", "8.0.0.beta1": "7.2", "8.0.0": "7.2", "8.0.1": "7.0", "8.1.7": "7.0", "9.0": "7.0",
	} {
		v, err := ParseVersion(text)
		require.NoError(t, err)
		require.Equal(t, want, v.RedisFloor(), text)
	}
	require.Empty(t, Version{}.RedisFloor())

	for _, c := range []struct {
		server, floor string
		enough        bool
	}{
		{"6.0.16", "6.2", false}, {"6.2.0", "6.2", true}, {"7.0.15", "7.2", false}, {"10.0.0", "7.2", true}, {"3.2.12", "4.0", false},
		{"", "7.2", true}, {"unstable", "7.2", true}, {"2.8", "", true},
	} {
		require.Equal(t, c.enough, RedisAtLeast(c.server, c.floor), "%q %q", c.server, c.floor)
	}
}
