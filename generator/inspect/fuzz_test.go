package inspect

import (
	"bytes"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// places are files that are read, each by a reader of its own.
var places = []string{"Gemfile.lock", "config/sidekiq.yml", "config/sidekiq_other.yml", "config/database.yml", "Procfile", "Capfile", "config/deploy.rb",
	"config/deploy/production.rb", "config/deploy/staging.rb", "lib/capistrano/tasks/sidekiq.rake", "config/storage.yml", ".rvmrc", ".ruby-gemset", ".ruby-version", "config/initializers/sidekiq.rb", "config/application.rb", "site.yml", ".tool-versions"}

// Whatever stands in the files of an application, what comes out is a model, and can be shown.
func FuzzInspect(f *testing.F) {
	for _, name := range initGoldens(f) {
		archive, err := txtar.ParseFile(name)
		require.NoError(f, err)
		files, _ := application(f, archive)
		for _, file := range files {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("    sidekiq (7.0.0)\r\n"))
	f.Add([]byte("set :application, \"\x1b[31m\"\nset :deploy_to, '/a\u2028b'\n"))
	f.Add([]byte("a: sidekiq -q '- x' -q '#y' -c 99999999999999999999\n"))
	f.Add([]byte("- hosts: &a [*a]\n  roles: [sidekiq]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		files := fstest.MapFS{}
		for _, name := range places {
			files[name] = &fstest.MapFile{Data: text}
		}
		a := Look(files, Options{})
		m := accepts(t, a.Text(schemaURL))
		for _, e := range a.entries() {
			require.False(t, e.asks != "" && (e.live || e.value == nil), "%s: %q", e.key, e.comments)
		}
		_, again := updated(t, files, "production", a.Text(schemaURL))
		require.Equal(t, m, accepts(t, again))
		var shown bytes.Buffer
		require.NoError(t, a.Tell(&shown))
		require.NotContains(t, shown.String(), "\x1b")
	})
}
