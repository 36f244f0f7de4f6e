package dbpool

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	text := func(s string) *string { return &s }
	for want, change := range map[string]func(*options){
		`option "path": the list is empty; hint: set it to the path of database.yml, or set app_root`:                          func(o *options) { o.Path = nil },
		`option "path": "config/database.yml" is not accepted; accepted: an absolute path without . and .. and double slashes`: func(o *options) { o.Path = []string{"/x", "config/database.yml"} },
		`option "path": "/a/../b" is not accepted; accepted: an absolute path without . and .. and double slashes`:             func(o *options) { o.Path = []string{"/a/../b"} },
		`option "dotenv_files": ".env" is not accepted; accepted: an absolute path without . and .. and double slashes`:        func(o *options) { o.DotenvFiles = []string{".env"} },
		`option "environment_files": "env" is not accepted; accepted: an absolute path without . and .. and double slashes`:    func(o *options) { o.EnvironmentFiles = []string{"-/env", "-env"} },
		`option "app_root": "current" is not accepted; accepted: an absolute path without . and .. and double slashes`:         func(o *options) { o.AppRoot = text("current") },
		`option "rails_env": "shared" is no environment; hint: write production`:                                               func(o *options) { o.RailsEnv = "shared" },
		`option "pool": "0" is not accepted; accepted: auto, or a number from 1 to 10000`:                                      func(o *options) { o.Pool = "0" },
		`option "concurrency": 10001 is not accepted; accepted: 1 to 10000`:                                                    func(o *options) { n := 10001; o.Pool, o.Concurrency = "auto", &n },
		`option "sidekiq_config": "config/sidekiq.yml" is relative and "app_root" is not given; hint: write an absolute path`:  func(o *options) { o.SidekiqConfig = []string{"config/sidekiq.yml"} },
		`option "headroom": -1 is not accepted; accepted: 0 to 10000`:                                                          func(o *options) { o.Headroom = -1 },
		`option "pool": "auto" requires the number of threads; hint: set app_root, sidekiq_config or concurrency, or a number`: func(o *options) { o.Pool = "auto" },
		`option "databases": "" is no name; hint: leave the option out for all databases`:                                      func(o *options) { o.Databases = []string{"primary", ""} },
		`option "sidekiq_config": "../x.yml" leads out of "app_root"; hint: write an absolute path`:                            func(o *options) { o.SidekiqConfig, o.AppRoot = []string{"../x.yml"}, text("/app") },
	} {
		o := params("/x/database.yml", 25)
		change(o)
		require.EqualError(t, o.Validate(), want)
	}
	require.NoError(t, params("/x/database.yml", 25).Validate())
}
