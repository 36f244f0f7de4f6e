package inspect

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// Applications with real files: one or both of a repository.
func TestLook_Corpus(t *testing.T) {
	databases, configs := testenv.Corpus(t, "database"), testenv.Corpus(t, "sidekiq")
	both, understood, refused := 0, 0, 0
	for name, database := range databases {
		config, has := configs[name]
		if has {
			both++
		}
		agreesWithTheModules(t, name, database, config, &understood, &refused)
		delete(configs, name)
	}
	for name, config := range configs {
		agreesWithTheModules(t, name, nil, config, &understood, &refused)
	}
	t.Logf("%d applications of both files, %d files understood, %d said to be Ruby's alone", both, understood, refused)
	require.Positive(t, both)
	require.Greater(t, understood, refused)
}

// agreesWithTheModules compares init with the modules' libraries.
func agreesWithTheModules(t *testing.T, name string, database, config []byte, understood, refused *int) {
	t.Helper()
	files := fstest.MapFS{}
	for file, source := range map[string][]byte{"database.yml": database, "sidekiq.yml": config} {
		if source != nil {
			files["config/"+file] = &fstest.MapFile{Data: source}
		}
	}
	a := Look(files, Options{})
	text := a.Text(schemaURL)
	var out strings.Builder
	require.NoError(t, a.Tell(&out))
	require.Equal(t, model.Default(), accepts(t, text), "%s: the application decides", name)
	for _, secret := range passwords(string(database)) {
		require.NotContains(t, withoutOurWords(string(text)+out.String()), secret, name)
	}
	count := func(err error) {
		if err != nil {
			*refused++
		} else {
			*understood++
		}
	}
	if config != nil {
		c, err := sidekiq.ReadConfig(config, "production", environ.None, sidekiq.Version{})
		count(err)
		if err != nil {
			require.Contains(t, string(text), "cannot be read", name)
		} else {
			showsConfig(t, name, string(text), c)
		}
	}
	if database != nil {
		rules := databaseyml.Rules{Source: database, Environment: "production", Environ: environ.None, Rails: sidekiq.Version{}}
		answer, err := rules.Ask(databaseyml.Change{})
		count(err)
		require.Regexp(t, `(?m)^# config/database\.yml(:\d+)?: `, string(text), name)
		for _, d := range answer.Databases {
			require.Regexp(t, fmt.Sprintf(`\bpool( without a limit| %d)\b`, d.Pool), string(text), name)
		}
	}
}

func showsConfig(t *testing.T, name, text string, c sidekiq.Config) {
	t.Helper()
	threads := "up to " + plural(sidekiq.LargestDefaultConcurrency, "thread")
	if c.Concurrency != nil {
		threads = plural(*c.Concurrency, "thread")
	}
	text = wrapped.ReplaceAllString(text, " ")
	require.Contains(t, text, "config/sidekiq.yml: "+threads, name)
	var queues []string
	for _, q := range c.Queues {
		queues = append(queues, cmp.Or(q.Name, "one whose name only Ruby can determine"))
	}
	if len(queues) > 0 {
		require.Contains(t, text, printable(", queues "+list(queues), 500), name)
	}
}

var passwordLine = regexp.MustCompile(`(?m)^\s*(?:password|secret\w*|url):\s*["']?([^\s"'<>#]+)["']?\s*(?:#.*)?$`)

// passwords returns the literal passwords in a database.yml.
func passwords(source string) (all []string) {
	for _, m := range passwordLine.FindAllStringSubmatch(source, -1) {
		all = append(all, m[1])
	}
	return all
}

// withoutOurWords removes the text that every file has, in which passwords such as root occur.
func withoutOurWords(text string) string {
	for _, word := range []string{"deploy_root", "PostgreSQL", "raises"} {
		text = strings.ReplaceAll(text, word, "")
	}
	return text
}
