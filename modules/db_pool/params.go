package dbpool

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

// Params are the options of db_pool.yml.
type Params struct {
	Path             []string          `option:"path"`
	RailsEnv         string            `option:"rails_env"`
	Databases        []string          `option:"databases"`
	Pool             *int              `option:"pool"`
	Concurrency      *int              `option:"concurrency"`
	SidekiqConfig    *string           `option:"sidekiq_config"`
	AppRoot          *string           `option:"app_root"`
	Environment      map[string]string `option:"environment"`
	EnvironmentFiles []string          `option:"environment_files"`
	DotenvFiles      []string          `option:"dotenv_files"`
	IfMissing        string            `option:"if_missing"`
}

// largestPool is more than any server takes; above it is a slip of the finger.
const largestPool = 10000

// Validate checks what db_pool.yml cannot say.
func (p *Params) Validate() error {
	if len(p.Path) == 0 {
		return fmt.Errorf("option %q: the list is empty; hint: give the path of database.yml", "path")
	}
	if p.RailsEnv == "" || p.RailsEnv == "shared" {
		return fmt.Errorf("option %q: %q is no environment; hint: write production", "rails_env", p.RailsEnv)
	}
	for option, number := range map[string]*int{"pool": p.Pool, "concurrency": p.Concurrency} {
		if number != nil && (*number < 1 || *number > largestPool) {
			return fmt.Errorf("option %q: %d is not accepted; accepted: 1 to %d", option, *number, largestPool)
		}
	}
	return p.checkPaths()
}

func (p *Params) checkPaths() error {
	for _, path := range p.Path {
		if err := checkPath("path", path); err != nil {
			return err
		}
	}
	for _, path := range p.EnvironmentFiles {
		if err := checkPath("environment_files", strings.TrimPrefix(path, "-")); err != nil {
			return err
		}
	}
	for _, path := range p.DotenvFiles {
		if err := checkPath("dotenv_files", path); err != nil {
			return err
		}
	}
	if p.AppRoot != nil {
		if err := checkPath("app_root", *p.AppRoot); err != nil {
			return err
		}
	}
	return p.checkConfigPath()
}

func (p *Params) checkConfigPath() error {
	if p.SidekiqConfig == nil || filepath.IsAbs(*p.SidekiqConfig) {
		return nil
	}
	if p.AppRoot == nil {
		return fmt.Errorf("option %q: %q is relative and %q is not given; hint: write an absolute path", "sidekiq_config", *p.SidekiqConfig, "app_root")
	}
	if !filepath.IsLocal(*p.SidekiqConfig) {
		return fmt.Errorf("option %q: %q leads out of %q; hint: write an absolute path", "sidekiq_config", *p.SidekiqConfig, "app_root")
	}
	return nil
}

func checkPath(option, path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("option %q: %q is not accepted; accepted: an absolute path without . and .. and double slashes", option, path)
	}
	return nil
}

// configPath is where sidekiq_config is.
func (p *Params) configPath() string {
	if filepath.IsAbs(*p.SidekiqConfig) {
		return *p.SidekiqConfig
	}
	return filepath.Join(*p.AppRoot, *p.SidekiqConfig)
}

// lockPath is where Gemfile.lock is, beside the folder of the configuration.
func (p *Params) lockPath() string {
	if p.AppRoot != nil {
		return filepath.Join(*p.AppRoot, "Gemfile.lock")
	}
	return filepath.Join(filepath.Dir(filepath.Dir(p.configPath())), "Gemfile.lock")
}

// environ is the environment of the Sidekiq process.
func (p *Params) environ() (sidekiq.Environ, error) {
	return sidekiq.Environment{
		Variables:        p.Environment,
		EnvironmentFiles: p.EnvironmentFiles,
		DotenvFiles:      p.DotenvFiles,
	}.Environ()
}
