package dbpool

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

func TestMain(m *testing.M) {
	main := func() { os.Exit(ansible.Main("test", ansible.Modules{"db_pool": Module})) }
	testscript.Main(m, map[string]func(){"db_pool": main, "program": main, "swapper": swapper, "locker": locker})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"mode": checkMode,
	}})
}

// checkMode is the command `mode FILE PERMISSIONS`.
func checkMode(ts *testscript.TestScript, negated bool, args []string) {
	info, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	if (info.Mode().String() == args[1]) == negated {
		ts.Fatalf("%s has the mode %s", args[0], info.Mode())
	}
}

// host is a folder with a database.yml.
func host(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "database.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o640))
	return path
}

func params(path string, pool int) *Params {
	return &Params{Path: []string{path}, RailsEnv: "production", Pool: &pool, IfMissing: "fail"}
}

const small = "production:\n  adapter: mysql2\n  password: secret\n  pool: 5\n"

func TestAFileThatChangesMeanwhileIsLeftAlone(t *testing.T) {
	path := host(t, small)
	f, err := find([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("other\n"), 0o640))
	err = f.replace([]byte(small), []byte("ours\n"))
	require.EqualError(t, err, path+" was changed by somebody else meanwhile; hint: run again")
	require.NoError(t, os.Remove(path))
	err = f.replace([]byte(small), []byte("ours\n"))
	require.EqualError(t, err, path+" was changed by somebody else meanwhile; hint: run again")
}

