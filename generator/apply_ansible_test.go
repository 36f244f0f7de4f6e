package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
)

// local are arguments for a run on localhost without root: only the first task.
func local(t *testing.T, home string) (args []string, database string) {
	t.Helper()
	database = filepath.Join(home, "database.yml")
	cache := filepath.Join(home, "cache")
	require.NoError(t, os.Mkdir(cache, 0o700))
	require.NoError(t, os.WriteFile(database, []byte("production:\n  adapter: mysql2\n  pool: 5\n"), 0o600))
	vars, err := json.Marshal(map[string]any{"ansible_become": false, "sidekiq_module_cache": cache, "sidekiq_database_yml": []string{database}, "sidekiq_database_pool": 9})
	require.NoError(t, err)
	return []string{"--host", "localhost", "--project", "demo", "--", "--connection", "local", "--tags", "db_pool", "-e", string(vars)}, database
}

func TestVerifyAndApply_RealAnsible(t *testing.T) {
	needPayload(t)
	for _, bin := range ansibletest.Cores(t) {
		t.Run(filepath.Base(filepath.Dir(bin)), func(t *testing.T) {
			args, database := local(t, ansibletest.Use(t, bin))
			before, err := os.ReadFile(database)
			require.NoError(t, err)
			status, out, errs := called(append([]string{"verify"}, args...)...)
			require.Equal(t, 2, status, out+errs)
			require.Contains(t, out, "    -pool: 5\n    +pool: 9\n")
			require.Contains(t, out, "localhost  differs  unknown  unknown  5 -> 9\n")
			ansibletest.Clean(t, errs)
			after, err := os.ReadFile(database)
			require.NoError(t, err)
			require.Equal(t, before, after)

			applyAtTerminal(t, args)
			status, out, _ = called(append([]string{"verify"}, args...)...)
			require.Equal(t, 0, status, out)
		})
	}
}

// applyAtTerminal changes the pool at a terminal of 80 by 24: the lines of hosts are updated, and the last screen has
// only the report.
func applyAtTerminal(t *testing.T, args []string) {
	t.Helper()
	master, slave, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}))
	raw := make(chan []byte)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(master) // ends with an error once the other side is closed
		raw <- all.Bytes()
	}()
	status := run(append([]string{"apply"}, args...), slave, slave)
	require.NoError(t, slave.Close())
	data := <-raw
	require.NoError(t, master.Close())
	require.Equal(t, 0, status, "%s", data)
	require.Contains(t, string(data), "1/1  Give each thread of Sidekiq a database connection  ")
	erased := data[bytes.LastIndex(data, []byte("\x1b[J")):]
	require.Regexp(t, `(?s)^\x1b\[J(a task starts\r\n)*\r\n\S*localhost\S*\r\n  raise the pool to 9 in \S+\r\n\r\n.*localhost +\S*changed.*1 host: 1 \S*changed\S*\r\n$`, string(erased))
	require.Contains(t, string(data), "\x1b[33mchanged\x1b[0m")
}
