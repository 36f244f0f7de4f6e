package sidekiq

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
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
	return Service{RailsEnv: "production", Lockfile: "/app/Gemfile.lock", Files: reader, Environment: environ.Sources{Files: reader}}
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
		files    map[string]string
		lockfile string
		known    string
		want     string
		err      string
	}{
		"locked":             {files: map[string]string{"/app/Gemfile.lock": lock}, lockfile: "/app/Gemfile.lock", want: "7.3.2"},
		"known":              {files: map[string]string{"/app/Gemfile.lock": lock}, lockfile: "/app/Gemfile.lock", known: "8.0.1", want: "8.0.1"},
		"no lockfile":        {lockfile: "/app/Gemfile.lock"},
		"lockfile not known": {},
		"merge conflict": {files: map[string]string{"/app/Gemfile.lock": "<<<<<<< HEAD\n"}, lockfile: "/app/Gemfile.lock",
			err: "/app/Gemfile.lock: it holds a merge conflict; hint: run bundle install"},
		"directory": {files: map[string]string{"/app/Gemfile.lock/a": ""}, lockfile: "/app/Gemfile.lock", err: `/app/Gemfile.lock" is a directory, not a file`},
	} {
		s := service(t, c.files)
		s.Lockfile = c.lockfile
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
