package dbpool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

func TestValidate_Refuses(t *testing.T) {
	text := func(s string) *string { return &s }
	process := func(number *int, config string) sidekiq.ProcessOptions {
		return sidekiq.ProcessOptions{Name: "a", Concurrency: number, Config: config}
	}
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
		`option "rails_env": "" is no environment; hint: write production`:                                                     func(o *options) { o.RailsEnv = "" },
		`option "pool": "10001" is not accepted; accepted: auto, or a number from 1 to 10000`:                                  func(o *options) { o.Pool = "10001" },
		`option "concurrency": 0 is not accepted; accepted: 1 to 10000`:                                                        func(o *options) { o.Pool, o.Concurrency = "auto", new(int) },
		`option "processes[1].concurrency": 0 is not accepted; accepted: 1 to 10000`: func(o *options) {
			o.Processes = []sidekiq.ProcessOptions{process(nil, "/a.yml"), process(new(int), "")}
		},
		`option "processes[0].config": "config/media.yml" is relative and "app_root" is not given; hint: write an absolute path`: func(o *options) {
			o.Processes = []sidekiq.ProcessOptions{process(nil, "config/media.yml")}
		},
		`option "processes[0]": neither threads nor a configuration are given, and no "app_root" to look in; hint: give one of them`: func(o *options) {
			o.Processes = []sidekiq.ProcessOptions{process(nil, "")}
		},
		`option "sidekiq_config": 2 files beside option "processes"; hint: give each process its config`: func(o *options) {
			o.SidekiqConfig, o.Processes = []string{"/a.yml", "/b.yml"}, []sidekiq.ProcessOptions{process(nil, "")}
		},
	} {
		o := params("/x/database.yml", 25)
		change(o)
		require.EqualError(t, o.Validate(), want)
	}
	require.NoError(t, params("/x/database.yml", 25).Validate())
}
