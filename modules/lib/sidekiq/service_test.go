package sidekiq

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// service returns a service with RAILS_ENV production on a host with these files.
func service(t *testing.T, files map[string]string) Service {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	reader := atomicfile.NewReader(root)
	return Service{RailsEnv: "production", AppRoot: "/app", Files: reader, Environment: environ.Sources{Files: reader}}
}

func TestProcessOptions_ConfigPath(t *testing.T) {
	for config, want := range map[string]string{"": "/app/config/sidekiq.yml", "config/media.yml": "/app/config/media.yml", "/etc/sidekiq.yml": "/etc/sidekiq.yml"} {
		require.Equal(t, want, ProcessOptions{Config: config}.ConfigPath("/app"))
	}
}

func TestInherit(t *testing.T) {
	five, nine := 5, 9
	all := ProcessOptions{Queues: []string{"default"}, Concurrency: &five, Config: "config/sidekiq.yml", Command: Swarm}
	require.Equal(t, []ProcessOptions{all}, Inherit(all, nil))
	own := ProcessOptions{Name: "media", Queues: []string{"video"}, Concurrency: &nine, Config: "config/media.yml", Command: "sidekiq"}
	require.Equal(t, []ProcessOptions{own, {Name: "rest", Queues: all.Queues, Concurrency: &five, Config: all.Config, Command: Swarm}}, Inherit(all, []ProcessOptions{own, {Name: "rest"}}))
}