func TestWhatWasWrittenIsTakenBack(t *testing.T) {
	path := host(t, small)
	f, err := find([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	ours := strings.Replace(small, "5", "25", 1)
	require.NoError(t, f.replace([]byte(small), []byte(ours)))
	require.NoError(t, f.replace([]byte(ours), []byte(small)))
	back, err := find([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	back.found.ModTime = f.found.ModTime
	require.Equal(t, f, back)
}

func TestAnOrdinaryUserIsToldWhatIsMissing(t *testing.T) {
	needRoot(t)
	asNobody := func(t *testing.T, args map[string]any) map[string]any { return run(t, 65534, args) }
	path := host(t, small)
	folder := filepath.Dir(path)
	for d := folder; d != os.TempDir(); d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	for _, check := range []bool{true, false} {
		args := map[string]any{"path": path, "pool": 25, "_ansible_check_mode": check}
		require.Contains(t, asNobody(t, args)["msg"], "permission denied; hint: become: true")
		require.NoError(t, os.Chmod(path, 0o644))
		require.Equal(t, `"`+path+`" cannot be replaced, `+folder+`: permission denied; hint: become: true`, asNobody(t, args)["msg"])
		require.NoError(t, os.Chmod(folder, 0o777))
		require.Equal(t, `"`+path+`" belongs to uid 0, which uid 65534 cannot keep; hint: become: true`, asNobody(t, args)["msg"])
		require.NoError(t, os.Chmod(folder, 0o755))
		require.NoError(t, os.Chmod(path, 0o640))
	}
	require.NoError(t, os.Chmod(path, 0o644))
	enough := asNobody(t, map[string]any{"path": path, "pool": 5})
	require.Equal(t, false, enough["changed"], "what needs no change needs no right to change")

	require.NoError(t, os.Chmod(folder, 0o777))
	require.NoError(t, os.Chown(path, 65534, 65534))
	own := asNobody(t, map[string]any{"path": path, "pool": 25})
	require.Equal(t, true, own["changed"], "%v", own)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, uint32(65534), info.Sys().(*syscall.Stat_t).Uid)
	require.Contains(t, fmt.Sprint(own["warnings"]), "no lock keeps this run and others apart")
}

// Root has no rights to gain: a file system that is read-only, or NFS with root_squash, refuses it all the same.
func TestHint_NoBecomeForRoot(t *testing.T) {
	denied := fs.ErrPermission
	require.EqualError(t, hintBecome(denied, 1000), denied.Error()+"; hint: become: true")
	require.Equal(t, denied, hintBecome(denied, 0))
	needRoot(t)
	f := &file{found: &atomicfile.File{Path: "/missing/database.yml"}}
	require.EqualError(t, f.writable(), `"/missing/database.yml" cannot be replaced, /missing: no such file or directory`)
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	text := func(s string) *string { return &s }
	for want, change := range map[string]func(*Params){
		`option "path": the list is empty; hint: give the path of database.yml`:                                                func(p *Params) { p.Path = nil },
		`option "path": "config/database.yml" is not accepted; accepted: an absolute path without . and .. and double slashes`: func(p *Params) { p.Path = []string{"/x", "config/database.yml"} },
		`option "path": "/a/../b" is not accepted; accepted: an absolute path without . and .. and double slashes`:             func(p *Params) { p.Path = []string{"/a/../b"} },
		`option "dotenv_files": ".env" is not accepted; accepted: an absolute path without . and .. and double slashes`:        func(p *Params) { p.DotenvFiles = []string{".env"} },
		`option "environment_files": "env" is not accepted; accepted: an absolute path without . and .. and double slashes`:    func(p *Params) { p.EnvironmentFiles = []string{"-/env", "-env"} },
		`option "app_root": "current" is not accepted; accepted: an absolute path without . and .. and double slashes`:         func(p *Params) { p.AppRoot = text("current") },
		`option "rails_env": "shared" is no environment; hint: write production`:                                               func(p *Params) { p.RailsEnv = "shared" },
		`option "pool": 0 is not accepted; accepted: 1 to 10000`:                                                               func(p *Params) { *p.Pool = 0 },
		`option "concurrency": 10001 is not accepted; accepted: 1 to 10000`:                                                    func(p *Params) { n := 10001; p.Pool, p.Concurrency = nil, &n },
		`option "sidekiq_config": "config/sidekiq.yml" is relative and "app_root" is not given; hint: write an absolute path`:  func(p *Params) { p.SidekiqConfig = []string{"config/sidekiq.yml"} },
		`option "headroom": -1 is not accepted; accepted: 0 to 10000`:                                                          func(p *Params) { p.Headroom = -1 },
		`option "headroom": 2 beside option "pool", which is the whole pool; hint: leave one out`:                              func(p *Params) { p.Headroom = 2 },
		`option "sidekiq_config": the list is empty; hint: write config/sidekiq.yml`:                                           func(p *Params) { p.Pool, p.SidekiqConfig = nil, []string{} },
		`option "databases": "" is no name; hint: leave the option out for all databases`:                                      func(p *Params) { p.Databases = []string{"primary", ""} },
		`option "sidekiq_config": "../x.yml" leads out of "app_root"; hint: write an absolute path`:                            func(p *Params) { p.SidekiqConfig, p.AppRoot = []string{"../x.yml"}, text("/app") },
	} {
		p := params("/x/database.yml", 25)
		change(p)
		require.EqualError(t, p.Validate(), want)
	}
	require.NoError(t, params("/x/database.yml", 25).Validate())
}

func TestTheEnvironmentOfTheProcessDecides(t *testing.T) {
	path := host(t, "production:\n  adapter: mysql2\n  pool: <%= ENV.fetch('RAILS_MAX_THREADS') { 5 } %>\n")
	folder := filepath.Dir(path)
	require.NoError(t, os.WriteFile(folder+"/unit.env", []byte("RAILS_MAX_THREADS=25\n"), 0o600))
	require.NoError(t, os.WriteFile(folder+"/dot.env", []byte("export RAILS_MAX_THREADS=\"3\"\n"), 0o600))
	for name, change := range map[string]func(*Params){
		"environment":       func(p *Params) { p.Environment = map[string]string{"RAILS_MAX_THREADS": "25"} },
		"environment_files": func(p *Params) { p.EnvironmentFiles = []string{folder + "/unit.env", "-/nowhere"} },
		"dotenv_files never wins": func(p *Params) {
			p.EnvironmentFiles, p.DotenvFiles = []string{folder + "/unit.env"}, []string{folder + "/dot.env"}
		},
	} {
		p := params(path, 25)
		change(p)
		_, err := plan(p)
		require.NoError(t, err, name)
	}
	p := params(path, 25)
	p.DotenvFiles = []string{folder + "/dot.env"}
	_, err := plan(p)
	require.EqualError(t, err, path+": line 3: pool is made by ERB and gives 3 with this environment; hint: set RAILS_MAX_THREADS to 25 in the environment of the process, or write pool: 25 into the section")
	p.EnvironmentFiles = []string{"/nowhere"}
	_, err = plan(p)
	require.EqualError(t, err, `environment file "/nowhere": file does not exist; hint: create it, or write "-/nowhere" if it may be missing`)
}

func BenchmarkPlanWithoutChange(b *testing.B) {
	folder := b.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	write("Gemfile.lock", "GEM\n  specs:\n    sidekiq (7.3.2)\n")
	config := write("config/sidekiq.yml", ":queues:\n  - default\n")
	p := params(write("config/database.yml", small), 0)
	p.Pool, p.SidekiqConfig = nil, []string{config}
	for b.Loop() {
		if _, err := plan(p); err != nil {
			b.Fatal(err)
		}
	}
}
