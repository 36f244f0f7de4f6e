package sidekiqinfo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

func TestValidate_Refuses(t *testing.T) {
	for want, change := range map[string]func(*options){
		`option "rails_env": "prod uction" is not accepted; accepted: letters, digits, _`:                                     func(o *options) { o.RailsEnv = "prod uction" },
		`option "redis_namespace": "app:" ends in a colon, which is added to it; hint: write "app"`:                           func(o *options) { o.RedisNamespace = "app:" },
		`option "app_root": "current" is not accepted; accepted: an absolute path without . and .. and double slashes`:        func(o *options) { o.AppRoot = "current" },
		`option "dotenv_files": "/a/../b" is not accepted; accepted: an absolute path without . and .. and double slashes`:    func(o *options) { o.DotenvFiles = []string{"/a/../b"} },
		`option "environment_files": "/a//b" is not accepted; accepted: an absolute path without . and .. and double slashes`: func(o *options) { o.EnvironmentFiles = []string{"-/a//b"} },
	} {
		o := &options{RailsEnv: "production", Options: environ.Options{EnvironmentFiles: []string{"/etc/default/sidekiq", "-/none"}}}
		change(o)
		require.EqualError(t, o.Validate(), want)
	}
}