func TestService_Environ(t *testing.T) {
	s := service(t, map[string]string{"/app/.env": "A=dotenv\nRAILS_ENV=test\n"})
	s.Environment.Variables, s.Environment.DotenvFiles = map[string]string{"B": "unit", "RACK_ENV": "test"}, []string{"/app/.env"}
	for start, want := range map[bool]map[string]string{
		false: {"A": "dotenv", "B": "unit", "RAILS_ENV": "production", "RACK_ENV": "production"},
		true:  {"B": "unit", "RAILS_ENV": "production", "RACK_ENV": "production"},
	} {
		read := s.Environ
		if start {
			read = s.StartEnviron
		}
		env, err := read()
		require.NoError(t, err)
		got := map[string]string{}
		for _, name := range []string{"A", "B", "RAILS_ENV", "RACK_ENV"} {
			if value, isSet := env(name); isSet {
				got[name] = value
			}
		}
		require.Equal(t, want, got)
	}
	s.Environment.EnvironmentFiles = []string{"/none"}
	_, err := s.StartEnviron()
	require.ErrorIs(t, err, fs.ErrNotExist)
	five := 5
	_, err = s.Threads(ProcessOptions{Config: "/app/config/sidekiq.yml", Concurrency: &five})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestService_SidekiqVersion(t *testing.T) {
	const lock = "GEM\n  specs:\n    sidekiq (7.3.2)\n"
	for name, c := range map[string]struct {
		files   map[string]string
		unknown bool // the directory of the application
		known   string
		want    string
		err     string
	}{
		"locked":                {files: map[string]string{"/app/Gemfile.lock": lock}, want: "7.3.2"},
		"known":                 {files: map[string]string{"/app/Gemfile.lock": lock}, known: "8.0.1", want: "8.0.1"},
		"no lock file":          {},
		"application not known": {files: map[string]string{"/app/Gemfile.lock": lock}, unknown: true},
		"gems.locked":           {files: map[string]string{"/app/gems.rb": "", "/app/gems.locked": lock, "/app/Gemfile.lock": "<<<<<<<\n"}, want: "7.3.2"},
		"merge conflict": {files: map[string]string{"/app/Gemfile.lock": "<<<<<<< HEAD\n"},
			err: "/app/Gemfile.lock: it holds a merge conflict; hint: run bundle install"},
		"directory": {files: map[string]string{"/app/Gemfile.lock/a": ""}, err: `/app/Gemfile.lock" is a directory, not a file`},
	} {
		s := service(t, c.files)
		if c.unknown {
			s.AppRoot = ""
		}
		if c.known != "" {
			s.Version = version(t, c.known)
		}
		got, err := s.SidekiqVersion()
		if c.err != "" {
			require.ErrorContains(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want != "", got.Known(), name)
		if got.Known() {
			require.Equal(t, c.want, got.String(), name)
		}
	}
}

// lockfiles are applications. $APP is the directory of the application.
var lockfiles = map[string]struct {
	files   []string
	config  string // of Bundler: .bundle/config
	gemfile string // BUNDLE_GEMFILE
	want    string // a path in the application
}{
	"Gemfile":                                {files: []string{"Gemfile"}, want: "Gemfile.lock"},
	"gems.rb":                                {files: []string{"gems.rb"}, want: "gems.locked"},
	"gems.rb and Gemfile":                    {files: []string{"gems.rb", "Gemfile", "Gemfile.lock"}, want: "gems.locked"},
	"gems.rb is a directory":                 {files: []string{"gems.rb/x", "Gemfile"}, want: "Gemfile.lock"},
	"gems.locked without gems.rb":            {files: []string{"gems.locked", "Gemfile"}, want: "Gemfile.lock"},
	"BUNDLE_GEMFILE":                         {files: []string{"gems.rb", "gemfiles/rails7.gemfile"}, gemfile: "$APP/gemfiles/rails7.gemfile", want: "gemfiles/rails7.gemfile.lock"},
	"relative BUNDLE_GEMFILE":                {files: []string{"gems.rb", "gemfiles/rails7.gemfile"}, gemfile: "gemfiles/rails7.gemfile", want: "gemfiles/rails7.gemfile.lock"},
	"BUNDLE_GEMFILE with ..":                 {files: []string{"gems.rb", "gemfiles/a.rb"}, gemfile: "gemfiles/../gemfiles/a.rb", want: "gemfiles/a.rb.lock"},
	"BUNDLE_GEMFILE names another gems.rb":   {files: []string{"Gemfile", "next/gems.rb"}, gemfile: "next/gems.rb", want: "next/gems.locked"},
	"BUNDLE_GEMFILE names a Gemfile":         {files: []string{"gems.rb", "Gemfile"}, gemfile: "Gemfile", want: "Gemfile.lock"},
	"empty BUNDLE_GEMFILE":                   {files: []string{"gems.rb"}, gemfile: "", want: "gems.locked"},
	"configured":                             {files: []string{"Gemfile", "next.gemfile"}, config: "---\nBUNDLE_PATH: \"x\"\nBUNDLE_GEMFILE: \"next.gemfile\"\n", want: "next.gemfile.lock"},
	"configured by an absolute path":         {files: []string{"gems.rb", "a b/Gemfile"}, config: "---\nBUNDLE_GEMFILE: \"$APP/a b/Gemfile\"\n", want: "a b/Gemfile.lock"},
	"configured without quotes":              {files: []string{"Gemfile", "next.gemfile"}, config: "BUNDLE_GEMFILE: next.gemfile\r\n", want: "next.gemfile.lock"},
	"configured for something else":          {files: []string{"Gemfile"}, config: "---\nBUNDLE_PATH: \"x\"\n# BUNDLE_GEMFILE: next.gemfile\nX_BUNDLE_GEMFILE: next.gemfile\n", want: "Gemfile.lock"},
	"configured beside another than its own": {files: []string{"gemfiles/a.gemfile", "b.gemfile"}, gemfile: "gemfiles/a.gemfile", config: "---\nBUNDLE_GEMFILE: \"b.gemfile\"\n", want: "gemfiles/a.gemfile.lock"},
}

func makeBundle(t *testing.T, files []string, config string) (app string) {
	t.Helper()
	app, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	all := map[string]string{}
	for _, file := range files {
		all[file] = ""
	}
	if config != "" {
		all[".bundle/config"] = strings.ReplaceAll(config, "$APP", app)
	}
	for name, text := range all {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(app, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(app, name), []byte(text), 0o644))
	}
	return app
}

// bundleService is a service whose unit sets BUNDLE_GEMFILE.
func bundleService(app, gemfile string) Service {
	files := atomicfile.NewReader("/")
	return Service{AppRoot: app, Files: files, Environment: environ.Sources{Variables: map[string]string{"BUNDLE_GEMFILE": gemfile}, Files: files}}
}

func TestLockfile(t *testing.T) {
	for name, c := range lockfiles {
		t.Run(name, func(t *testing.T) {
			app := makeBundle(t, c.files, c.config)
			require.Equal(t, filepath.Join(app, c.want), bundleService(app, strings.ReplaceAll(c.gemfile, "$APP", app)).Lockfile())
		})
	}
}

// A real Bundler.
func TestLockfile_AsBundler(t *testing.T) {
	bundle, err := exec.LookPath("bundle")
	if err != nil {
		testenv.NotTested(t, "there is no bundle; hint: apt-get install bundler")
	}
	for name, c := range lockfiles {
		t.Run(name, func(t *testing.T) {
			app := makeBundle(t, c.files, c.config)
			cmd := exec.Command(bundle, "exec", "ruby", "-e", "puts Bundler.default_lockfile")
			cmd.Dir, cmd.Env = app, append(os.Environ(), "HOME="+t.TempDir(), "BUNDLE_GEMFILE="+strings.ReplaceAll(c.gemfile, "$APP", app))
			out, err := cmd.Output()
			require.NoError(t, err)
			require.Equal(t, filepath.Join(app, c.want), strings.TrimSpace(string(out)))
		})
	}
}

// The variables of a running process override those of the unit; dotenv files are read too late.
func TestLockfile_OfProcess(t *testing.T) {
	app := makeBundle(t, []string{"gems.rb", ".env"}, "")
	require.NoError(t, os.WriteFile(filepath.Join(app, ".env"), []byte("BUNDLE_GEMFILE=dotenv.gemfile\n"), 0o644))
	s := bundleService(app, "unit.gemfile")
	s.Environment.DotenvFiles = []string{app + "/.env"}
	require.Equal(t, app+"/unit.gemfile.lock", s.Lockfile())
	s.Environment = s.Environment.Of(map[string]string{"BUNDLE_GEMFILE": "process.gemfile"})
	require.Equal(t, app+"/process.gemfile.lock", s.Lockfile())
	s.Environment = s.Environment.Of(map[string]string{})
	require.Equal(t, app+"/gems.locked", s.Lockfile())
}

// The path is part of messages.
func TestLockfile_IgnoresControlCharacters(t *testing.T) {
	app := makeBundle(t, []string{"gems.rb"}, "")
	require.Equal(t, app+"/gems.locked", bundleService(app, "a\x1b[31m").Lockfile())
	app = makeBundle(t, []string{"gems.rb"}, "BUNDLE_GEMFILE: \"a\x1b[31m\"\n")
	require.Equal(t, app+"/gems.locked", bundleService(app, "").Lockfile())
}

func TestNamesNo(t *testing.T) {
	for name, c := range map[string]struct {
		files   []string
		gemfile string
		want    string
	}{
		"not deployed":               {want: "no Gemfile.lock or gems.locked in $APP"},
		"gems.rb that is not locked": {files: []string{"gems.rb", "Gemfile.lock"}, want: "no gems.locked in $APP"},
		"BUNDLE_GEMFILE":             {gemfile: "gemfiles/a.gemfile", want: "no a.gemfile.lock in $APP/gemfiles"},
		"locked without the gem":     {files: []string{"gems.rb", "gems.locked"}, want: "$APP/gems.locked names no sidekiq"},
	} {
		app := makeBundle(t, c.files, "")
		require.Equal(t, strings.ReplaceAll(c.want, "$APP", app), bundleService(app, c.gemfile).NamesNo("sidekiq"), name)
	}
}

func TestService_Config(t *testing.T) {
	for name, c := range map[string]struct {
		files       map[string]string
		path        string
		read        string
		concurrency int
		err         string
	}{
		"the file":                      {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: 3\n", "/app/config/sidekiq.yml.erb": ":concurrency: 4\n"}, read: "/app/config/sidekiq.yml", concurrency: 3},
		"with .erb":                     {files: map[string]string{"/app/config/sidekiq.yml.erb": ":concurrency: 4\n"}, read: "/app/config/sidekiq.yml.erb", concurrency: 4},
		"none":                          {},
		"unusual path and .erb":         {files: map[string]string{"/app/config/media.yml.erb": ":concurrency: 4\n"}, path: "/app/config/media.yml"},
		"for another environment":       {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: 3\nproduction:\n  :concurrency: 6\nstaging:\n  :concurrency: 7\n"}, read: "/app/config/sidekiq.yml", concurrency: 6},
		"not YAML":                      {files: map[string]string{"/app/config/sidekiq.yml.erb": "[\n"}, err: "/app/config/sidekiq.yml.erb: line 1: "},
		"directory in the file's place": {files: map[string]string{"/app/config/sidekiq.yml/a": ""}, err: `/app/config/sidekiq.yml" is a directory`},
	} {
		if c.path == "" {
			c.path = "/app/config/sidekiq.yml"
		}
		config, read, err := service(t, c.files).Config(c.path, environ.None, version(t, "7.3.2"))
		if c.err != "" {
			require.ErrorContains(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.read, read, name)
		if c.concurrency == 0 {
			require.Nil(t, config.Concurrency, name)
		} else {
			require.Equal(t, c.concurrency, *config.Concurrency, name)
		}
	}
}

// Capsules in the file take precedence over -c, including the default capsule (lib/sidekiq/cli.rb, setup_options).
func TestThreads_DefaultCapsuleOverConcurrency(t *testing.T) {
	s := service(t, map[string]string{"/app/config/sidekiq.yml": ":concurrency: 10\n:capsules:\n  :default:\n    concurrency: 7\n  media:\n    concurrency: 2\n"})
	s.Version = version(t, "7.3.2")
	three := 3
	threads, err := s.Threads(ProcessOptions{Config: "/app/config/sidekiq.yml", Concurrency: &three})
	require.NoError(t, err)
	require.Equal(t, Threads{Size: 9, By: `option "concurrency" and the capsules of /app/config/sidekiq.yml`}, threads)
}
