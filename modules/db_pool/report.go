package dbpool

import (
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
)

// report adds to the answer the pools before and after, which are the same in check mode.
func report(plan *ansible.Plan, f *facts, t tuned) {
	plan.Set("path", f.database.path)
	plan.Set("read_with", t.readWith)
	if t.required.Size > 0 {
		plan.Set("required", t.required.Size)
		plan.Set("required_by", t.required.By)
	}
	if t.Result == nil {
		return
	}
	environment := map[string]any{}
	for name, value := range t.Variables {
		environment[name] = value
	}
	plan.Set("environment", environment)
	databases := []map[string]any{}
	for _, e := range t.Edits {
		databases = append(databases, map[string]any{
			"name": e.Name, "key": e.Key, "pool_before": sizeOf(e.Before), "pool_after": sizeOf(e.After),
			"source": string(e.Found.Source), "from": e.Found.Origin(), "line": lineOf(e),
			"inherited_by": append([]string{}, e.Also...), "other_sections": append([]string{}, e.Others...),
		})
	}
	plan.Set("databases", databases)
	for _, name := range []string{"pool_before", "pool_after", "source", "line"} {
		plan.Set(name, databases[0][name])
	}
}

// lineOf is the number of the line that was changed, 0 for none.
func lineOf(e databaseyml.Edit) int {
	if !e.Changed() {
		return 0
	}
	return e.Lines[0].Number
}

// sizeOf is a pool in the answer: -1 without a limit, as Rails 8.1 writes it.
func sizeOf(pool int) int {
	if pool == databaseyml.Unlimited {
		return -1
	}
	return pool
}
