package dbpool

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/capistrano"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// options are those of db_pool.yml.
type options struct {
	Path              []string                 `option:"path"`
	RailsEnv          string                   `option:"rails_env"`
	Databases         []string                 `option:"databases"`
	Pool              string                   `option:"pool"`
	Concurrency       *int                     `option:"concurrency"`
	SidekiqConfig     []string                 `option:"sidekiq_config"`
	Processes         []sidekiq.ProcessOptions `option:"processes"`
	Headroom          int                      `option:"headroom"`
	AppRoot           *string                  `option:"app_root"`
	Key               string                   `option:"key"`
	ERB               string                   `option:"erb"`
	AllowLower        bool                     `option:"allow_lower"`
	AllowOthers       bool                     `option:"allow_others"`
	AllowForeignLinks bool                     `option:"allow_foreign_links"`
	Backup            bool                     `option:"backup"`
	IfMissing         string                   `option:"if_missing"`
	Service           string                   `option:"service"`
	User              string                   `option:"user"`
	Bundle            string                   `option:"bundle"`
	Ruby              string                   `option:"ruby"`
	environ.Options

	size int // the number of option pool; 0: auto
}

// maxPool is more than any server accepts; a larger number is a typing error.
const maxPool = 10000

// Validate checks what db_pool.yml cannot express.
func (o *options) Validate() error {
	o.setDefaults()
	if len(o.Path) == 0 {
		return argspec.Errorf("path", "the list is empty; hint: set it to the path of database.yml, or set app_root")
	}
	if o.RailsEnv == "" || o.RailsEnv == "shared" {
		return argspec.Errorf("rails_env", "%q is no environment; hint: write production", o.RailsEnv)
	}
	if err := o.checkNumbers(); err != nil {
		return err
	}
	if o.size == 0 && o.Concurrency == nil && len(o.SidekiqConfig) == 0 && len(o.Processes) == 0 {
		return argspec.Errorf("pool", "%q requires the number of threads; hint: set app_root, sidekiq_config or concurrency, or a number", o.Pool)
	}
	if slices.Contains(o.Databases, "") {
		return argspec.Errorf("databases", "%q is no name; hint: leave the option out for all databases", "")
	}
	paths := o.Paths()
	paths["path"] = o.Path
	if o.AppRoot != nil {
		paths["app_root"] = []string{*o.AppRoot}
	}
	if err := argspec.CheckPaths(paths, argspec.CheckPath); err != nil {
		return err
	}
	return o.checkConfigs()
}

// setDefaults sets the defaults that depend on app_root.
func (o *options) setDefaults() {
	if o.AppRoot == nil {
		return
	}
	root := capistrano.RootOf(*o.AppRoot)
	o.SetDefaults(root, o.RailsEnv)
	if o.SidekiqConfig == nil {
		o.SidekiqConfig = []string{"config/sidekiq.yml"}
	}
	if o.Path != nil {
		return
	}
	if root != "" {
		o.Path = []string{root + "/shared/config/database.yml"}
	}
	o.Path = append(o.Path, *o.AppRoot+"/config/database.yml")
}

func (o *options) checkNumbers() error {
	o.size = 0
	if o.Pool != "auto" {
		size, err := strconv.Atoi(o.Pool)
		if err != nil || size < 1 || size > maxPool {
			return argspec.NotAccepted("pool", o.Pool, fmt.Sprintf("auto, or a number from 1 to %d", maxPool))
		}
		o.size = size
	}
	type number struct {
		option string
		value  *int
		least  int
	}
	numbers := []number{{"concurrency", o.Concurrency, 1}, {"headroom", &o.Headroom, 0}}
	for i, process := range o.Processes {
		numbers = append(numbers, number{fmt.Sprintf("processes[%d].concurrency", i), process.Concurrency, 1})
	}
	for _, n := range numbers {
		if n.value != nil && (*n.value < n.least || *n.value > maxPool) {
			return argspec.NotAccepted(n.option, *n.value, fmt.Sprintf("%d to %d", n.least, maxPool))
		}
	}
	return nil
}

func (o *options) checkConfigs() error {
	for _, path := range o.SidekiqConfig {
		if err := o.checkConfig("sidekiq_config", path); err != nil {
			return err
		}
	}
	if len(o.Processes) > 0 && len(o.SidekiqConfig) > 1 {
		return argspec.Errorf("sidekiq_config", "%d files beside option %q; hint: give each process its config", len(o.SidekiqConfig), "processes")
	}
	for i, process := range o.Processes {
		at := fmt.Sprintf("processes[%d]", i)
		if process.Concurrency == nil && process.Config == "" && o.Concurrency == nil && len(o.SidekiqConfig) == 0 && o.AppRoot == nil {
			return argspec.Errorf(at, "neither threads nor a configuration are given, and no %q to look in; hint: give one of them", "app_root")
		}
		if process.Config == "" {
			continue
		}
		if err := o.checkConfig(at+".config", process.Config); err != nil {
			return err
		}
	}
	return nil
}

func (o *options) checkConfig(option, path string) error {
	switch {
	case filepath.IsAbs(path):
		return nil
	case o.AppRoot == nil:
		return argspec.Errorf(option, "%q is relative and %q is not given; hint: write an absolute path", path, "app_root")
	case !filepath.IsLocal(path):
		return argspec.Errorf(option, "%q leads out of %q; hint: write an absolute path", path, "app_root")
	}
	return nil
}

// processes are those of option processes, else one for each configuration, all with absolute paths.
func (o *options) processes() []sidekiq.ProcessOptions {
	listed := o.Processes
	if len(listed) == 0 {
		for _, path := range o.SidekiqConfig {
			listed = append(listed, sidekiq.ProcessOptions{Config: path})
		}
	}
	service := sidekiq.ProcessOptions{Concurrency: o.Concurrency}
	if len(o.SidekiqConfig) > 0 {
		service.Config = o.SidekiqConfig[0]
	}
	root := ""
	if o.AppRoot != nil {
		root = *o.AppRoot
	}
	all := sidekiq.Inherit(service, listed)
	for i, process := range all {
		if process.Config != "" || process.Concurrency == nil && len(o.Processes) > 0 {
			all[i].Config = process.ConfigPath(root)
		}
	}
	return all
}
