package sidekiq

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
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

func TestTheFileCountsWhereNoVariableNamesARedis(t *testing.T) {
	read := func(path string) ([]byte, error) {
		if path == "/broken/config/redis.yml" {
			return nil, errors.New("denied")
		}
		return map[string][]byte{"/app/config/redis.yml": []byte("production:\n  host: r1\n")}[path], nil
	}
	named := func(name string) (string, bool) { return "redis://r2", name == "REDIS_URL" }
	for _, c := range []struct {
		given, root string
		environ     environ.Environ
		want        Found
	}{
		{"redis://r3", "/app", named, Found{"redis://r3", "redis_url", false}},
		{"", "/app", named, Found{"redis://r2", "the variable REDIS_URL", false}},
		{"", "/app", environ.None, Found{"redis://r1", "/app/config/redis.yml", true}},
		{"", "/other", environ.None, Found{"redis://localhost:6379/0", DefaultRedis, true}},
		{"", "", environ.None, Found{"redis://localhost:6379/0", DefaultRedis, true}},
	} {
		got, err := FindRedis(c.given, c.environ, c.root, "production", read)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	_, err := FindRedis("", environ.None, "/broken", "production", read)
	require.EqualError(t, err, "denied")
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
