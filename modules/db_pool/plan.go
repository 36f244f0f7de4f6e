package dbpool

import (
	"errors"
	"fmt"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// plan compares the pools asked for with those of the file.
func plan(p *Params) (*ansible.Plan, error) {
	plan := &ansible.Plan{}
	f, err := find(p.Path, p.links())
	if err != nil {
		return nil, err
	}
	plan.Set("exists", f != nil)
	if f == nil {
		return plan, missing(p, plan)
	}
	if f.unlocked != nil {
		plan.Warn("%v", f.unlocked)
	}
	wanted, err := p.wanted()
	if err != nil {
		return nil, err
	}
	result, variables, err := apply(f, p, wanted)
	if refusal := new(databaseyml.Refusal); errors.As(err, &refusal) {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	} else if err != nil {
		return nil, err
	}
	if wanted.Guessed && len(variables) > 0 {
		plan.Warn("%s: ERB makes the pool; it is left to a run after the first deploy", f.path)
		variables = nil
	}
	for _, warning := range wanted.Warnings {
		plan.Warn("%s", warning)
	}
	report(plan, f, wanted, result, variables)
	return plan, f.change(plan, p, wanted, result)
}

func missing(p *Params, plan *ansible.Plan) error {
	list := strings.Join(p.Path, " or ")
	if p.IfMissing == "skip" {
		plan.Warn("%s does not exist; the pool is left to a run after the first deploy", list)
		return nil
	}
	return fmt.Errorf("option %q: %s does not exist; hint: deploy the application first, or set if_missing: skip", "path", list)
}

// apply makes the text that is wanted. Where the unit is to set variables for the file, they are reckoned with and returned.
func apply(f *file, p *Params, wanted connections.Wanted) (*databaseyml.Result, map[string]string, error) {
	service := p.service()
	by, err := connections.Reader(service)
	if err != nil {
		return nil, nil, err
	}
	request := p.request(wanted.Size)
	if p.ERB != erbVariable {
		result, err := databaseyml.Apply(f.found.Data, by, request)
		return result, nil, err
	}
	variables, err := connections.Variables(service, p.processes(), p.Headroom, connections.Wanted{}, f.found.Data, request)
	if err != nil {
		return nil, nil, err
	}
	with := by
	with.Environ = environ.Overlay(by.Environ, variables)
	result, err := databaseyml.Apply(f.found.Data, with, request)
	if err != nil || len(variables) == 0 {
		return result, variables, err
	}
	return result, variables, tellWithout(result, f, by, p, wanted.Guessed)
}

// tellWithout lets the result tell what the pools were without the variables, and still are where they are not to be set yet.
func tellWithout(result *databaseyml.Result, f *file, by databaseyml.Reader, p *Params, still bool) error {
	pools, err := databaseyml.Pools(f.found.Data, by, p.RailsEnv, p.Databases...)
	for i := range pools {
		e := &result.Edits[i]
		if e.Before = pools[i]; still && !e.Changed() {
			e.After = pools[i]
		}
	}
	return err
}

// report answers what was found and what will be, the same in check mode.
func report(plan *ansible.Plan, f *file, wanted connections.Wanted, result *databaseyml.Result, variables map[string]string) {
	plan.Set("path", f.path)
	plan.Set("required", wanted.Size)
	plan.Set("required_by", wanted.By)
	environment := map[string]any{}
	for name, value := range variables {
		environment[name] = value
	}
	plan.Set("environment", environment)
	first := result.Edits[0]
	plan.Set("pool_before", sizeOf(first.Before))
	plan.Set("pool_after", sizeOf(first.After))
	plan.Set("source", string(first.Before.Source))
	plan.Set("line", first.Line)
	databases := []map[string]any{}
	for _, e := range result.Edits {
		databases = append(databases, map[string]any{
			"name": e.Before.Database, "key": e.After.Key, "pool_before": sizeOf(e.Before), "pool_after": sizeOf(e.After),
			"source": string(e.Before.Source), "from": e.Before.Origin(), "line": e.Line,
			"inherited_by": append([]string{}, e.Also...), "other_sections": append([]string{}, e.Others...),
		})
		if e.After.Doubt != "" {
			plan.Warn("%s: %s", f.path, e.After.Doubt)
		}
	}
	plan.Set("databases", databases)
}

// sizeOf is a pool as it is answered: null when only Ruby can tell, -1 without a limit, as Rails 8.1 writes it.
func sizeOf(p databaseyml.Pool) any {
	switch p.Size {
	case 0:
		return nil
	case databaseyml.Unlimited:
		return -1
	}
	return p.Size
}
