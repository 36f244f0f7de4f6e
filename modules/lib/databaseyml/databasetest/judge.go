package databasetest

import (
	_ "embed"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
)

//go:embed judge.rb
var script string

// Verdicts of a Judge. Any other verdict describes the error in the edit.
const (
	Good       = "good"
	Unloadable = "Ruby cannot load the file" // already before the edit
)

// Judge is a Ruby process with ERB and Psych that compares a file before and after an edit.
type Judge struct{ ruby *rubytest.Ruby }

// StartJudge starts a judge for a test.
func StartJudge(t testing.TB) Judge {
	t.Helper()
	path := filepath.Join(t.TempDir(), "judge.rb")
	require.NoError(t, os.WriteFile(path, []byte(script), 0o600))
	return Judge{rubytest.Start(t, path)}
}

type edit struct {
	Database string   `json:"database"`
	Also     []string `json:"also"`
}

// Verdict is Good if the edit gives the requested pools and changes nothing else.
func (j Judge) Verdict(t testing.TB, k Case, r *databaseyml.Result) string {
	t.Helper()
	edits := []edit{}
	for _, e := range r.Edits {
		if e.Changed() {
			edits = append(edits, edit{e.Name, append([]string{}, e.Also...)})
		}
	}
	var verdict string
	j.ruby.Ask(t, map[string]any{"before": string(k.In), "after": string(r.Text), "environment": k.Request.Environment, "size": k.Request.Size,
		"others": k.Request.Others, "variables": k.Variables, "edits": edits}, &verdict)
	return verdict
}
