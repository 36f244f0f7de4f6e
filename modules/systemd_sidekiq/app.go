package systemdsidekiq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

// lookAtApp looks at what the unit is to run. Without app_root that is what the unit that is there says.
func (f *found) lookAtApp(p *Params) error {
	root := p.AppRoot
	if root == "" {
		root = f.inUse.directive("WorkingDirectory")
	}
	info, err := os.Stat(f.host.path(root))
	f.deployed = err == nil && info.IsDir()
	if p.AppRoot == "" {
		return nil
	}
	if err := f.lookAtAccounts(p); err != nil {
		return err
	}
	f.lookAtBundle(p)
	f.lookAtEnvironment(p)
	for _, look := range []func(*Params) error{f.lookAtVersion, f.lookAtConfig, f.lookAtPool} {
		if err := look(p); err != nil {
			return err
		}
	}
	return nil
}

// worker is the process that the unit starts.
func (f *found) worker(p *Params) connections.Worker {
	return connections.Worker{
		RailsEnv: p.RailsEnv, Concurrency: p.Concurrency, Configs: []string{p.configPath()}, Lockfile: path.Join(p.AppRoot, "Gemfile.lock"),
		Headroom: p.Headroom,
		Environment: sidekiq.Environment{
			Variables: p.Environment, EnvironmentFiles: p.EnvironmentFiles, DotenvFiles: p.DotenvFiles,
			ReadFile: func(name string) ([]byte, error) { return atomicfile.ReadFile(f.host.path(name)) },
		},
		ReadIfThere: func(name string) ([]byte, error) { return atomicfile.ReadIfThere(f.host.path(name)) },
	}
}

func (f *found) lookAtAccounts(p *Params) error {
	user, err := accounts.LookUpUser(p.User)
	if err != nil {
		return err
	}
	group, err := accounts.LookUpGroup(p.Group)
	if err != nil {
		return err
	}
	for _, a := range []struct {
		option, name string
		known        bool
	}{{"user", p.User, user != nil}, {"group", p.Group, group != nil}} {
		if !a.known {
			f.missing = append(f.missing, fmt.Errorf("option %q: %q does not exist on this host; hint: create it before", a.option, a.name))
		}
	}
	return nil
}

// lack notes what only a deploy brings: before the first one that is no fault.
func (f *found) lack(fault error) {
	if f.deployed {
		f.missing = append(f.missing, fault)
	} else {
		f.warnings = append(f.warnings, fault.Error())
	}
}

// lookAtBundle takes ansible-samvera's place of the executable while there is none: nothing is started before the deploy.
func (f *found) lookAtBundle(p *Params) {
	candidates := []string{"/usr/local/bin/bundle", "/usr/bin/bundle"}
	if p.Bundle != "" {
		candidates = []string{p.Bundle}
	}
	for _, c := range candidates {
		if info, err := os.Stat(f.host.path(c)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			f.bundle = c
			return
		}
	}
	f.bundle = candidates[0]
	if p.Bundle == "" {
		f.lack(fmt.Errorf("bundle is neither in /usr/local/bin nor in /usr/bin; hint: install Bundler or give its path in option %q", "bundle"))
	} else {
		f.lack(fmt.Errorf("option %q: %q is no executable file; hint: give the path of bundle", "bundle", p.Bundle))
	}
}

func (f *found) lookAtEnvironment(p *Params) {
	var err error
	if f.environ, err = f.worker(p).Environ(); err != nil {
		f.environ = func(string) (string, bool) { return "", false }
		f.lack(fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err))
	}
	var url string
	url, f.redisSource = redisOf(p, f.environ)
	f.processes = func() ([]sidekiq.Process, error) {
		return sidekiq.Processes(context.Background(), url, p.RedisNamespace)
	}
}

// lookAtVersion reads the application's lock file. Before the first deploy there is none: the unit then assumes the least, and
// the next run makes it exact.
func (f *found) lookAtVersion(p *Params) error {
	var err error
	if f.version, err = f.worker(p).Sidekiq(); err != nil {
		return err
	}
	if !f.version.Known() && f.deployed {
		f.warnings = append(f.warnings, f.worker(p).Lockfile+" names no sidekiq; the unit assumes no particular version")
	}
	f.timeout = f.version.DefaultTimeout()
	return nil
}

// lookAtConfig wants the timeout alone. Where only Ruby can tell it, the unit keeps to the default and says so.
func (f *found) lookAtConfig(p *Params) error {
	environ, err := f.worker(p).StartEnviron()
	if err != nil { // told by lookAtEnvironment
		environ = f.environ
	}
	config, at, err := f.worker(p).Config(p.configPath(), environ, f.version)
	switch refusal := new(sidekiq.Refusal); {
	case errors.As(err, &refusal):
		f.warnings = append(f.warnings, fmt.Sprintf("%v; the unit assumes a timeout of %d s", err, f.timeout))
	case err != nil:
		return err
	case at == "" && p.SidekiqConfig != "":
		f.lack(fmt.Errorf("option %q: %q does not exist; hint: leave it out for config/sidekiq.yml", "sidekiq_config", p.configPath()))
	case config.Timeout != nil:
		f.timeout = *config.Timeout
	}
	return nil
}

// lookAtPool finds the variables that ERB in database.yml wants.
func (f *found) lookAtPool(p *Params) error {
	if p.DatabasePool == "" {
		return nil
	}
	for _, file := range p.DatabaseYML {
		text, err := atomicfile.ReadIfThere(f.host.path(file))
		if err != nil {
			return err
		}
		if text == nil {
			continue
		}
		if f.poolVariables, err = f.variablesOf(text, p); err != nil {
			f.lack(fmt.Errorf("%s: %w", file, err))
		}
		return nil
	}
	return nil
}

// variablesOf are none while the number of threads is a guess: RAILS_MAX_THREADS would start as many.
func (f *found) variablesOf(databaseYML []byte, p *Params) (map[string]string, error) {
	worker := f.worker(p)
	request := databaseyml.Request{Environment: p.RailsEnv, Databases: p.Databases}
	if p.DatabasePool != poolIsAuto {
		request.Size, _ = strconv.Atoi(p.DatabasePool) // see checkPool
		return worker.Variables(databaseYML, request)
	}
	wanted, err := worker.Wanted()
	if err != nil || wanted.Guessed {
		return nil, err
	}
	request.Size = wanted.Size
	return worker.Variables(databaseYML, request)
}
