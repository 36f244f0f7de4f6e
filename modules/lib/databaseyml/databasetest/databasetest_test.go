package databasetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
)

func TestCase_RefusesUnknownLine(t *testing.T) {
	for _, line := range []string{"lowerr", "lower ", "raise production", "raise production many", "env", "erb never", "rails seven", "arguments", "#no blank", "A sentence."} {
		k := Case{Variables: map[string]string{}}
		require.Error(t, k.option(line), "%q", line)
	}
}

func TestJudge_Verdict(t *testing.T) {
	judge := StartJudge(t)
	const before = "production: &p\n  pool: 5\n  host: x\nstaging:\n  <<: *p\n"
	for after, want := range map[string]string{
		"production: &p\n  pool: 25\n  host: x\nstaging:\n  <<: *p\n  pool: 5\n": Good,
		before: "the pool of primary is as it was",
		"production: &p\n  pool: 24\n  host: x\nstaging:\n  <<: *p\n  pool: 5\n": `the pool of primary is [["pool", 24]]`,
		"production: &p\n  pool: 25\n  host: y\nstaging:\n  <<: *p\n  pool: 5\n": "another value changed",
		"production: &p\n  pool: 25\n  host: x\nstaging:\n  <<: *p\n":            "another value changed",
	} {
		k := Case{In: []byte(before), Request: databaseyml.Request{Environment: "production", Size: 25}}
		r := &databaseyml.Result{Text: []byte(after), Edits: []databaseyml.Edit{{Name: "primary", Lines: make([]databaseyml.Line, 1)}}}
		require.Equal(t, want, judge.Verdict(t, k, r), after)
	}
	require.Equal(t, Unloadable, judge.Verdict(t, Case{In: []byte("<% if %>")}, &databaseyml.Result{}))
}
