package sidekiq

import (
	"fmt"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// Source tells what decides a number of threads.
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
		if capsule.Concurrency != nil {
			total += *capsule.Concurrency
		} else {
			total += threads
		}
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
	if !positive().MatchString(text) {
		return 0, FromThreads, fmt.Errorf("%s is not a number from 1, with which Sidekiq does not start; hint: set it to the number of threads", FromThreads)
	}
	threads, err := strconv.Atoi(text)
	return threads, FromThreads, err
}
