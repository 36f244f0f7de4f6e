package sidekiq

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedisIsLookedForInRedisYML(t *testing.T) {
	environ := func(name string) (string, bool) {
		value, set := map[string]string{"REDIS_HOST": "r1", "EMPTY": ""}[name]
		return value, set
	}
	for _, c := range []struct{ source, want string }{
		{"", ""},
		{"production:\n  host: r1\n  port: 6380\n", "redis://r1:6380"},
		{"production:\n  host: <%= ENV['REDIS_HOST'] %>\n", "redis://r1"},
		{"production:\n  host: <%= ENV.fetch('NOWHERE', 'localhost') %>\n  port: <%= ENV.fetch('NOWHERE', 6379) %>\n  db: 2\n", "redis://localhost:6379/2"},
		{"default: &default\n  host: r1\nproduction:\n  <<: *default\n  password: hush hush\n", "redis://:hush%20hush@r1"},
		{"production:\n  url: redis://r1/3\n", "redis://r1/3"},
		{":url: redis://r1/3\n", "redis://r1/3"},
		{"production:\n  host: r1\n  ssl: true\n", "rediss://r1"},
		{"staging:\n  host: r1\n", ""},
		{"production:\n  host: <%= Rails.secret %>\n", ""},
		{"production: localhost:6379\n", ""},
		{"production:\n  host: r1\n  db: first\n", ""},
		{"<% if x %>\n", ""},
		{"- a\n", ""},
	} {
		require.Equal(t, c.want, RedisYML([]byte(c.source), "production", environ), c.source)
	}
}

func TestWhatARedisLacksForASidekiqIsSaid(t *testing.T) {
	eight, err := ParseVersion("8.1.7")
	require.NoError(t, err)
	require.Empty(t, Server{Version: "7.0.15", MaxmemoryPolicy: "noeviction"}.Faults(eight))
	require.Empty(t, Server{}.Faults(eight))
	require.Empty(t, Server{Version: "3.2"}.Faults(Version{}))
	require.Equal(t, []string{
		`this Redis drops jobs when its memory is full: its maxmemory-policy is "allkeys-lru"; hint: set it to noeviction`,
		"Redis 6.2.1 is too old for Sidekiq 8.1.7 of the application, which wants 7.0 or later",
	}, Server{Version: "6.2.1", MaxmemoryPolicy: "allkeys-lru"}.Faults(eight))
}
