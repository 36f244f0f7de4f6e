package sidekiq

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

// Service is what the processes of an application's Sidekiq are started with.
type Service struct {
	RailsEnv    string
	AppRoot     string  // of the application; "": not known
	Version     Version // where it is not to be read from Lockfile
	Environment environ.Sources
	Files       *atomicfile.Reader
}

// ProcessOptions are one element of option processes of the modules: one of several processes of a service.
type ProcessOptions struct {
	Name        string   `option:"name"` // "" where the service is one process
	Queues      []string `option:"queues"`
	Concurrency *int     `option:"concurrency"` // the flag -c, which wins over Config; nil: none
	Config      string   `option:"config"`      // path of its configuration file
	Command     string   `option:"command"`     // one of Programs; "": the first
}

// Program is the program that starts it.
func (p ProcessOptions) Program() string { return cmp.Or(p.Command, Programs[0]) }

// IsSwarm reports whether it is the parent of several processes of Sidekiq.
func (p ProcessOptions) IsSwarm() bool { return p.Program() == Swarm }

// ConfigPath is the path of its configuration file in the application at appRoot. Without Config it is the path at which Sidekiq itself looks.
func (p ProcessOptions) ConfigPath(appRoot string) string {
	if filepath.IsAbs(p.Config) {
		return p.Config
	}
	return filepath.Join(appRoot, cmp.Or(p.Config, "config/sidekiq.yml"))
}

// Inherit is the processes that are listed, each with what it leaves out as the service has it; the service alone where none is listed.
func Inherit(service ProcessOptions, listed []ProcessOptions) []ProcessOptions {
	if len(listed) == 0 {
		return []ProcessOptions{service}
	}
	var all []ProcessOptions
	for _, process := range listed {
		if len(process.Queues) == 0 {
			process.Queues = service.Queues
		}
		if process.Concurrency == nil {
			process.Concurrency = service.Concurrency
		}
		if process.Config == "" {
			process.Config = service.Config
		}
		process.Command = cmp.Or(process.Command, service.Command)
		all = append(all, process)
	}
	return all
}

// Environ is the environment in which the application reads its files. Sidekiq sets RAILS_ENV and RACK_ENV itself, by its flag -e.
func (s Service) Environ() (environ.Environ, error) {
	env, err := s.Environment.Environ()
	if err != nil {
		return nil, err
	}
	return environ.Overlay(env, map[string]string{"RAILS_ENV": s.RailsEnv, "RACK_ENV": s.RailsEnv}), nil
}

// StartEnviron is the environment in which Sidekiq reads its configuration and RAILS_MAX_THREADS (cli.rb, parse): before the
// application is loaded, and dotenv with it.
func (s Service) StartEnviron() (environ.Environ, error) {
	s.Environment.DotenvFiles = nil
	return s.Environ()
}

// SidekiqVersion is Version, else the version in Lockfile; an unknown one before the first deploy.
func (s Service) SidekiqVersion() (Version, error) {
	if s.Version.Known() {
		return s.Version, nil
	}
	return s.Locked("sidekiq")
}

// Locked is the version of a gem in Lockfile; an unknown one before the first deploy.
func (s Service) Locked(gem string) (Version, error) {
	if s.AppRoot == "" {
		return Version{}, nil
	}
	source, err := s.Files.ReadLockfile(s.Lockfile())
	if err != nil {
		return Version{}, err
	}
	version, err := LockedVersion(source, gem)
	if err != nil {
		return version, fmt.Errorf("%s: %w", s.Lockfile(), err)
	}
	return version, nil
}

var configuredGemfile = lazyregexp.New(`(?m)^BUNDLE_GEMFILE: ?["']?([^"'\r\n]+)`)

// Lockfile is the path of the file in which Bundler records the gems of the application at AppRoot
// (cli.rb, shared_helpers.rb). It need not exist. BUNDLE_GEMFILE in a dotenv file has no effect:
// Bundler is loaded before.
func (s Service) Lockfile() string {
	variables, _ := s.Environment.Unit() // Environ returns the error
	gemfile := variables["BUNDLE_GEMFILE"]
	config, _ := s.Files.ReadIfThere(filepath.Join(s.AppRoot, ".bundle/config")) // Bundler reports its errors
	if m := configuredGemfile().FindSubmatch(config); m != nil {
		gemfile = cmp.Or(gemfile, string(m[1]))
	}
	if gemfile == "" || strings.ContainsFunc(gemfile, unicode.IsControl) { // messages show the path
		gemfile = "Gemfile"
		if source, err := s.Files.ReadIfThere(filepath.Join(s.AppRoot, "gems.rb")); source != nil && err == nil {
			gemfile = "gems.rb"
		}
	}
	if !filepath.IsAbs(gemfile) {
		gemfile = filepath.Join(s.AppRoot, gemfile)
	}
	if stem, isGems := strings.CutSuffix(gemfile, "/gems.rb"); isGems {
		return stem + "/gems.locked"
	}
	return gemfile + ".lock"
}

// NamesNo says that Lockfile names no version of a gem, or that it does not exist.
func (s Service) NamesNo(gem string) string {
	if source, _ := s.Files.ReadLockfile(s.Lockfile()); source != nil {
		return s.Lockfile() + " names no " + gem
	}
	dir, name := filepath.Split(s.Lockfile())
	if name == "Gemfile.lock" {
		name += " or gems.locked"
	}
	return "no " + name + " in " + filepath.Clean(dir)
}

// Config reads a configuration file, or, where there is none in the usual place, that of the same name with .erb, for which Sidekiq
// looks next. Without a file the Config is empty, and so is the path of the file that was read.
func (s Service) Config(path string, env environ.Environ, version Version) (config Config, read string, err error) {
	paths := []string{path}
	if isUsual(path) {
		paths = append(paths, path+".erb")
	}
	for _, path := range paths {
		source, err := s.Files.ReadIfThere(path)
		if err != nil {
			return config, "", err
		}
		if source == nil {
			continue
		}
		if config, err = ReadConfig(source, s.RailsEnv, env, version); err != nil {
			return config, "", fmt.Errorf("%s: %w", path, err)
		}
		return config, path, nil
	}
	return config, "", nil
}

// isUsual reports whether Sidekiq itself looks at a path; an application need not have that file.
func isUsual(path string) bool {
	return strings.HasSuffix(filepath.ToSlash(path), "/config/sidekiq.yml")
}
