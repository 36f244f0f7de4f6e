package dbpool

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

// Params are the options of db_pool.yml.
type Params struct {
	Path             []string          `option:"path"`
	RailsEnv         string            `option:"rails_env"`
	Databases        []string          `option:"databases"`
	Pool             *int              `option:"pool"`
	Concurrency      *int              `option:"concurrency"`
	SidekiqConfig    []string          `option:"sidekiq_config"`
	Headroom         int               `option:"headroom"`
	AppRoot          *string           `option:"app_root"`
	Environment      map[string]string `option:"environment"`
	EnvironmentFiles []string          `option:"environment_files"`
	DotenvFiles      []string          `option:"dotenv_files"`
	Key              string            `option:"key"`
	ERB              string            `option:"erb"`
	AllowLower       bool              `option:"allow_lower"`
	AllowOthers      bool              `option:"allow_others"`
	Backup           bool              `option:"backup"`
	IfMissing        string            `option:"if_missing"`
}

const (
	keyAuto     = "auto"
	erbVariable = "variable" // the choice of `erb` that this module adds to those of package databaseyml
)

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
	if p.Headroom < 0 || p.Headroom > largestPool {
		return fmt.Errorf("option %q: %d is not accepted; accepted: 0 to %d", "headroom", p.Headroom, largestPool)
	}
	if p.Pool != nil && p.Headroom > 0 {
		return fmt.Errorf("option %q: %d beside option %q, which is the whole pool; hint: leave one out", "headroom", p.Headroom, "pool")
	}
	if p.Pool == nil && p.Concurrency == nil && len(p.SidekiqConfig) == 0 {
		return fmt.Errorf("option %q: the list is empty; hint: write config/sidekiq.yml", "sidekiq_config")
	}
	if i := slices.Index(p.Databases, ""); i >= 0 {
		return fmt.Errorf("option %q: %q is no name; hint: leave the option out for all databases", "databases", "")
	}
	return p.checkPaths()
}

func (p *Params) checkPaths() error {
	paths := map[string][]string{"path": p.Path, "dotenv_files": p.DotenvFiles}
	for _, path := range p.EnvironmentFiles {
		paths["environment_files"] = append(paths["environment_files"], strings.TrimPrefix(path, "-"))
	}
	if p.AppRoot != nil {
		paths["app_root"] = []string{*p.AppRoot}
	}
	for option, values := range paths {
		for _, path := range values {
			if !filepath.IsAbs(path) || filepath.Clean(path) != path {
				return fmt.Errorf("option %q: %q is not accepted; accepted: an absolute path without . and .. and double slashes", option, path)
			}
		}
	}
	for _, path := range p.SidekiqConfig {
		if err := p.checkConfigPath(path); err != nil {
			return err
		}
	}
	return nil
}

func (p *Params) checkConfigPath(path string) error {
	switch {
	case filepath.IsAbs(path):
		return nil
	case p.AppRoot == nil:
		return fmt.Errorf("option %q: %q is relative and %q is not given; hint: write an absolute path", "sidekiq_config", path, "app_root")
	case !filepath.IsLocal(path):
		return fmt.Errorf("option %q: %q leads out of %q; hint: write an absolute path", "sidekiq_config", path, "app_root")
	}
	return nil
}

// wanted is the number of connections, from the options that give it.
func (p *Params) wanted() (connections.Wanted, error) {
	if p.Pool != nil {
		return connections.Wanted{Size: *p.Pool, By: `option "pool"`}, nil
	}
	return p.worker().Wanted()
}

func (p *Params) worker() connections.Worker {
	return connections.Worker{
		RailsEnv: p.RailsEnv, Processes: p.processes(), Lockfile: p.lockPath(), Headroom: p.Headroom,
		Environment: sidekiq.Environment{Variables: p.Environment, EnvironmentFiles: p.EnvironmentFiles, DotenvFiles: p.DotenvFiles},
	}
}

func (p *Params) request(size int) databaseyml.Request {
	q := databaseyml.Request{
		Environment: p.RailsEnv, Databases: p.Databases, Size: size, ERB: databaseyml.ERB(p.ERB), Lower: p.AllowLower, Others: p.AllowOthers,
	}
	if p.Key != keyAuto {
		q.Key = p.Key
	}
	if p.ERB == erbVariable {
		q.ERB = databaseyml.Evaluate
	}
	return q
}

// processes are those of option processes, else one for each configuration.
func (p *Params) processes() []connections.Process {
	var all []connections.Process
	for _, path := range p.configPaths() {
		all = append(all, connections.Process{Concurrency: p.Concurrency, Config: path})
	}
	if len(all) == 0 {
		all = append(all, connections.Process{Concurrency: p.Concurrency})
	}
	return all
}

// configPaths are where the files of sidekiq_config are.
func (p *Params) configPaths() []string {
	var paths []string
	for _, path := range p.SidekiqConfig {
		if !filepath.IsAbs(path) {
			path = filepath.Join(*p.AppRoot, path)
		}
		paths = append(paths, path)
	}
	return paths
}

// lockPath is where Gemfile.lock is: in app_root, or beside the folder of the configuration; "" where nobody can tell.
func (p *Params) lockPath() string {
	switch {
	case p.AppRoot != nil:
		return filepath.Join(*p.AppRoot, "Gemfile.lock")
	case len(p.SidekiqConfig) > 0:
		return filepath.Join(filepath.Dir(filepath.Dir(p.configPaths()[0])), "Gemfile.lock")
	}
	return ""
}
