package sidekiqinfo

import (
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Params are the options of sidekiq_info.yml.
type Params struct {
	RedisURL          string            `option:"redis_url"`
	RedisNamespace    string            `option:"redis_namespace"`
	Environment       map[string]string `option:"environment"`
	SecretEnvironment map[string]string `option:"secret_environment"`
	EnvironmentFiles  []string          `option:"environment_files"`
	DotenvFiles       []string          `option:"dotenv_files"`
	RailsEnv          string            `option:"rails_env"`
	AppRoot           string            `option:"app_root"`
}

var railsEnv = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_]*$`)

// Validate checks what sidekiq_info.yml cannot say.
func (p *Params) Validate() error {
	if !railsEnv().MatchString(p.RailsEnv) {
		return fmt.Errorf("option %q: %q is not accepted; accepted: letters, digits, _", "rails_env", p.RailsEnv)
	}
	if name, colon := strings.CutSuffix(p.RedisNamespace, ":"); colon {
		return fmt.Errorf("option %q: %q ends in a colon, which is added to it; hint: write %q", "redis_namespace", p.RedisNamespace, name)
	}
	return p.checkPaths()
}

func (p *Params) checkPaths() error {
	paths := map[string][]string{"dotenv_files": p.DotenvFiles}
	for _, file := range p.EnvironmentFiles {
		paths["environment_files"] = append(paths["environment_files"], strings.TrimPrefix(file, "-"))
	}
	if p.AppRoot != "" {
		paths["app_root"] = []string{p.AppRoot}
	}
	for option, values := range paths {
		for _, value := range values {
			if !path.IsAbs(value) || path.Clean(value) != value {
				return fmt.Errorf("option %q: %q is not accepted; accepted: an absolute path without . and .. and double slashes", option, value)
			}
		}
	}
	return nil
}

// workerEnvironment is where the service has its variables from. Sidekiq sets those of Rails itself, before dotenv reads its files.
func (p *Params) workerEnvironment() environ.Sources {
	variables := map[string]string{}
	maps.Copy(variables, p.Environment)
	maps.Copy(variables, p.SecretEnvironment)
	variables["RAILS_ENV"], variables["RACK_ENV"] = p.RailsEnv, p.RailsEnv
	return environ.Sources{Variables: variables, EnvironmentFiles: p.EnvironmentFiles, DotenvFiles: p.DotenvFiles, Files: atomicfile.NewReader("/")}
}
