package dbpool

import (
	"fmt"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

// plan compares the pools asked for with those of the file.
func plan(p *Params) (*ansible.Plan, error) {
	plan := &ansible.Plan{}
	f, err := find(p.Path)
	if err != nil {
		return nil, err
	}
	plan.Set("exists", f != nil)
	if f == nil {
		return plan, missing(p, plan)
	}
	environ, err := p.environ()
	if err != nil {
		return nil, err
	}
	wanted, err := demanded(p, environ, plan)
	if err != nil {
		return nil, err
	}
	edits, err := raise(f, p, environ, wanted.size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	report(plan, f, wanted, edits)
	return plan, f.change(plan, wanted, edits)
}

func missing(p *Params, plan *ansible.Plan) error {
	list := strings.Join(p.Path, " or ")
	if p.IfMissing == "skip" {
		plan.Warn("%s does not exist; the pool is left to a run after the first deploy", list)
		return nil
	}
	return fmt.Errorf("option %q: %s does not exist; hint: deploy the application first, or set if_missing: skip", "path", list)
}

// raise edits the text once for each database, each time what the edit before left.
func raise(f *file, p *Params, environ sidekiq.Environ, size int) ([]*databaseyml.Edit, error) {
	databases := p.Databases
	if len(databases) == 0 {
		databases = []string{""}
	}
	var edits []*databaseyml.Edit
	text := f.found.Data
	for _, database := range databases {
		yml, err := databaseyml.Parse(text, environ)
		if err != nil {
			return nil, err
		}
		edit, err := yml.RaisePool(p.RailsEnv, database, size)
		if err != nil {
			return nil, err
		}
		if edit.Changed() && edit.Old == "" {
			moveDown(edits, edit.Line)
		}
		edits, text = append(edits, edit), edit.Text
	}
	return edits, nil
}

// moveDown counts a line that was added at line into the edits before.
func moveDown(edits []*databaseyml.Edit, line int) {
	for _, e := range edits {
		if e.Changed() && e.Line >= line {
			e.Line++
		}
	}
}

// report answers what was found and what will be, the same in check mode.
func report(plan *ansible.Plan, f *file, wanted demand, edits []*databaseyml.Edit) {
	plan.Set("path", f.path)
	plan.Set("required", wanted.size)
	plan.Set("required_by", wanted.by)
	first := edits[0]
	plan.Set("pool_before", first.Before.Size)
	plan.Set("pool_after", first.After.Size)
	plan.Set("source", string(first.Before.Source))
	plan.Set("line", first.Line)
	databases := []map[string]any{}
	for _, e := range edits {
		databases = append(databases, map[string]any{
			"name": e.Before.Database, "key": e.Before.Key, "pool_before": e.Before.Size, "pool_after": e.After.Size,
			"source": string(e.Before.Source), "from": e.Before.Origin(), "line": e.Line, "raised_too": append([]string{}, e.Also...),
		})
		if e.Before.Doubt != "" {
			plan.Warn("%s: %s", f.path, e.Before.Doubt)
		}
	}
	plan.Set("databases", databases)
}
