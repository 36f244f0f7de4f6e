package activerecord

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml/databasetest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// stubs define the constants and methods that the files of the corpus use.
const stubs = `
require "rails"

class Anything < Module
  def method_missing(*) = self
  def respond_to_missing?(*) = true
  def const_missing(_name) = self
  def to_s = "anything"
  def to_str = to_s
  def to_i = 5
end
def Object.const_missing(_name) = Anything.new

class App < Rails::Application
  def self.credentials = Anything.new
  def credentials = Anything.new
end
`

// outcomes counts the results of files.
type outcomes struct {
	edited, unchanged, variables int
	refused                      map[string]string // error by file
}

func (o *outcomes) add(name string, r *databaseyml.Result, err error) {
	switch {
	case err != nil:
		o.refused[name] = err.Error()
	case r.Changed():
		o.edited++
	case len(r.Variables) > 0:
		o.variables++
	default:
		o.unchanged++
	}
}

// TestApply_Corpus edits real files by the rules and with Ruby. With Ruby and replace, every file whose pool is on one line
// is edited.
func TestApply_Corpus(t *testing.T) {
	files := testenv.Corpus(t, "database")
	a := newApp(t)
	a.write("config/application.rb", stubs)
	a.ruby.Timeout = 5 * time.Minute
	s := a.start()
	ruby := databasetest.StartJudge(t)
	for _, size := range []int{25, 100} {
		for _, replace := range []bool{false, true} {
			rules, session := outcomes{refused: map[string]string{}}, outcomes{refused: map[string]string{}}
			for _, name := range slices.Sorted(maps.Keys(files)) {
				k := databasetest.Case{Name: name, In: files[name], Request: databaseyml.Request{Environment: "production", Size: size, Replace: replace}, Rails: a.rails()}
				r := databaseyml.Rules{Source: k.In, Environment: k.Request.Environment, Environ: k.Environ, Rails: k.Rails}
				byRules, rulesErr := k.Apply(r)
				rules.add(name, byRules, rulesErr)
				byRuby, rubyErr := k.Apply(a.judge(s, k))
				session.add(name, byRuby, rubyErr)
				if rulesErr == nil && rubyErr == nil {
					require.Equal(t, string(byRuby.Text), string(byRules.Text), name)
				}
				for _, result := range []*databaseyml.Result{byRules, byRuby} {
					if result != nil && result.Changed() {
						require.Equal(t, databasetest.Good, ruby.Verdict(t, k, result), name)
						databasetest.RequireReportedLines(t, k.In, result)
					}
				}
			}
			rules.log(t, fmt.Sprintf("pool %d, replace %t, rules", size, replace))
			session.log(t, fmt.Sprintf("pool %d, replace %t, Ruby", size, replace))
			if replace {
				for name, reason := range session.refused {
					require.Regexp(t, `there is no section "production"|the variable \w+ is not set|would also change the pools of other sections`, reason, name)
				}
			}
		}
	}
}

func (o *outcomes) log(t *testing.T, title string) {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(o.refused)) {
		fmt.Fprintf(&text, "\n    %s: %s", name, o.refused[name])
	}
	t.Logf("%s: %d edited, %d by a variable, %d unchanged, %d refused%s", title, o.edited, o.variables, o.unchanged, len(o.refused), text.String())
}

// TestJudge_AsRules compares the session with the rules for all cases that do not require Ruby.
func TestJudge_AsRules(t *testing.T) {
	a := newApp(t)
	s := a.start()
	compared := 0
	for _, k := range databasetest.CasesOf(t, "../databaseyml/testdata") {
		k.Rails = a.rails()
		want, err := databaseyml.Rules{Source: k.In, Environment: k.Request.Environment, Environ: k.Environ, Rails: k.Rails}.Ask(databaseyml.Change{})
		if err != nil {
			continue
		}
		got, err := a.judge(s, k).Ask(databaseyml.Change{})
		if errors.As(err, new(*Failure)) {
			continue // code in another section
		}
		require.NoError(t, err, k.Name)
		require.Equal(t, want.Databases, got.Databases, k.Name)
		compared++
	}
	require.Greater(t, compared, 60)
}

// Each mutated case is refused or edited correctly.
func TestApply_MutatedCases(t *testing.T) {
	a := newApp(t)
	a.ruby.Timeout = 30 * time.Minute
	s := a.start()
	ruby := databasetest.StartJudge(t)
	random := rand.New(rand.NewPCG(7, 8))
	edited := 0
	for _, k := range databasetest.Cases(t) {
		original := k.In
		for range testenv.Rounds(1) {
			k.In, k.Request.Replace = []byte(databasetest.Mutate(random, string(original))), true
			result, err := k.Apply(a.judge(s, k))
			if err != nil || !result.Changed() || strings.Contains(string(k.In), "shared:") { // read by Rails, but not by the judge
				continue
			}
			edited++
			require.Equal(t, databasetest.Good, ruby.Verdict(t, k, result), "%s\n%s\n%s", k.Name, k.In, result.Text)
			databasetest.RequireReportedLines(t, k.In, result)
		}
	}
	t.Logf("%d edited", edited)
	require.Greater(t, edited, 10)
}
