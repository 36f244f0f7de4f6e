package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// build builds the program as `make build` does.
func build(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "ansible-sidekiq")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=1.2.3", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

const converged = `default: &default
  adapter: postgresql
  pool: 5
production:
  <<: *default
  database: demo
  pool: 25
`

// noChange returns a call of db_pool that changes nothing.
func noChange(t testing.TB, binary string) func() []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "database.yml")
	require.NoError(t, os.WriteFile(file, []byte(converged), 0o600))
	args := []byte(`{"path": "` + file + `", "concurrency": 25, "_ansible_no_log": true}`)
	return func() []byte {
		cmd := exec.Command(binary, "run", "db_pool", "-")
		cmd.Stdin = bytes.NewReader(args)
		out, err := cmd.Output()
		require.NoError(t, err)
		return out
	}
}

func TestProgram_HasAllModules(t *testing.T) {
	binary := build(t)
	out, err := exec.Command(binary, "--version").CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "ansible-sidekiq 1.2.3\n", string(out))
	out, err = exec.Command(binary, "--help").CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(out), "db_pool, sidekiq_info, sudoers_entry, systemd_sidekiq")
	answer := noChange(t, binary)()
	require.Contains(t, string(answer), `"changed":false`)
}

// BenchmarkNoChange measures a run that changes nothing, from the start of the process to its answer. It cannot measure
// the peak memory, which getrusage(2) inherits from the parent: use `/usr/bin/time -v bin/modules/db_pool ARGS.json`.
func BenchmarkNoChange(b *testing.B) {
	call := noChange(b, build(b))
	for b.Loop() {
		call()
	}
}
