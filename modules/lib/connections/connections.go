// Package connections knows how many database connections a process of Sidekiq wants, and which variables of its environment
// give them where ERB makes the pool.
//
// # Decisions
//
// One process wants one connection for each thread that runs jobs, all capsules together (Sidekiq's own threads use none:
// sidekiq#2943). It is a number per process, so of several processes the largest counts, not their sum.
//
// Where Sidekiq's number of threads cannot be known for certain, as before the first deploy, the larger is taken and said so: a
// pool too large costs nothing, one too small loses jobs.
package connections

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// Worker is a Sidekiq, or several, as it is started.
type Worker struct {
	RailsEnv    string
	Processes   []Process       // at least one; the largest counts
	Lockfile    string          // path of Gemfile.lock
	Version     sidekiq.Version // where it is not to be read from Lockfile
	Headroom    int             // connections beside those of the threads
	Environment sidekiq.Environment

	// ReadIfThere and ReadLockfile are nil and no error where there is no file. Without them it is those of package atomicfile.
	ReadIfThere, ReadLockfile func(path string) ([]byte, error)
}

// Process is one process of a Worker.
type Process struct {
	Concurrency *int   // the flag -c, which wins over Config; nil: none
	Config      string // path of its configuration; "": Concurrency alone counts
}

// Wanted is the number of connections that a process wants, and what wants them.
type Wanted struct {
	Size     int
	By       string
	Guessed  bool     // the version of Sidekiq is not known, and with it its number of threads
	Warnings []string // what is only assumed
}

// Environ is the environment in which the application reads its files. Sidekiq sets RAILS_ENV and RACK_ENV itself, by its flag -e.
func (w Worker) Environ() (sidekiq.Environ, error) {
	environ, err := w.Environment.Environ()
	if err != nil {
		return nil, err
	}
	return databaseyml.Overlay(environ, map[string]string{"RAILS_ENV": w.RailsEnv, "RACK_ENV": w.RailsEnv}), nil
}

// StartEnviron is the environment in which Sidekiq reads its configuration and RAILS_MAX_THREADS (cli.rb, parse): before the
// application is loaded, and dotenv with it.
func (w Worker) StartEnviron() (sidekiq.Environ, error) {
	w.Environment.DotenvFiles = nil
	return w.Environ()
}

// Rails and Sidekiq are the versions that the application has locked; unknown ones before the first deploy.
func (w Worker) Rails() (databaseyml.Rails, error) { return w.locked("activerecord") }
func (w Worker) Sidekiq() (sidekiq.Version, error) {
	if w.Version.Known() {
		return w.Version, nil
	}
	return w.locked("sidekiq")
}

func (w Worker) locked(gem string) (sidekiq.Version, error) {
	if w.Lockfile == "" {
		return sidekiq.Version{}, nil
	}
	read := atomicfile.ReadLockfile
	if w.ReadLockfile != nil {
		read = w.ReadLockfile
	}
	source, err := read(w.Lockfile)
	if err != nil {
		return sidekiq.Version{}, err
	}
	version, err := sidekiq.LockedVersion(source, gem)
	if err != nil {
		return version, fmt.Errorf("%s: %w", w.Lockfile, err)
	}
	return version, nil
}

func (w Worker) read(path string) ([]byte, error) {
	if w.ReadIfThere != nil {
		return w.ReadIfThere(path)
	}
	return atomicfile.ReadIfThere(path)
}

// Wanted tells the number.
func (w Worker) Wanted() (Wanted, error) {
	largest := Wanted{}
	for _, process := range w.Processes {
		one, err := w.Threads(process)
		if err != nil {
			return Wanted{}, err
		}
		warnings := union(largest.Warnings, one.Warnings)
		if one.Size > largest.Size {
			largest = one
		}
		largest.Warnings = warnings
	}
	if w.Headroom > 0 {
		largest.Size += w.Headroom
		largest.By += fmt.Sprintf(" and a headroom of %d", w.Headroom)
	}
	return largest, nil
}

const byFlag = `option "concurrency"`

func union(a, b []string) []string {
	for _, text := range b {
		if !slices.Contains(a, text) {
			a = append(a, text)
		}
	}
	return a
}

// Threads tells how many threads of one process run jobs, all capsules together.
func (w Worker) Threads(process Process) (Wanted, error) {
	if process.Config == "" {
		return Wanted{Size: *process.Concurrency, By: byFlag}, nil
	}
	environ, err := w.StartEnviron()
	if err != nil {
		return Wanted{}, err
	}
	version, err := w.Sidekiq()
	if err != nil {
		return Wanted{}, err
	}
	config, found, err := w.Config(process.Config, environ, version)
	if err != nil && process.Concurrency != nil {
		warning := fmt.Sprintf("%v; the pool is for %s alone, without threads of capsules", err, byFlag)
		return Wanted{Size: *process.Concurrency, By: byFlag, Warnings: []string{warning}}, nil
	}
	if err != nil {
		return Wanted{}, err
	}
	if process.Concurrency != nil {
		config.Concurrency = process.Concurrency
	}
	size, source, err := config.TotalConcurrency(version, environ)
	if err != nil {
		return Wanted{}, err
	}
	wanted := w.explain(process, size, source, found, version)
	if found == "" && !isUsual(process.Config) {
		wanted.Warnings = append([]string{process.Config + " does not exist; the pool is for what Sidekiq does without it"}, wanted.Warnings...)
	}
	return wanted, nil
}

