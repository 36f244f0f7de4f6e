package dbpool

import (
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
)

// report adds to the answer the pools before and after, which are the same in check mode.
func report(plan *ansible.Plan, f *facts, t text) {
	plan.Set("path", f.database.path)
	plan.Set("required", f.required.Size)
	plan.Set("required_by", f.required.By)
	environment := map[string]any{}
	for name, value := range t.variables {
		environment[name] = value
	}
	plan.Set("environment", environment)
	first := t.Edits[0]
	plan.Set("pool_before", sizeOf(first.Before))
	plan.Set("pool_after", sizeOf(first.After))
	plan.Set("source", string(first.Before.Source))
	plan.Set("line", first.Line)
	databases := []map[string]any{}
	for _, e := range t.Edits {
		databases = append(databases, map[string]any{
			"name": e.Before.Database, "key": e.After.Key, "pool_before": sizeOf(e.Before), "pool_after": sizeOf(e.After),
			"source": string(e.Before.Source), "from": e.Before.Origin(), "line": e.Line,
			"inherited_by": append([]string{}, e.Also...), "other_sections": append([]string{}, e.Others...),
		})
		if e.After.Doubt != "" {
			plan.Warn("%s: %s", f.database.path, e.After.Doubt)
		}
	}
	plan.Set("databases", databases)
}

// sizeOf is a pool in the answer: null when only Ruby can tell, -1 without a limit, as Rails 8.1 writes it.
func sizeOf(p databaseyml.Pool) any {
	switch p.Size {
	case 0:
		return nil
	case databaseyml.Unlimited:
		return -1
	}
	return p.Size
}
