package dbpool

import (
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

// demand is the number of connections that are wanted, and what wants them.
type demand struct {
	size int
	by   string
}

// usualConfig is where Sidekiq itself looks, and what an application need not have.
const usualConfig = "config/sidekiq.yml"

// demanded takes the number from the one option that gives it. What is only assumed is warned of.
func demanded(p *Params, environ sidekiq.Environ, plan *ansible.Plan) (demand, error) {
	switch {
	case p.Pool != nil:
		return demand{*p.Pool, `option "pool"`}, nil
	case p.SidekiqConfig == nil:
		return demand{*p.Concurrency, `option "concurrency"`}, nil
	}
	config, path, err := readConfig(p, environ)
	if err != nil && p.Concurrency != nil {
		plan.Warn("%v; the pool is for option %q alone, without threads of capsules", err, "concurrency")
		return demand{*p.Concurrency, `option "concurrency"`}, nil
	}
	if err != nil {
		return demand{}, err
	}
	if path == "" && *p.SidekiqConfig != usualConfig {
		plan.Warn("%s does not exist; the pool is for what Sidekiq does without it", p.configPath())
	}
	return threads(p, config, path, environ, plan)
}

// threads counts those of a process that is configured so, where option concurrency is the flag -c: it wins over the file.
func threads(p *Params, config sidekiq.Config, path string, environ sidekiq.Environ, plan *ansible.Plan) (demand, error) {
	version, err := readVersion(p.lockPath())
	if err != nil {
		return demand{}, err
	}
	if p.Concurrency != nil {
		config.Concurrency = p.Concurrency
	}
	size, source, err := config.TotalConcurrency(version, environ)
	switch {
	case err != nil:
		return demand{}, err
	case p.Concurrency == nil:
		return demand{size, describe(source, path, version, p, plan)}, nil
	case size == *p.Concurrency:
		return demand{size, `option "concurrency"`}, nil
	default:
		return demand{size, `option "concurrency" and the capsules of ` + path}, nil
	}
}

func describe(source sidekiq.Source, path string, version sidekiq.Version, p *Params, plan *ansible.Plan) string {
	switch {
	case source == sidekiq.FromConfig:
		return path
	case source == sidekiq.FromThreads:
		return string(source)
	case version.Known():
		return "the default of Sidekiq " + version.String()
	}
	plan.Warn("%s names no sidekiq; the pool is for %d threads, the most that any version starts by default", p.lockPath(), sidekiq.LargestDefaultConcurrency)
	return "the largest default of any Sidekiq"
}

// readConfig reads the configuration, or that of the same name with .erb, for which Sidekiq looks next. No file is no
// settings and no path.
func readConfig(p *Params, environ sidekiq.Environ) (config sidekiq.Config, path string, err error) {
	for _, path := range []string{p.configPath(), p.configPath() + ".erb"} {
		source, err := atomicfile.ReadIfThere(path)
		if err != nil {
			return config, "", err
		}
		if source == nil {
			continue
		}
		config, err = sidekiq.ReadConfig(source, p.RailsEnv, environ)
		if err != nil {
			return config, "", fmt.Errorf("%s: %w", path, err)
		}
		return config, path, nil
	}
	return config, "", nil
}

func readVersion(path string) (sidekiq.Version, error) {
	source, err := atomicfile.ReadIfThere(path)
	if err != nil {
		return sidekiq.Version{}, err
	}
	version, _, err := sidekiq.VersionFromLockfile(source)
	if err != nil {
		return version, fmt.Errorf("%s: %w", path, err)
	}
	return version, nil
}
