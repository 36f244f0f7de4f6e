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
		require.Equal(t, `"`+path+`" cannot be replaced, `+directory+`: permission denied; hint: become: true`, asNobody(t, args)["msg"])
		require.NoError(t, os.Chmod(directory, 0o777))
		require.Equal(t, `"`+path+`" belongs to uid 0, which uid 65534 cannot keep; hint: become: true`, asNobody(t, args)["msg"])
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

func TestPlan_EvaluatesERBWithEnvironment(t *testing.T) {
	path := host(t, "production:\n  adapter: mysql2\n  pool: <%= ENV.fetch('RAILS_MAX_THREADS') { 5 } %>\n")
	directory := filepath.Dir(path)
	require.NoError(t, os.WriteFile(directory+"/unit.env", []byte("RAILS_MAX_THREADS=25\n"), 0o600))
	require.NoError(t, os.WriteFile(directory+"/dot.env", []byte("export RAILS_MAX_THREADS=\"3\"\n"), 0o600))
	for name, change := range map[string]func(*options){
		"environment":       func(o *options) { o.Environment = map[string]string{"RAILS_MAX_THREADS": "25"} },
		"environment_files": func(o *options) { o.EnvironmentFiles = []string{directory + "/unit.env", "-/nowhere"} },
		"dotenv_files never wins": func(o *options) {
			o.EnvironmentFiles, o.DotenvFiles = []string{directory + "/unit.env"}, []string{directory + "/dot.env"}
		},
	} {
		o := params(path, 25)
		change(o)
		_, err := plan(o)
		require.NoError(t, err, name)
	}
	o := params(path, 25)
	o.DotenvFiles = []string{directory + "/dot.env"}
	_, err := plan(o)
	require.EqualError(t, err, path+": line 3: pool is made by ERB and gives 3 with this environment; hint: set RAILS_MAX_THREADS to 25 in the environment of the process, or write pool: 25 into the section")
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
