package dbpool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// factsOf gathers the facts of a host with these files.
func factsOf(t *testing.T, files map[string]string, o *options) *facts {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	reader := atomicfile.NewReader(root)
	return &facts{service: sidekiq.Service{RailsEnv: "production", AppRoot: "/app", Files: reader, Environment: o.Sources(reader)}}
}

func TestRequiredByRules_Processes(t *testing.T) {
	four := 4
	lock := map[string]string{"/app/Gemfile.lock": "GEM\n  specs:\n    sidekiq (7.3.2)\n"}
	config := func(text string) map[string]string {
		return map[string]string{"/app/Gemfile.lock": lock["/app/Gemfile.lock"], "/app/config/sidekiq.yml": text, "/app/config/media.yml": ":concurrency: 8\n", "/app/.env": "RAILS_MAX_THREADS=8\n"}
	}
	for name, c := range map[string]struct {
		files  map[string]string
		change func(*options)
		want   required
	}{
		"the file":                     {files: config(":concurrency: 12\n"), want: required{Size: 12, By: "/app/config/sidekiq.yml"}},
		"the largest of several files": {files: config(":concurrency: 3\n"), change: func(o *options) { o.SidekiqConfig = append(o.SidekiqConfig, "/app/config/media.yml") }, want: required{Size: 8, By: "/app/config/media.yml"}},
		"the first of the same size":   {files: config(":concurrency: 8\n"), change: func(o *options) { o.SidekiqConfig = append(o.SidekiqConfig, "/app/config/media.yml") }, want: required{Size: 8, By: "/app/config/sidekiq.yml"}},
		"a file that does not exist": {files: lock, change: func(o *options) { o.SidekiqConfig = []string{"/app/config/media.yml"} }, want: required{Size: 5, By: "the default of Sidekiq 7.3.2",
			Warnings: []string{"/app/config/media.yml does not exist; the pool is for what Sidekiq does without it"}}},
		"option concurrency":              {files: config(":concurrency: 12\n"), change: func(o *options) { o.Concurrency = &four }, want: required{Size: 4, By: `option "concurrency"`}},
		"option concurrency and capsules": {files: config(":capsules:\n  a:\n    concurrency: 2\n"), change: func(o *options) { o.Concurrency = &four }, want: required{Size: 6, By: `option "concurrency" and the capsules of /app/config/sidekiq.yml`}},
		"option concurrency alone":        {change: func(o *options) { o.SidekiqConfig, o.Concurrency = nil, &four }, want: required{Size: 4, By: `option "concurrency"`}},
		"option concurrency, an invalid file": {files: config(":concurrency: [\n"), change: func(o *options) { o.Concurrency = &four },
			want: required{Size: 4, By: `option "concurrency"`, Guessed: true, Warnings: []string{
				`/app/config/sidekiq.yml: line 1: this is not YAML: did not find expected node content; hint: Ruby cannot load it either; repair it first; the pool is for option "concurrency" alone, without threads of capsules`}}},
		"headroom":                  {files: config(":concurrency: 12\n"), change: func(o *options) { o.Headroom = 3 }, want: required{Size: 15, By: "/app/config/sidekiq.yml and a headroom of 3"}},
		"option pool":               {change: func(o *options) { o.size, o.Headroom = 30, 3 }, want: required{Size: 30, By: `option "pool"`}},
		"a variable of the service": {files: lock, change: func(o *options) { o.Environment = map[string]string{"RAILS_MAX_THREADS": "8"} }, want: required{Size: 8, By: "RAILS_MAX_THREADS"}},
		"a variable of dotenv, which is loaded later": {files: config(":concurrency: <%= ENV['RAILS_MAX_THREADS'] || 6 %>\n"), change: func(o *options) { o.DotenvFiles = []string{"/app/.env"} },
			want: required{Size: 6, By: "/app/config/sidekiq.yml"}},
		"an unknown version": {want: required{Size: 25, By: "the largest default of any Sidekiq", Guessed: true,
			Warnings: []string{"no Gemfile.lock or gems.locked in /app; the pool is for 25 threads, the most that any version starts by default"}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &options{SidekiqConfig: []string{"/app/config/sidekiq.yml"}}
			if c.change != nil {
				c.change(o)
			}
			got, err := factsOf(t, c.files, o).requiredByRules(o)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestRequiredByRules_UnreadableFile(t *testing.T) {
	o := &options{SidekiqConfig: []string{"/app/config/sidekiq.yml"}}
	_, err := factsOf(t, map[string]string{"/app/Gemfile.lock": "<<<<<<< HEAD\n"}, o).requiredByRules(o)
	require.EqualError(t, err, "/app/Gemfile.lock: it holds a merge conflict; hint: run bundle install")
}
