package dbpool

import (
	"github.com/curationexperts/ansible-sidekiq/modules/lib/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// text is the wanted database.yml.
type text struct {
	*databaseyml.Result
	variables map[string]string // that the unit must set for it
}

// wantedText reads the file with the variables that the unit is to set, if any.
func wantedText(o *options, f *facts) (t text, err error) {
	source, request, by := f.database.file.Data, o.request(f.required.Size), f.by
	if o.ERB == erbVariable {
		threads := f.required
		if o.size > 0 {
			threads = connections.Wanted{} // required is not their number
		}
		if t.variables, err = connections.Variables(f.service, o.processes(), o.Headroom, threads, source, request); err != nil {
			return text{}, err
		}
		by.Environ = environ.Overlay(by.Environ, t.variables)
	}
	if t.Result, err = databaseyml.Apply(source, by, request); err != nil || len(t.variables) == 0 {
		return t, err
	}
	pools, err := databaseyml.Pools(source, f.by, o.RailsEnv, o.Databases...)
	for i, pool := range pools {
		edit := &t.Edits[i]
		edit.Before = pool
		if f.required.Guessed && !edit.Changed() { // the variables are not for use yet
			edit.After = pool
		}
	}
	return t, err
}
