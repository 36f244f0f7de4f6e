package dbpool

import (
	"errors"
	"fmt"
	"slices"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/activerecord"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// tuned is the wanted database.yml.
type tuned struct {
	*databaseyml.Result          // nil: it is not known, for the reason of the warning
	required            required // of each pool
	readWith            string
	warning             string
}

// required is the number of connections that each process requires, and what makes it so. A process requires one for each thread that runs jobs, all
// capsules together (Sidekiq's own threads use none: sidekiq#2943). Of several processes the one with the most threads counts: each has its own pool.
type required sidekiq.Threads

// tune finds the change: by the rules, if these are certain and nothing is to be changed or there is no Ruby; else with the application's Ruby.
func (f *facts) tune(o *options) (tuned, error) {
	t, err := f.tuneByRules(o)
	refusal := new(databaseyml.Refusal)
	switch isRefused := errors.As(err, &refusal); {
	case err != nil && !isRefused:
		return t, err
	case err == nil && !t.Changed() && len(t.Variables) == 0 && !t.required.Guessed:
		return t, nil
	}
	ruby, noRuby := f.findRuby(o)
	switch {
	case noRuby == nil:
		byRuby, rubyErr := f.tuneByRuby(o, ruby, t.required)
		if byRuby.warning != "" && err != nil && !refusal.Uncertain {
			return t, err // it says more about the reason
		}
		return byRuby, rubyErr
	case errors.As(noRuby, new(wrongOption)):
		return t, noRuby
	case err == nil || !refusal.Uncertain:
		return t, err
	case errors.As(noRuby, new(declined)):
		return t, fmt.Errorf("%w; the application's Ruby was not run: %w", err, noRuby)
	}
	t.warning = fmt.Sprintf("%v; the application's Ruby was not run: %v; database.yml is not changed", err, noRuby)
	if noRuby == errNotDeployed {
		t.warning = fmt.Sprintf("%v; database.yml is left to a run after the first deploy", err)
	}
	return t, nil
}

func (f *facts) tuneByRules(o *options) (t tuned, err error) {
	t.readWith = "rules"
	if t.required, err = f.requiredByRules(o); err != nil {
		return t, err
	}
	rails, err := f.service.Locked("activerecord")
	if err != nil {
		return t, err
	}
	rules := databaseyml.Rules{Source: f.database.file.Data, Environment: o.RailsEnv, Environ: f.environ, Rails: rails, Threads: f.threadsByRules(o)}
	t.Result, err = databaseyml.Apply(rules.Source, rules, f.environ, f.request(o, t.required.Size))
	return t, f.withPath(err)
}

// withPath adds the path of the file to a refusal.
func (f *facts) withPath(err error) error {
	if errors.As(err, new(*databaseyml.Refusal)) {
		return fmt.Errorf("%s: %w", f.database.path, err)
	}
	return err
}

// withoutVariables leaves the pools as they are that only variables change.
func (t *tuned) withoutVariables() {
	t.Variables = nil
	for i, edit := range t.Edits {
		if !edit.Changed() {
			t.Edits[i].After = edit.Before
		}
	}
}

// requiredByRules is the number by option pool, or else by the configurations of the processes.
func (f *facts) requiredByRules(o *options) (required, error) {
	if o.size > 0 {
		return required{Size: o.size, By: `option "pool"`}, nil
	}
	all, err := f.threads(o, nil)
	return largest(all, o.Headroom), err
}

// threads reads the configurations of the processes, with variables that the unit sets in addition.
func (f *facts) threads(o *options, variables map[string]string) (all []sidekiq.Threads, err error) {
	s := f.service
	s.Environment = s.Environment.With(variables)
	for _, process := range o.processes() {
		threads, err := s.Threads(process)
		if err != nil {
			return nil, err
		}
		all = append(all, threads)
	}
	return all, nil
}

// threadsByRules is Rules.Threads; nil if no configuration is read. With option pool, one that cannot be read is no error.
func (f *facts) threadsByRules(o *options) func(map[string]string) (int, error) {
	if !slices.ContainsFunc(o.processes(), func(p sidekiq.ProcessOptions) bool { return p.Config != "" }) {
		return nil
	}
	return func(variables map[string]string) (int, error) {
		all, err := f.threads(o, variables)
		if err != nil && o.size > 0 {
			return 0, nil
		}
		return largest(all, 0).Size, err
	}
}

// largest is the largest number of threads of several processes plus a headroom, with the warnings about all of them.
func largest(all []sidekiq.Threads, headroom int) required {
	var r required
	var warnings []string
	for _, threads := range all {
		for _, warning := range threads.Warnings {
			if !slices.Contains(warnings, warning) {
				warnings = append(warnings, warning)
			}
		}
		if threads.Size > r.Size {
			r = required(threads)
		}
	}
	r.Warnings = warnings
	if headroom > 0 {
		r.Size += headroom
		r.By += fmt.Sprintf(" and a headroom of %d", headroom)
	}
	return r
}

// tuneByRuby finds the change with the application's Ruby. If that fails, the file is not changed.
func (f *facts) tuneByRuby(o *options, ruby activerecord.Ruby, byRules required) (t tuned, err error) {
	a, err := f.newAsker(o, ruby)
	if err != nil {
		return t, err
	}
	defer a.close()
	t, err = f.askRuby(o, a, byRules)
	t.readWith = a.readWith()
	if failure := new(activerecord.Failure); errors.As(err, &failure) {
		t.Result, t.required = nil, byRules
		t.warning = fmt.Sprintf("%s is not changed: %s (run as %q) could not evaluate it: %v; hint: in %s, as that user, `bundle exec rails runner 1` shows the error; or set ruby: never to use fixed rules",
			f.database.path, ruby.Path, ruby.User.Name, failure, *o.AppRoot)
		return t, nil
	}
	if err != nil || readsFiles(f.database.file.Data) {
		return t, f.withPath(err)
	}
	a.rehearse(t.Text, func() { _, _ = f.askRuby(o, a, byRules) }) // what it does not know, the next run asks
	return t, a.answers.write()
}

func (f *facts) askRuby(o *options, a *asker, byRules required) (t tuned, err error) {
	judges := f.judges(o, a)
	var all []sidekiq.Threads
	most := 0 // the process with the most threads
	for i, j := range judges {
		answer, err := j.Ask(databaseyml.Change{})
		if err != nil {
			return t, err
		}
		all = append(all, sidekiq.Threads{Size: answer.Threads, By: "the application's Sidekiq"})
		if answer.Threads > all[most].Size {
			most = i
		}
	}
	t.required = largest(all, o.Headroom)
	if o.size > 0 || byRules.Size == t.required.Size && !byRules.Guessed {
		t.required = byRules
	}
	if t.Result, err = databaseyml.Apply(a.file, judges[most], f.environ, f.request(o, t.required.Size)); err != nil || !t.Changed() {
		return t, err
	}
	for _, j := range judges { // for the next run
		if _, err := j.Ask(databaseyml.Change{Splices: t.Splices}); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (f *facts) request(o *options, size int) databaseyml.Request {
	q := databaseyml.Request{Environment: o.RailsEnv, Databases: o.Databases, Size: size, Replace: o.ERB == "replace", Lower: o.AllowLower, Others: o.AllowOthers,
		CheckVariable: f.checkSettable(o)}
	if o.Key != "auto" {
		q.Key = o.Key
	}
	return q
}

// checkSettable refuses a variable that a person has set already, where a line of the unit would not win.
func (f *facts) checkSettable(o *options) func(name, value string) error {
	sources := o.Sources(f.service.Files)
	return func(name, value string) error {
		if by := f.process.foreign[name]; by != "" {
			return fmt.Errorf("%s makes the database pool too small, and the unit cannot set it: %s overrides it; hint: set it to %s there, or remove it", name, by, value)
		}
		if _, isSet := sources.Variables[name]; isSet {
			return argspec.Errorf("environment", "%s makes the database pool too small; hint: set it to %s, or leave it out", name, value)
		}
		file, err := sources.FileOf(name)
		if err == nil && file != "" {
			return argspec.Errorf("environment_files", "%s in %s makes the database pool too small; hint: set it to %s there, or remove it", name, file, value)
		}
		return err
	}
}
