// Package connections knows how many database connections a process of Sidekiq requires, and which variables of its environment
// give them where ERB makes the pool.
//
// # Decisions
//
// A process requires one connection for each thread that runs jobs, all capsules together (Sidekiq's own threads use none:
// sidekiq#2943). It is a number per process, so of several processes the largest counts, not their sum.
//
// Where Sidekiq's number of threads cannot be known for certain, as before the first deploy, the largest possible one is assumed, with a
// warning: a pool too large costs nothing, one too small loses jobs (sidekiq.Threads).
package connections

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// Wanted is the number of connections that each process requires, and what makes it so.
type Wanted sidekiq.Threads

// Required is the largest number of threads of processes, of which there is at least one, plus a headroom.
func Required(s sidekiq.Service, processes []sidekiq.ProcessOptions, headroom int) (Wanted, error) {
	var all []sidekiq.Threads
	for _, process := range processes {
		threads, err := s.Threads(process)
		if err != nil {
			return Wanted{}, err
		}
		all = append(all, threads)
	}
	return largest(all, headroom), nil
}

// largest is the largest number of threads of several processes plus a headroom, with the warnings about all of them.
func largest(all []sidekiq.Threads, headroom int) Wanted {
	var wanted Wanted
	var warnings []string
	for _, threads := range all {
		for _, warning := range threads.Warnings {
			if !slices.Contains(warnings, warning) {
				warnings = append(warnings, warning)
			}
		}
		if threads.Size > wanted.Size {
			wanted = Wanted(threads)
		}
	}
	wanted.Warnings = warnings
	if headroom > 0 {
		wanted.Size += headroom
		wanted.By += fmt.Sprintf(" and a headroom of %d", headroom)
	}
	return wanted
}

// Reader is how the processes read a database.yml.
func Reader(s sidekiq.Service) (databaseyml.Reader, error) {
	env, err := s.Environ()
	if err != nil {
		return databaseyml.Reader{}, err
	}
	rails, err := s.Locked("activerecord")
	return databaseyml.Reader{Environ: env, Rails: rails}, err
}

// Variables are those that the unit must set so that the pools that ERB makes in a database.yml are as large as requested; none
// when they are. Where the number of threads is guessed they are not for use: RAILS_MAX_THREADS would start as many. required is
// what Required has returned for the same processes; the zero value where it was not called, and then it is only called if it matters. Errors
// of the file are of the type *databaseyml.Refusal.
func Variables(s sidekiq.Service, processes []sidekiq.ProcessOptions, headroom int, required Wanted, file []byte, q databaseyml.Request) (map[string]string, error) {
	by, err := Reader(s)
	if err != nil {
		return nil, err
	}
	variables, err := databaseyml.Variables(file, by, q)
	if err != nil || len(variables) == 0 {
		return nil, err
	}
	if err := checkSettable(s, variables); err != nil {
		return nil, err
	}
	return variables, checkThreads(s, processes, headroom, required, variables)
}

// checkSettable refuses variables that are set already where a unit's own line would not win, or that a person has set.
func checkSettable(s sidekiq.Service, variables map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if _, set := s.Environment.Variables[name]; set {
			return argspec.Errorf("environment", "%s makes the database pool too small; hint: set it to %s, or leave it out", name, variables[name])
		}
		file, err := s.Environment.FileOf(name)
		if err != nil {
			return err
		}
		if file != "" {
			return argspec.Errorf("environment_files", "%s makes the database pool too small with what %s says; hint: set it to %s there, or remove it", name, file, variables[name])
		}
	}
	return nil
}

// checkThreads refuses variables by which Sidekiq would start another number of threads.
func checkThreads(s sidekiq.Service, processes []sidekiq.ProcessOptions, headroom int, required Wanted, variables map[string]string) error {
	if !slices.ContainsFunc(processes, func(p sidekiq.ProcessOptions) bool { return p.Config != "" }) {
		return nil
	}
	var err error
	if required.Size == 0 {
		if required, err = Required(s, processes, headroom); err != nil {
			return err
		}
	}
	set := maps.Clone(variables)
	maps.Copy(set, s.Environment.Variables)
	s.Environment.Variables = set
	then, err := Required(s, processes, headroom)
	if err != nil || then.Size == required.Size || required.Guessed {
		return err
	}
	return fmt.Errorf("%s cannot be set for the database pool, since it sets the number of Sidekiq's threads, too (for %d connections, not %d); hint: set that number in config/sidekiq.yml or by option %q",
		strings.Join(slices.Sorted(maps.Keys(variables)), ", "), then.Size, required.Size, "concurrency")
}
