package activerecord

import (
	"maps"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml/databasetest"
)

// judge implements databaseyml.Judge with a session.
type judge struct {
	*Session
	question Question
}

// Ask implements databaseyml.Judge.
func (j judge) Ask(c databaseyml.Change) (databaseyml.Answer, error) {
	q := j.question
	q.Change = c
	return j.Session.Ask(q)
}

// judge writes the file of a case and returns its judge. A case with variables starts a separate session.
func (a *app) judge(s *Session, k databasetest.Case) judge {
	a.t.Helper()
	q := a.question(string(k.In))
	q.Environment = k.Request.Environment
	if k.Arguments != nil {
		q.Arguments = k.Arguments
	}
	if len(k.Variables) > 0 {
		a.ruby.Variables = k.Variables
		s = a.start()
		a.ruby.Variables = nil
	}
	return judge{s, q}
}

// rails returns the version of the installed Rails.
func (a *app) rails() databasetest.Version {
	a.t.Helper()
	found := regexp.MustCompile(` railties \((\S+)\)`).FindStringSubmatch(readFile(a.t, filepath.Join(a.root, "Gemfile.lock")))
	require.NotNil(a.t, found)
	v, err := databasetest.ParseVersion(found[1])
	require.NoError(a.t, err)
	return v
}

func TestApply_Cases(t *testing.T) {
	a := newApp(t)
	s := a.start()
	ruby := databasetest.StartJudge(t)
	for _, k := range databasetest.Cases(t) {
		t.Run(k.Name, func(t *testing.T) {
			if k.Rails.Known() && k.Rails != a.rails() {
				t.Skipf("for Rails %v", k.Rails)
			}
			result, err := k.Apply(a.judge(s, k))
			k.Check(t, result, err)
			if err != nil {
				return
			}
			if result.Changed() {
				require.Equal(t, databasetest.Good, ruby.Verdict(t, k, result))
			}
			databasetest.RequireReportedLines(t, k.In, result)
			k.In = result.Text
			maps.Copy(k.Variables, result.Variables)
			again, err := k.Apply(a.judge(s, k))
			require.NoError(t, err)
			require.False(t, again.Changed(), "a second run changes the file again")
			require.Empty(t, again.Variables)
		})
	}
}
