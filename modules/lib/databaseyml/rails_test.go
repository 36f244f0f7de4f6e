package databaseyml_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml/databasetest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// rails is a process with the installed Rails.
type rails struct {
	ruby    *rubytest.Ruby
	version databasetest.Version
}

// pools returns the pools of an environment; ok is false if Rails raises an exception.
func (r rails) pools(t *testing.T, k databasetest.Case) (pools []databaseyml.Database, ok bool) {
	t.Helper()
	var answer struct {
		Pools []struct {
			Name string
			Pool *int
		}
	}
	r.ruby.Ask(t, map[string]any{"text": string(k.In), "environment": k.Request.Environment, "variables": k.Variables}, &answer)
	for _, p := range answer.Pools {
		d := databaseyml.Database{Name: p.Name, Pool: databaseyml.Unlimited}
		if p.Pool != nil {
			d.Pool = *p.Pool
		}
		pools = append(pools, d)
	}
	return pools, answer.Pools != nil
}

// One process answers all questions, because loading Rails takes half a second.
func TestRules_AsRails(t *testing.T) {
	r := rails{ruby: rubytest.Start(t, "testdata/rails.rb")}
	var answer struct {
		Rails     string
		Templates map[string]string
	}
	r.ruby.Ask(t, map[string]bool{"templates": true}, &answer)
	var err error
	r.version, err = databasetest.ParseVersion(answer.Rails)
	require.NoError(t, err)
	t.Run("cases", func(t *testing.T) { compareCases(t, r) })
	t.Run("mutated cases", func(t *testing.T) { compareMutatedCases(t, r) })
	require.NotEmpty(t, answer.Templates)
	for adapter, source := range answer.Templates {
		t.Run("template "+adapter, func(t *testing.T) { editTemplate(t, r, source) })
	}
}

// compareCases compares the rules with Rails for every case, before and after its edit.
func compareCases(t *testing.T, r rails) {
	compared := 0
	for _, k := range databasetest.Cases(t) {
		k.Rails = r.version
		result, err := k.Apply(rules(k))
		if compare(t, r, k) && err == nil {
			compared++
			k.In, k.Variables = result.Text, environAfter(k, result)
			require.True(t, compare(t, r, k), "after the edit of %s", k.Name)
		}
	}
	require.Greater(t, compared, 60)
}

// compare requires that Rails and the rules read the same pools, and reports whether both can read the file. A file that
// Rails cannot load is ignored.
func compare(t *testing.T, r rails, k databasetest.Case) bool {
	t.Helper()
	answer, err := rules(k).Ask(databaseyml.Change{})
	if err != nil {
		require.IsType(t, &databaseyml.Refusal{}, err)
		return false
	}
	want, ok := r.pools(t, k)
	if ok {
		require.Equal(t, want, answer.Databases, "%s\n%s", k.Name, k.In)
	}
	return ok
}

func compareMutatedCases(t *testing.T, r rails) {
	random := rand.New(rand.NewPCG(11, 12))
	compared := 0
	for _, k := range databasetest.Cases(t) {
		k.Rails = r.version
		original := k.In
		for range testenv.Rounds(10) {
			k.In = []byte(databasetest.Mutate(random, string(original)))
			if compare(t, r, k) {
				compared++
			}
		}
	}
	t.Logf("%d compared", compared)
	require.Greater(t, compared, 300)
}

// editTemplate edits the file that `rails new` writes for an adapter: it sets a variable if ERB reads one, else a number.
func editTemplate(t *testing.T, r rails, source string) {
	judge := databasetest.StartJudge(t)
	for _, replace := range []bool{false, true} {
		k := databasetest.Case{In: []byte(source), Request: production(25), Rails: r.version}
		k.Request.Replace = replace
		result, err := k.Apply(rules(k))
		require.NoError(t, err)
		if !result.Changed() {
			require.False(t, replace)
			require.Equal(t, map[string]string{"RAILS_MAX_THREADS": "25"}, result.Variables)
		}
		require.Equal(t, databasetest.Good, judge.Verdict(t, k, result))
		require.LessOrEqual(t, databasetest.RequireReportedLines(t, k.In, result), len(result.Edits))
		k.In, k.Variables = result.Text, result.Variables
		pools, ok := r.pools(t, k)
		require.True(t, ok)
		for _, d := range pools {
			require.Equal(t, 25, d.Pool, d.Name)
		}
	}
}

func TestApply_AsRuby(t *testing.T) {
	judge := databasetest.StartJudge(t)
	random := rand.New(rand.NewPCG(5, 6))
	edited, mutated := 0, 0
	for _, k := range databasetest.Cases(t) {
		if requireGood(t, judge, k) {
			edited++
		}
		original := k.In
		for range testenv.Rounds(10) {
			k.In = []byte(databasetest.Mutate(random, string(original)))
			k.Request.Replace = random.IntN(2) == 0
			if requireGood(t, judge, k) {
				mutated++
			}
		}
	}
	t.Logf("%d cases and %d mutated cases edited", edited, mutated)
	require.Greater(t, edited, 50)
	require.Greater(t, mutated, 150)
}

// requireGood requires that the verdict on an edit is Good, and reports whether the file was edited.
func requireGood(t *testing.T, judge databasetest.Judge, k databasetest.Case) bool {
	t.Helper()
	result, err := k.Apply(rules(k))
	if err != nil || !result.Changed() {
		return false
	}
	databasetest.RequireReportedLines(t, k.In, result)
	verdict := judge.Verdict(t, k, result)
	if verdict == databasetest.Unloadable {
		return false
	}
	require.Equal(t, databasetest.Good, verdict, "%s\n%s\n%s", k.Name, k.In, result.Text)
	return true
}

// TestApply_Corpus edits real files by the rules.
func TestApply_Corpus(t *testing.T) {
	files := testenv.Corpus(t, "database")
	judge := databasetest.StartJudge(t)
	for _, v := range variants {
		edited, unchanged, refused := 0, 0, 0
		for _, name := range slices.Sorted(maps.Keys(files)) {
			k := databasetest.Case{Name: name, In: []byte(v.of(string(files[name]))), Request: production(100), Rails: databasetest.Version{7, 2}}
			k.Request.Replace = true
			result, err := k.Apply(rules(k))
			switch {
			case errors.As(err, new(*databaseyml.Refusal)):
				refused++
			case result.Changed():
				require.True(t, requireGood(t, judge, k), name)
				edited++
			default:
				unchanged++
			}
		}
		t.Logf("%s: %d edited, %d unchanged, %d refused, 0 damaged", v.name, edited, unchanged, refused)
		require.Greater(t, edited, 15)
	}
}
