package sidekiq

import (
	"fmt"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Source is what sets a number of threads.
type Source string

// The sources, the first that there is wins.
const (
	FromConfig  Source = "config/sidekiq.yml"
	FromThreads Source = "RAILS_MAX_THREADS"
	FromDefault Source = "default"
)

// TotalConcurrency is the number of threads in one process that may run jobs at once, all capsules together: so many
// connections to the database are wanted. For an unknown version it is the largest that any version would take.
func (c Config) TotalConcurrency(version Version, env environ.Environ) (int, Source, error) {
	threads, source, err := c.threads(version, env)
	if err != nil || !version.hasCapsules() {
		return threads, source, err
	}
	total := threads
	for _, capsule := range c.Capsules {
		size := threads
		if capsule.Concurrency != nil {
			size = *capsule.Concurrency
		}
		if capsule.Name == defaultCapsule { // is there already, and capsules: wins, even over -c (lib/sidekiq/cli.rb, setup_options)
			size -= threads
			if version.Known() {
				source = FromConfig
			}
		}
		total += size
	}
	if !version.Known() { // versions before 7.0 ignore capsules
		total = max(total, threads)
	}
	return total, source, nil
}

func (c Config) threads(version Version, env environ.Environ) (int, Source, error) {
	if c.Concurrency != nil {
		return *c.Concurrency, FromConfig, nil
	}
	text, set := env(string(FromThreads))
	if !set {
		return version.DefaultConcurrency(), FromDefault, nil
	}
	threads, ok := rubyyaml.Integer(text)
	if !ok || threads < 1 {
		return 0, FromThreads, fmt.Errorf("%s is not a number from 1, with which Sidekiq does not start; hint: set it to the number of threads", FromThreads)
	}
	return threads, FromThreads, nil
}

// Threads is the number of threads of a process that run jobs, all capsules together, and what sets it.
//
// Where it cannot be known for certain, as before the first deploy, it is the largest possible one, with a warning: a database pool that is too
// large costs nothing, one that is too small loses jobs.
type Threads struct {
	Size     int
	By       string
	Guessed  bool     // the version of Sidekiq or its configuration is not known, and with it the number
	Warnings []string // what is only assumed
}

const byFlag = `option "concurrency"`

// Threads is that of one process. Without Config it is Concurrency, which is then given.
func (s Service) Threads(process ProcessOptions) (Threads, error) {
	if process.Config == "" {
		return Threads{Size: *process.Concurrency, By: byFlag}, nil
	}
	env, err := s.StartEnviron()
	if err != nil {
		return Threads{}, err
	}
	version, err := s.SidekiqVersion()
	if err != nil {
		return Threads{}, err
	}
	config, read, err := s.Config(process.Config, env, version)
	switch {
	case err != nil && process.Concurrency != nil:
		warning := fmt.Sprintf("%v; the pool is for %s alone, without threads of capsules", err, byFlag)
		return Threads{Size: *process.Concurrency, By: byFlag, Guessed: true, Warnings: []string{warning}}, nil
	case err != nil:
		return Threads{}, err
	case process.Concurrency != nil:
		config.Concurrency = process.Concurrency
	}
	size, source, err := config.TotalConcurrency(version, env)
	if err != nil {
		return Threads{}, err
	}
	threads := s.explain(process, size, source, read, version)
	if read == "" && !isUsual(process.Config) {
		threads.Warnings = append([]string{process.Config + " does not exist; the pool is for what Sidekiq does without it"}, threads.Warnings...)
	}
	return threads, nil
}

// explain adds to a number what sets it.
func (s Service) explain(process ProcessOptions, size int, source Source, read string, version Version) Threads {
	threads := Threads{Size: size}
	switch {
	case process.Concurrency != nil && size == *process.Concurrency:
		threads.By = byFlag
	case process.Concurrency != nil:
		threads.By = byFlag + " and the capsules of " + read
	case source == FromConfig:
		threads.By = read
	case source == FromThreads:
		threads.By = string(source)
	case version.Known():
		threads.By = "the default of Sidekiq " + version.String()
	default:
		threads.By, threads.Guessed = "the largest default of any Sidekiq", true
		threads.Warnings = append(threads.Warnings, fmt.Sprintf("%s; the pool is for %d threads, the most that any version starts by default",
			s.NamesNo("sidekiq"), LargestDefaultConcurrency))
	}
	return threads
}
