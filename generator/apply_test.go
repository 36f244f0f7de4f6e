package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakePlaybook puts an ansible-playbook into PATH that tells how it was called, shows the files of the role that it would run,
// and ends with status 4.
func fakePlaybook(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	script := `#!/bin/sh
echo "called with: $*"
for word; do
  case $word in */sidekiq.yml) (cd "${word%/*}" && find roles -type f) ;; esac
done
echo "unreachable" >&2
exit 4
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ansible-playbook"), []byte(script), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func needPayload(t *testing.T) {
	t.Helper()
	if hasPayload() {
		return
	}
	if os.Getenv("REQUIRE_ORACLES") == "1" {
		t.Fatal("this test needs the modules' binaries: make build")
	}
	t.Skip("SKIPPED: this test needs the modules' binaries: make build")
}

func TestApplyRunsACompleteRoleAndEndsAsAnsibleDoes(t *testing.T) {
	needPayload(t)
	fakePlaybook(t)
	t.Setenv("TMPDIR", t.TempDir())
	var out, errs bytes.Buffer
	args := []string{"apply", "--inventory", "hosts.yml", "--project", "demo", "--check", "--diff", "--", "--limit", "a b", "-v"}
	require.Equal(t, 4, run(args, &out, &errs))
	require.Regexp(t, `called with: --check --diff --inventory=hosts.yml \S+/sidekiq.yml --limit a b -v`, out.String())
	for _, file := range []string{"tasks/main.yml", "action_plugins/db_pool.py", "library/db_pool.py", "files/payload.json"} {
		require.Contains(t, out.String(), "roles/sidekiq/"+file+"\n")
	}
	require.Equal(t, "unreachable\n", errs.String())
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left, "the temporary role is removed")
}

func TestApplyWithoutAnsibleSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var out, errs bytes.Buffer
	require.Equal(t, 1, run([]string{"apply", "-i", "x"}, &out, &errs))
	require.Equal(t, "error: ansible-playbook was not found in PATH\nhint: pip install 'ansible-core>=2.14'\n", errs.String())
}

func TestGenerateWritesACompleteRoleOnce(t *testing.T) {
	needPayload(t)
	dir := filepath.Join(t.TempDir(), "new", "sidekiq")
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{"generate", "--output", dir}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "wrote tasks/main.yml\n")
	for _, file := range []string{"files/payload.json", "files/ansible-sidekiq_linux_amd64.gz", "files/ansible-sidekiq_linux_arm64.gz"} {
		require.FileExists(t, filepath.Join(dir, file))
	}
	out.Reset()
	require.Equal(t, 0, run([]string{"generate", "--output", dir}, &out, &errs))
	require.Equal(t, "unchanged\n", out.String())
}

func TestGenerateWithoutBinariesNeedsNone(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{"generate", "--no-payload", "--output", dir}, &out, &errs), errs.String())
	require.NoDirExists(t, filepath.Join(dir, "files"))
	require.Equal(t, 19, strings.Count(out.String(), "wrote "))
}
