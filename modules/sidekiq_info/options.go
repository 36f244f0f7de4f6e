package sidekiqinfo

import (
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/capistrano"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// options are those of sidekiq_info.yml.
type options struct {
	Service        string `option:"service"`
	RedisURL       string `option:"redis_url"`
	RedisNamespace string `option:"redis_namespace"`
	RailsEnv       string `option:"rails_env"`
	AppRoot        string `option:"app_root"`
	environ.Options
}

var railsEnv = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_]*$`)

// Validate checks what sidekiq_info.yml cannot express.
func (o *options) Validate() error {
	o.SetDefaults(capistrano.RootOf(o.AppRoot), o.RailsEnv)
	if !railsEnv().MatchString(o.RailsEnv) {
		return argspec.NotAccepted("rails_env", o.RailsEnv, "letters, digits, _")
	}
	if name, colon := strings.CutSuffix(o.RedisNamespace, ":"); colon {
		return argspec.Errorf("redis_namespace", "%q ends in a colon, which is added to it; hint: write %q", o.RedisNamespace, name)
	}
	paths := o.Paths()
	if o.AppRoot != "" {
		paths["app_root"] = []string{o.AppRoot}
	}
	return argspec.CheckPaths(paths, argspec.CheckPath)
}
