package databaseyml

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/rubyyaml/rubytest"
)

type question struct {
	Before      string            `json:"before"`
	After       string            `json:"after"`
	Environment string            `json:"environment"`
	Database    string            `json:"database"`
	Key         string            `json:"key"`
	Size        int               `json:"size"`
	Also        []string          `json:"also"`
	Variables   map[string]string `json:"variables"`
}

func judge(t testing.TB, ruby *rubytest.Ruby, before []byte, environment string, variables map[string]string, e *Edit) string {
	var verdict string
	ruby.Ask(t, question{string(before), string(e.Text), environment, e.After.Database, e.After.Key, e.After.Size,
		append([]string{}, e.Also...), variables}, &verdict)
	return verdict
}

func TestRubyReadsEveryGoldenAsAsked(t *testing.T) {
	ruby := rubytest.Start(t, "testdata/judge.rb")
	for _, k := range cases(t) {
		if k.golden == "" || k.golden == string(k.in) {
			continue
		}
		edit, err := raise(k.in, k.environ, k.environment, k.database, k.size)
		require.NoError(t, err, k.name)
		require.Equal(t, "good", judge(t, ruby, k.in, k.environment, k.variables, edit), k.name)
		if verdict := judge(t, ruby, k.in, k.environment, k.variables, &Edit{After: edit.After, Text: k.in}); verdict == "good" {
			t.Fatalf("%s: the judge finds an unchanged file good", k.name)
		}
	}
}

// tally counts what became of the files of a corpus.
type tally struct {
	edited, unchanged int
	refused           map[string]int
}

func TestNoRealFileIsDamaged(t *testing.T) {
	root := os.Getenv("SIDEKIQ_CORPUS")
	if root == "" {
		t.Skip("SIDEKIQ_CORPUS is not set: no real files to try")
	}
	paths, err := filepath.Glob(filepath.Join(root, "database", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	ruby := rubytest.Start(t, "testdata/judge.rb")
	for _, environment := range []string{"production", "development"} {
		for _, v := range variants {
			count := tally{refused: map[string]int{}}
			for _, path := range paths {
				source, err := os.ReadFile(path)
				require.NoError(t, err)
				count.add(t, ruby, filepath.Base(path), []byte(v.of(string(source))), environment)
			}
			t.Logf("%s, %s: %d edited, %d unchanged, %v refused, 0 damaged", environment, v.name, count.edited, count.unchanged, count.refused)
			require.Positive(t, count.edited)
		}
	}
}

func (c *tally) add(t *testing.T, ruby *rubytest.Ruby, name string, source []byte, environment string) {
	edit, err := raise(source, nothing, environment, "", 25)
	if err != nil {
		require.IsType(t, &Refusal{}, err, name)
		c.refused[err.(*Refusal).Reason]++
		return
	}
	if !edit.Changed() {
		require.Equal(t, source, edit.Text, name)
		c.unchanged++
		return
	}
	c.edited++
	require.Equal(t, "good", judge(t, ruby, source, environment, nil, edit), name)
	requireOneLine(t, source, edit)
	again, err := raise(edit.Text, nothing, environment, "", 25)
	require.NoError(t, err, name)
	require.False(t, again.Changed(), name)
}

// mutate makes another file of the lines of a file: some left out, repeated, swapped, indented otherwise or new.
func mutate(random *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	extra := []string{"  pool: 7\n", "    pool: 7\n", "  <<: *default\n", "  url: x\n", "# pool: 3\n", "  pool:\n", "  <%# x %>\n", "x: &default\n", "\n",
		"  adapter: <%= ENV['X'] || 'y' %>\n", "  \"pool\" : '7' # x\n", "  database: [a,\n    b]\n", "  max_connections: 3\n", "production:\n", "  host: |\n    pool: 4\n", "shared:\n  pool: 6\n"}
	for range 1 + random.IntN(4) {
		i, j := random.IntN(len(lines)), random.IntN(len(lines))
		switch random.IntN(6) {
		case 0:
			lines = slices.Delete(lines, i, i+1)
		case 1:
			lines = slices.Insert(lines, i, lines[j])
		case 2:
			lines[i], lines[j] = lines[j], lines[i]
		case 3:
			lines[i] = " " + lines[i]
		case 4:
			lines[i] = strings.TrimPrefix(lines[i], " ")
		default:
			lines = slices.Insert(lines, i, extra[random.IntN(len(extra))])
		}
		if len(lines) == 0 {
			lines = []string{"\n"}
		}
	}
	return strings.Join(lines, "")
}

func TestNoMutatedFileIsDamaged(t *testing.T) {
	ruby := rubytest.Start(t, "testdata/judge.rb")
	random := rand.New(rand.NewPCG(5, 6))
	edited := 0
	for _, k := range cases(t) {
		for range 40 {
			source := []byte(mutate(random, string(k.in)))
			edit, err := raise(source, k.environ, k.environment, k.database, 25)
			if err != nil || !edit.Changed() {
				continue
			}
			verdict := judge(t, ruby, source, k.environment, k.variables, edit)
			if verdict == "Ruby cannot load the file" {
				continue
			}
			edited++
			require.Equal(t, "good", verdict, "%s\n%s", source, edit.Text)
			requireOneLine(t, source, edit)
		}
	}
	require.Greater(t, edited, 300)
}

// requireOneLine demands that an edit replaces or adds exactly the line that it tells.
func requireOneLine(t *testing.T, before []byte, e *Edit) {
	t.Helper()
	old, now := strings.SplitAfter(string(before), "\n"), strings.SplitAfter(string(e.Text), "\n")
	same := 0
	for same < len(old) && same < len(now) && old[same] == now[same] {
		same++
	}
	tail := 0
	for tail < len(old)-same && tail < len(now)-same && old[len(old)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	require.LessOrEqual(t, len(now)-same-tail, 2)
	require.LessOrEqual(t, len(old)-same-tail, 1)
}
