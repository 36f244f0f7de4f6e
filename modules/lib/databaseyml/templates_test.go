package databaseyml

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
)

// editTemplates edits what `rails new` writes, for every adapter of the installed Rails.
func editTemplates(t *testing.T, rails *rubytest.Ruby) {
	var brought struct {
		Rails     string            `json:"rails"`
		Templates map[string]string `json:"templates"`
	}
	rails.Ask(t, map[string]bool{"templates": true}, &brought)
	require.NotEmpty(t, brought.Templates)
	judging := rubytest.Start(t, "testdata/judge.rb")
	for _, adapter := range slices.Sorted(maps.Keys(brought.Templates)) {
		source := []byte(brought.Templates[adapter])
		threads := map[string]string{"RAILS_MAX_THREADS": "25"}
		wanted, err := Variables(source, nothing, production(25))
		require.NoError(t, err, adapter)
		with := Reader{Environ: environ.Overlay(environ.None, threads)}

		// Where a variable makes the pool, it is enough; where none does, a line is changed or added.
		result, err := Apply(source, with, production(25))
		require.NoError(t, err, adapter)
		require.Equal(t, len(wanted) == 0, result.Changed(), adapter)
		requireRails(t, rails, adapter, result, threads)

		q := production(25)
		q.ERB = Overrule
		result, err = Apply(source, nothing, q)
		require.NoError(t, err, adapter)
		require.Equal(t, "good", judge(t, judging, source, q, nil, result), adapter)
		require.LessOrEqual(t, requireOnlyTheLinesTold(t, source, result), len(result.Edits))
		requireRails(t, rails, adapter, result, nil)
	}
	t.Logf("Rails %s: %v", brought.Rails, slices.Sorted(maps.Keys(brought.Templates)))
}

// requireRails requires that Rails reads 25 for every database of production.
func requireRails(t *testing.T, rails *rubytest.Ruby, adapter string, r *Result, variables map[string]string) {
	t.Helper()
	var names []string
	for _, e := range r.Edits {
		names = append(names, e.After.Database)
	}
	k := testCase{name: adapter, request: production(25), variables: variables}
	for i, pool := range railsPools(t, rails, k, r.Text, names) {
		require.NotNil(t, pool, "%s: %s", adapter, names[i])
		require.Equal(t, 25, *pool, "%s: %s", adapter, names[i])
	}
}
