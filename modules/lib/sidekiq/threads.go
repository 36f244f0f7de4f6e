package sidekiq

import "fmt"

// Threads is the number of threads of a process that run jobs, all capsules together, and what sets it.
//
// Where it cannot be known for certain, as before the first deploy, it is the largest possible one, with a warning: a database pool that is too
// large costs nothing, one that is too small loses jobs.
type Threads struct {
	Size     int
	By       string
	Guessed  bool     // the version of Sidekiq is not known, and with it its number of threads
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
	if err != nil && process.Concurrency != nil {
		warning := fmt.Sprintf("%v; the pool is for %s alone, without threads of capsules", err, byFlag)
		return Threads{Size: *process.Concurrency, By: byFlag, Warnings: []string{warning}}, nil
	}
	if err != nil {
		return Threads{}, err
	}
	if process.Concurrency != nil {
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
		threads.Warnings = append(threads.Warnings, fmt.Sprintf("%s names no sidekiq; the pool is for %d threads, the most that any version starts by default",
			s.Lockfile, LargestDefaultConcurrency))
	}
	return threads
}
