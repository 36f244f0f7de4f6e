package databaseyml

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

func TestTheFirstVariableThatHelpsIsTheOneToSet(t *testing.T) {
	for source, want := range map[string]map[string]string{
		`pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>`:                               {"RAILS_MAX_THREADS": "25"},
		`pool: <%= ENV["DB_POOL"] || ENV["RAILS_MAX_THREADS"] || 5 %>`:                    {"DB_POOL": "25"},
		`pool: <%= Sidekiq.server? ? ENV.fetch("WORKER", 10) : ENV.fetch("WEB", 5) %>`:    {"WORKER": "25"},
		`pool: <%= Rails.env.test? ? ENV["TEST"] : ENV.fetch("REAL", 5) %>`:               {"REAL": "25"},
		`pool: <%= [1, ENV["PROCESSES"].to_i * ENV["THREADS"].to_i].max %>`:               {"PROCESSES": "25"},
		`pool: <%= ENV.fetch("RAILS_MAX_THREADS", 3).to_i + 2 %>`:                         {"RAILS_MAX_THREADS": "25"},
		`pool: <%= ENV.fetch("UNSET") %>`:                                                 {"UNSET": "25"},
		`pool: <%= ENV.fetch("BIG") { 25 } %>`:                                            {},
		`pool: 5`:                                                                         {},
		`adapter: x`:                                                                      {},
		"max_connections: <%= ENV.fetch('RAILS_MAX_THREADS') { 5 } %>":                    {"RAILS_MAX_THREADS": "25"},
		"url: postgres://h/x?pool=3\n  pool: <%= ENV.fetch('RAILS_MAX_THREADS') { 5 } %>": {},
	} {
		by := Reader{Environ: environ.Overlay(environ.None, map[string]string{"RAILS_ENV": "production", "THREADS": "1"})}
		got, err := Variables([]byte("production:\n  "+source+"\n"), by, production(25))
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
		with := Reader{Environ: environ.Overlay(by.Environ, got)}
		if len(want) > 0 {
			result, err := Apply([]byte("production:\n  "+source+"\n"), with, production(25))
			require.NoError(t, err, source)
			require.False(t, result.Changed())
		}
	}
}

func TestEachDatabaseWantsItsOwnVariable(t *testing.T) {
	got, err := Variables([]byte(`production:
  primary:
    pool: <%= ENV.fetch("MAIN_POOL", 5) %>
  queue:
    pool: <%= ENV.fetch("QUEUE_POOL", 5) %>
  cable:
    pool: <%= ENV.fetch("MAIN_POOL", 2) %>
`), nothing, production(25))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"MAIN_POOL": "25", "QUEUE_POOL": "25"}, got)
}

func TestAPoolThatNoVariableMakesLargeEnoughIsRefused(t *testing.T) {
	for source, want := range map[string]string{
		`<%= [ENV.fetch("X", 5).to_i, 10].min %>`:          "line 2: pool is made by ERB, and no variable makes it large enough; hint: write a number in its place",
		`<%= ENV["RAILS_ENV"] == "production" ? 5 : 30 %>`: "line 2: pool is made by ERB, and no variable makes it large enough; hint: write a number in its place",
		`<%= 5 %>`:               "line 2: pool is made by ERB, and no variable makes it large enough; hint: write a number in its place",
		`<%= Etc.nprocessors %>`: "line 2: pool: the value comes from Ruby code other than a plain use of ENV; hint: write a number in its place",
	} {
		_, err := Variables([]byte("production:\n  pool: "+source+"\n"), Reader{Environ: environ.Overlay(environ.None, map[string]string{"RAILS_ENV": "production"})}, production(25))
		require.EqualError(t, err, want, source)
	}
}
