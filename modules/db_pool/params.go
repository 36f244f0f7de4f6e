package dbpool

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// Params are the options of db_pool.yml.
type Params struct {
	Path              []string                 `option:"path"`
	RailsEnv          string                   `option:"rails_env"`
	Databases         []string                 `option:"databases"`
	Pool              *int                     `option:"pool"`
	Concurrency       *int                     `option:"concurrency"`
	SidekiqConfig     []string                 `option:"sidekiq_config"`
	Processes         []sidekiq.ProcessOptions `option:"processes"`
	Headroom          int                      `option:"headroom"`
	AppRoot           *string                  `option:"app_root"`
	Environment       map[string]string        `option:"environment"`
	SecretEnvironment map[string]string        `option:"secret_environment"`
	EnvironmentFiles  []string                 `option:"environment_files"`
	DotenvFiles       []string                 `option:"dotenv_files"`
	Key               string                   `option:"key"`
	ERB               string                   `option:"erb"`
	AllowLower        bool                     `option:"allow_lower"`
	AllowOthers       bool                     `option:"allow_others"`
	AllowForeignLinks bool                     `option:"allow_foreign_links"`
	Backup            bool                     `option:"backup"`
	IfMissing         string                   `option:"if_missing"`
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
	numbers := map[string]*int{"pool": p.Pool, "concurrency": p.Concurrency}
	for i, process := range p.Processes {
		numbers[fmt.Sprintf("processes[%d].concurrency", i)] = process.Concurrency
	}
	for option, number := range numbers {
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
	if p.Pool == nil && p.Concurrency == nil && len(p.SidekiqConfig) == 0 && len(p.Processes) == 0 {
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
		if err := p.checkConfigPath("sidekiq_config", path); err != nil {
			return err
		}
	}
	if len(p.Processes) > 0 && len(p.SidekiqConfig) > 1 {
		return fmt.Errorf("option %q: %d files beside option %q; hint: give each process its config", "sidekiq_config", len(p.SidekiqConfig), "processes")
	}
	for i, process := range p.Processes {
		if process.Concurrency == nil && process.Config == "" && p.Concurrency == nil && len(p.SidekiqConfig) == 0 && p.AppRoot == nil {
			return fmt.Errorf("option %q: neither threads nor a configuration are given, and no %q to look in; hint: give one of them", fmt.Sprintf("processes[%d]", i), "app_root")
		}
		if err := p.checkConfigPath(fmt.Sprintf("processes[%d].config", i), process.Config); err != nil && process.Config != "" {
			return err
		}
	}
	return nil
}

func (p *Params) checkConfigPath(option, path string) error {
	switch {
	case filepath.IsAbs(path):
		return nil
	case p.AppRoot == nil:
		return fmt.Errorf("option %q: %q is relative and %q is not given; hint: write an absolute path", option, path, "app_root")
	case !filepath.IsLocal(path):
		return fmt.Errorf("option %q: %q leads out of %q; hint: write an absolute path", option, path, "app_root")
	}
	return nil
}

// wanted is the number of connections, from the options that give it.
func (p *Params) wanted() (connections.Wanted, error) {
	if p.Pool != nil {
		return connections.Wanted{Size: *p.Pool, By: `option "pool"`}, nil
	}
	return connections.Required(p.service(), p.processes(), p.Headroom)
}

// links says which links to the file are followed.
func (p *Params) links() atomicfile.Links {
	if p.AllowForeignLinks {
		return atomicfile.Follow
	}
	return atomicfile.FollowOwn
}

func (p *Params) service() sidekiq.Service {
	variables := maps.Clone(p.Environment)
	maps.Copy(variables, p.SecretEnvironment)
	files := atomicfile.NewReader("/")
	return sidekiq.Service{
		RailsEnv: p.RailsEnv, Lockfile: p.lockPath(), Files: files,
		Environment: environ.Sources{Variables: variables, EnvironmentFiles: p.EnvironmentFiles, DotenvFiles: p.DotenvFiles, Files: files},
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
func (p *Params) processes() []sidekiq.ProcessOptions {
	service := []sidekiq.ProcessOptions{}
	for _, path := range p.configPaths() {
		service = append(service, sidekiq.ProcessOptions{Concurrency: p.Concurrency, Config: path})
	}
	if len(service) == 0 {
		service = append(service, sidekiq.ProcessOptions{Concurrency: p.Concurrency})
	}
	if len(p.Processes) == 0 {
		return service
	}
	var all []sidekiq.ProcessOptions
	for _, process := range p.Processes {
		as := service[0]
		if process.Concurrency != nil {
			as.Concurrency = process.Concurrency
		}
		if process.Config != "" {
			as.Config = p.absolute(process.Config)
		}
		if as.Config == "" && as.Concurrency == nil {
			as.Config = p.absolute("config/sidekiq.yml") // where Sidekiq looks itself
		}
		all = append(all, as)
	}
	return all
}

// configPaths are where the files of sidekiq_config are.
func (p *Params) configPaths() []string {
	var paths []string
	for _, path := range p.SidekiqConfig {
		paths = append(paths, p.absolute(path))
	}
	return paths
}

func (p *Params) absolute(path string) string {
	if filepath.IsAbs(path) || p.AppRoot == nil {
		return path
	}
	return filepath.Join(*p.AppRoot, path)
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
