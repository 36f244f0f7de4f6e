package dbpool

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun_OrdinaryUser(t *testing.T) {
	needRoot(t)
	asNobody := func(t *testing.T, args map[string]any) map[string]any { return run(t, 65534, args) }
	path := host(t, small)
	directory := filepath.Dir(path)
	for d := directory; d != os.TempDir(); d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	for _, check := range []bool{true, false} {
		args := map[string]any{"path": path, "pool": 25, "_ansible_check_mode": check}
		require.Contains(t, asNobody(t, args)["msg"], "permission denied; hint: become: true")
		require.NoError(t, os.Chmod(path, 0o644))
		require.Equal(t, `"`+path+`" cannot be written: directory "`+directory+`": permission denied; hint: become: true`, asNobody(t, args)["msg"])
		require.NoError(t, os.Chmod(directory, 0o777))
		require.Equal(t, `"`+path+`": uid 65534 cannot set owner 0 and group 0: operation not permitted; hint: become: true`, asNobody(t, args)["msg"])
		require.NoError(t, os.Chmod(directory, 0o755))
		require.NoError(t, os.Chmod(path, 0o640))
	}
	require.NoError(t, os.Chmod(path, 0o644))
	enough := asNobody(t, map[string]any{"path": path, "pool": 5})
	require.Equal(t, false, enough["changed"], "what needs no change needs no right to change")

	require.NoError(t, os.Chmod(directory, 0o777))
	require.NoError(t, os.Chown(path, 65534, 65534))
	own := asNobody(t, map[string]any{"path": path, "pool": 25})
	require.Equal(t, true, own["changed"], "%v", own)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, uint32(65534), info.Sys().(*syscall.Stat_t).Uid)
	require.Contains(t, fmt.Sprint(own["warnings"]), "no lock keeps this run and others apart")
}

func BenchmarkPlan_NoChange(b *testing.B) {
	directory := b.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(directory, name)
		require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	write("Gemfile.lock", "GEM\n  specs:\n    sidekiq (7.3.2)\n")
	config := write("config/sidekiq.yml", ":queues:\n  - default\n")
	o := params(write("config/database.yml", small), 0)
	o.Pool, o.SidekiqConfig = "auto", []string{config}
	for b.Loop() {
		if _, err := plan(o); err != nil {
			b.Fatal(err)
		}
	}
}
