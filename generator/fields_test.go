package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

var passes = regexp.MustCompile(`(?m)^    (\w+): "\{\{ (sidekiq_\w+)(?: \| default\(omit, true\))? \}\}"$`)

// The option that describes a variable is one that the role's tasks pass it to.
func TestFields_OptionsAreThoseOfTheTasks(t *testing.T) {
	passed := map[string][]string{}
	for _, module := range []string{"db_pool", "sidekiq_info", "sudoers_entry", "systemd_sidekiq"} {
		tasks, err := templates.ReadFile("templates/role/tasks/" + module + ".yml")
		require.NoError(t, err)
		for _, m := range passes.FindAllSubmatch(tasks, -1) {
			passed[string(m[2])] = append(passed[string(m[2])], module+"."+string(m[1]))
		}
	}
	described := 0
	for _, v := range model.Variables(model.Default()) {
		options := passed[v.Name]
		if v.Option != "" && len(options) > 0 {
			require.Contains(t, options, v.Option, v.Name)
			described++
		}
		require.True(t, v.Option != "" || len(options) == 0, "%s has no option, but is passed to %v", v.Name, options)
	}
	require.Greater(t, described, 45)
}