// explain tells what a number of threads comes from.
func (w Worker) explain(process Process, size int, source sidekiq.Source, found string, version sidekiq.Version) Wanted {
	wanted := Wanted{Size: size}
	switch {
	case process.Concurrency != nil && size == *process.Concurrency:
		wanted.By = byFlag
	case process.Concurrency != nil:
		wanted.By = byFlag + " and the capsules of " + found
	case source == sidekiq.FromConfig:
		wanted.By = found
	case source == sidekiq.FromThreads:
		wanted.By = string(source)
	case version.Known():
		wanted.By = "the default of Sidekiq " + version.String()
	default:
		wanted.By, wanted.Guessed = "the largest default of any Sidekiq", true
		wanted.Warnings = append(wanted.Warnings, fmt.Sprintf("%s names no sidekiq; the pool is for %d threads, the most that any version starts by default",
			w.Lockfile, sidekiq.LargestDefaultConcurrency))
	}
	return wanted
}

// isUsual tells whether a path is where Sidekiq itself looks, and what an application need not have.
func isUsual(path string) bool {
	return strings.HasSuffix(filepath.ToSlash(path), "/config/sidekiq.yml")
}

// Config reads a configuration, or, where there is none in the usual place, that of the same name with .erb, for which Sidekiq
// looks next. No file is no settings and no path.
func (w Worker) Config(path string, environ sidekiq.Environ, version sidekiq.Version) (config sidekiq.Config, found string, err error) {
	paths := []string{path}
	if isUsual(path) {
		paths = append(paths, path+".erb")
	}
	for _, path := range paths {
		source, err := w.read(path)
		if err != nil {
			return config, "", err
		}
		if source == nil {
			continue
		}
		config, err = sidekiq.ReadConfig(source, w.RailsEnv, environ, version)
		if err != nil {
			return config, "", fmt.Errorf("%s: %w", path, err)
		}
		return config, path, nil
	}
	return config, "", nil
}

// Variables are those that the unit must set so that the pools that ERB makes in a database.yml are as large as wanted; none
// when they are. Where the number of threads is guessed they are not for use: RAILS_MAX_THREADS would start as many. Errors of
// the file are of the type *databaseyml.Refusal.
func (w Worker) Variables(file []byte, q databaseyml.Request) (map[string]string, error) {
	environ, err := w.Environ()
	if err != nil {
		return nil, err
	}
	rails, err := w.Rails()
	if err != nil {
		return nil, err
	}
	variables, err := databaseyml.Variables(file, databaseyml.Reader{Environ: environ, Rails: rails}, q)
	if err != nil || len(variables) == 0 {
		return nil, err
	}
	if err := w.checkSettable(variables); err != nil {
		return nil, err
	}
	return variables, w.checkThreads(variables)
}

// checkSettable refuses variables that are set already where a unit's own line would not win, or that a person has set.
func (w Worker) checkSettable(variables map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if _, set := w.Environment.Variables[name]; set {
			return fmt.Errorf("option %q: %s makes the database pool too small; hint: set it to %s, or leave it out", "environment", name, variables[name])
		}
		file, err := w.Environment.FileOf(name)
		if err != nil {
			return err
		}
		if file != "" {
			return fmt.Errorf("option %q: %s makes the database pool too small with what %s says; hint: set it to %s there, or remove it", "environment_files", name, file, variables[name])
		}
	}
	return nil
}

// checkThreads refuses variables by which Sidekiq would start another number of threads.
func (w Worker) checkThreads(variables map[string]string) error {
	if !slices.ContainsFunc(w.Processes, func(p Process) bool { return p.Config != "" }) {
		return nil
	}
	now, err := w.Wanted()
	if err != nil {
		return err
	}
	set := maps.Clone(variables)
	maps.Copy(set, w.Environment.Variables)
	w.Environment.Variables = set
	then, err := w.Wanted()
	if err != nil || then.Size == now.Size || now.Guessed {
		return err
	}
	return fmt.Errorf("%s cannot be set for the database pool, since it sets the number of Sidekiq's threads, too (for %d connections, not %d); hint: set that number in config/sidekiq.yml or by option %q",
		strings.Join(slices.Sorted(maps.Keys(variables)), ", "), then.Size, now.Size, "concurrency")
}
