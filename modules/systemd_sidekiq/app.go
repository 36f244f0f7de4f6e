package systemdsidekiq

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"

	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
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
	f.lookAtAccounts(p)
	f.lookAtBundle(p)
	f.lookAtEnvironment(p)
	if f.version, err = f.lockedVersion(p); err != nil {
		return err
	}
	f.timeout = f.version.DefaultTimeout()
	return f.lookAtConfig(p)
}

func (f *found) lookAtAccounts(p *Params) {
	for _, a := range []struct{ database, option, name string }{{"passwd", "user", p.User}, {"group", "group", p.Group}} {
		if err := exec.Command("getent", a.database, a.name).Run(); err != nil {
			f.missing = append(f.missing, fmt.Errorf("option %q: %q does not exist on this host; hint: create it before", a.option, a.name))
		}
	}
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
	variables := sidekiq.Environment{
		Variables: p.Environment, EnvironmentFiles: p.EnvironmentFiles, DotenvFiles: p.DotenvFiles,
		ReadFile: func(name string) ([]byte, error) { return atomicfile.ReadFile(f.host.path(name)) },
	}
	var err error
	if f.environ, err = variables.Environ(); err != nil {
		f.environ = func(string) (string, bool) { return "", false }
		f.lack(fmt.Errorf("option %q or %q: %w", "environment_files", "dotenv_files", err))
	}
	var url string
	url, f.redisSource = redisOf(p, f.environ)
	f.processes = func() ([]sidekiq.Process, error) {
		return sidekiq.Processes(context.Background(), url, p.RedisNamespace)
	}
}

// lockedVersion reads the application's lock file. Before the first deploy there is none: the unit then assumes the least, and
// the next run makes it exact.
func (f *found) lockedVersion(p *Params) (sidekiq.Version, error) {
	file := path.Join(p.AppRoot, "Gemfile.lock")
	text, err := atomicfile.ReadIfThere(f.host.path(file))
	if err != nil {
		return sidekiq.Version{}, err
	}
	version, known, err := sidekiq.VersionFromLockfile(text)
	if err != nil {
		return version, fmt.Errorf("%s: %w", file, err)
	}
	if !known && f.deployed {
		f.warnings = append(f.warnings, file+" names no sidekiq; the unit assumes no particular version")
	}
	return version, nil
}

// lookAtConfig wants the timeout alone. Where only Ruby can tell it, the unit keeps to the default and says so.
func (f *found) lookAtConfig(p *Params) error {
	text, err := atomicfile.ReadIfThere(f.host.path(p.configPath()))
	if err != nil {
		return err
	}
	if text == nil {
		if p.SidekiqConfig != "" {
			f.lack(fmt.Errorf("option %q: %q does not exist; hint: leave it out for config/sidekiq.yml", "sidekiq_config", p.configPath()))
		}
		return nil
	}
	config, err := sidekiq.ReadConfig(text, p.RailsEnv, f.environ)
	if err != nil {
		f.warnings = append(f.warnings, fmt.Sprintf("%s: %v; the unit assumes a timeout of %d s", p.configPath(), err, f.timeout))
	} else if config.Timeout != nil {
		f.timeout = *config.Timeout
	}
	return nil
}
