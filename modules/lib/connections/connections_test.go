package connections

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// demand has the arguments of Required.
type demand struct {
	sidekiq.Service
	processes []sidekiq.ProcessOptions
	headroom  int
}

func (d demand) required() (Wanted, error) { return Required(d.Service, d.processes, d.headroom) }

// host returns a demand on a host with these files.
func host(t *testing.T, files map[string]string) demand {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	reader := atomicfile.NewReader(root)
	return demand{processes: []sidekiq.ProcessOptions{{Config: "/app/config/sidekiq.yml"}}, Service: sidekiq.Service{
		RailsEnv: "production", Lockfile: "/app/Gemfile.lock", Files: reader,
		Environment: environ.Sources{Variables: map[string]string{}, Files: reader},
	}}
}

func lock(gems string) string { return "GEM\n  specs:\n" + gems }

func of(n int) *int { return &n }

func TestRequired_ThreadsOfProcesses(t *testing.T) {
	const seven = "    sidekiq (7.3.2)\n"
	for name, c := range map[string]struct {
		files  map[string]string
		change func(*demand)
		want   Wanted
	}{
		"the file": {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: 12\n", "/app/Gemfile.lock": lock(seven)},
			want: Wanted{Size: 12, By: "/app/config/sidekiq.yml"}},
		"the file of the same name with .erb": {files: map[string]string{"/app/config/sidekiq.yml.erb": ":concurrency: 12\n", "/app/Gemfile.lock": lock(seven)},
			want: Wanted{Size: 12, By: "/app/config/sidekiq.yml.erb"}},
		"the largest of several processes": {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: 3\n", "/app/config/media.yml": ":concurrency: 8\n", "/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) {
				d.processes = append(d.processes, sidekiq.ProcessOptions{Config: "/app/config/media.yml"})
			},
			want: Wanted{Size: 8, By: "/app/config/media.yml"}},
		"the first of several processes of one size": {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: 8\n", "/app/config/media.yml": ":concurrency: 8\n", "/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) {
				d.processes = append(d.processes, sidekiq.ProcessOptions{Config: "/app/config/media.yml"})
			},
			want: Wanted{Size: 8, By: "/app/config/sidekiq.yml"}},
		"one that is not there, as told": {files: map[string]string{"/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) { d.processes = []sidekiq.ProcessOptions{{Config: "/app/config/media.yml"}} },
			want: Wanted{Size: 5, By: "the default of Sidekiq 7.3.2",
				Warnings: []string{"/app/config/media.yml does not exist; the pool is for what Sidekiq does without it"}}},
		"the flag": {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: 12\n", "/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) { d.processes[0].Concurrency = of(4) }, want: Wanted{Size: 4, By: `option "concurrency"`}},
		"the flag and capsules": {files: map[string]string{"/app/config/sidekiq.yml": ":capsules:\n  a:\n    concurrency: 2\n", "/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) { d.processes[0].Concurrency = of(4) }, want: Wanted{Size: 6, By: `option "concurrency" and the capsules of /app/config/sidekiq.yml`}},
		"the flag alone": {change: func(d *demand) { d.processes = []sidekiq.ProcessOptions{{Concurrency: of(4)}} }, want: Wanted{Size: 4, By: `option "concurrency"`}},
		"the flag, where the file is not read": {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: [\n", "/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) { d.processes[0].Concurrency = of(4) },
			want: Wanted{Size: 4, By: `option "concurrency"`, Warnings: []string{
				`/app/config/sidekiq.yml: line 1: this is not YAML: did not find expected node content; hint: Ruby cannot load it either; repair it first; the pool is for option "concurrency" alone, without threads of capsules`}}},
		"headroom": {files: map[string]string{"/app/config/sidekiq.yml": ":concurrency: 12\n", "/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) { d.headroom = 3 }, want: Wanted{Size: 15, By: "/app/config/sidekiq.yml and a headroom of 3"}},
		"RAILS_MAX_THREADS of the unit": {files: map[string]string{"/app/Gemfile.lock": lock(seven)},
			change: func(d *demand) { d.Environment.Variables["RAILS_MAX_THREADS"] = "8" }, want: Wanted{Size: 8, By: "RAILS_MAX_THREADS"}},
		"never a variable of dotenv, which is loaded later": {files: map[string]string{"/app/Gemfile.lock": lock(seven), "/app/.env": "RAILS_MAX_THREADS=8\n",
			"/app/config/sidekiq.yml": ":concurrency: <%= ENV['RAILS_MAX_THREADS'] || 6 %>\n"},
			change: func(d *demand) { d.Environment.DotenvFiles = []string{"/app/.env"} }, want: Wanted{Size: 6, By: "/app/config/sidekiq.yml"}},
		"the environment of the flag -e": {files: map[string]string{"/app/Gemfile.lock": lock(seven), "/app/config/sidekiq.yml": ":concurrency: <%= Rails.env.production? ? 9 : 2 %>\n"},
			want: Wanted{Size: 9, By: "/app/config/sidekiq.yml"}},
		"a version that is not known": {want: Wanted{Size: 25, By: "the largest default of any Sidekiq", Guessed: true,
			Warnings: []string{"/app/Gemfile.lock names no sidekiq; the pool is for 25 threads, the most that any version starts by default"}}},
	} {
		d := host(t, c.files)
		if c.change != nil {
			c.change(&d)
		}
		got, err := d.required()
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestRequired_UnreadableFiles(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"/app/config/sidekiq.yml: line 1: concurrency: the value comes from Ruby code other than a plain use of ENV; hint: set the concurrency where sidekiq is started": {
			"/app/config/sidekiq.yml": ":concurrency: <%= Etc.nprocessors %>\n"},
		"/app/Gemfile.lock: it holds a merge conflict; hint: run bundle install": {"/app/Gemfile.lock": "<<<<<<< HEAD\n"},
	} {
		_, err := host(t, files).required()
		require.EqualError(t, err, want)
	}
}

func TestReader_VersionOfRails(t *testing.T) {
	by, err := Reader(host(t, map[string]string{"/app/Gemfile.lock": lock("    activerecord (8.1.1)\n    sidekiq (7.3.2)\n")}).Service)
	require.NoError(t, err)
	require.True(t, by.Rails.AtLeast(8, 1, 0))
	require.False(t, by.Rails.AtLeast(8, 2, 0))
	by, err = Reader(host(t, nil).Service)
	require.NoError(t, err)
	require.False(t, by.Rails.Known())
}

const template = "production:\n  adapter: postgresql\n  pool: <%= ENV.fetch(\"RAILS_MAX_THREADS\") { 5 } %>\n"

func TestVariables_SetPoolKeepThreads(t *testing.T) {
	files := map[string]string{"/app/Gemfile.lock": lock("    sidekiq (6.5.12)\n"), "/app/.env": "RAILS_MAX_THREADS=3\n", "/etc/unit": "RAILS_MAX_THREADS=3\n"}
	for name, c := range map[string]struct {
		config string
		size   int
		change func(*demand)
		want   map[string]string
		fails  string
	}{
		"the template":             {size: 10, want: map[string]string{"RAILS_MAX_THREADS": "10"}},
		"dotenv never overrides":   {size: 10, change: func(d *demand) { d.Environment.DotenvFiles = []string{"/app/.env"} }, want: map[string]string{"RAILS_MAX_THREADS": "10"}},
		"threads fixed by a file":  {size: 30, config: ":concurrency: 10\n", want: map[string]string{"RAILS_MAX_THREADS": "30"}},
		"threads from the default": {size: 30, fails: `RAILS_MAX_THREADS cannot be set for the database pool, since it sets the number of Sidekiq's threads, too (for 30 connections, not 10); hint: set that number in config/sidekiq.yml or by option "concurrency"`},
		"a person's own":           {size: 10, change: func(d *demand) { d.Environment.Variables["RAILS_MAX_THREADS"] = "4" }, fails: `option "environment": RAILS_MAX_THREADS makes the database pool too small; hint: set it to 10, or leave it out`},
		"a file that wins": {size: 10, change: func(d *demand) { d.Environment.EnvironmentFiles = []string{"-/etc/unit"} },
			fails: `option "environment_files": RAILS_MAX_THREADS makes the database pool too small with what /etc/unit says; hint: set it to 10 there, or remove it`},
	} {
		all := map[string]string{"/app/config/sidekiq.yml": c.config}
		for path, text := range files {
			all[path] = text
		}
		d := host(t, all)
		if c.change != nil {
			c.change(&d)
		}
		got, err := Variables(d.Service, d.processes, d.headroom, Wanted{}, []byte(template), databaseyml.Request{Environment: "production", Size: c.size})
		if c.fails != "" {
			require.EqualError(t, err, c.fails, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	d := host(t, files)
	got, err := Variables(d.Service, d.processes, d.headroom, Wanted{}, []byte(template), databaseyml.Request{Environment: "production", Size: 5})
	require.NoError(t, err)
	require.Empty(t, got, "enough wants nothing")
	files["/app/config/sidekiq.yml"] = ":concurrency: <%= Etc.nprocessors %>\n"
	d = host(t, files)
	_, err = Variables(d.Service, d.processes, d.headroom, Wanted{}, []byte(template), databaseyml.Request{Environment: "production", Size: 5})
	require.NoError(t, err, "the number of threads does not matter")
}
