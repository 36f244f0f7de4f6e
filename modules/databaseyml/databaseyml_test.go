package databaseyml

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/databaseyml/rubyyaml/rubytest"
)

// kase is one file of testdata: a comment, a line "raise ENVIRONMENT[/DATABASE] SIZE", lines "env NAME=VALUE"; the files in.yml
// and one of golden.yml (whole file) and refused (exact text); for a golden the lines of the file says.
type kase struct {
	name, environment, database string
	size                        int
	variables                   map[string]string
	in                          []byte
	golden, says, refused       string
}

func cases(t testing.TB) []kase {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all []kase
	for _, path := range paths {
		all = append(all, readCase(t, path))
	}
	return all
}

func readCase(t testing.TB, path string) kase {
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	k := kase{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), variables: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		switch words := strings.Fields(line); {
		case len(words) == 3 && words[0] == "raise":
			k.environment, k.database, _ = strings.Cut(words[1], "/")
			k.size, err = strconv.Atoi(words[2])
			require.NoError(t, err, path)
		case len(words) == 2 && words[0] == "env":
			name, value, _ := strings.Cut(words[1], "=")
			k.variables[name] = value
		}
	}
	require.NotZero(t, k.size, path)
	for _, file := range archive.Files {
		switch file.Name {
		case "in.yml":
			k.in = file.Data
		case "golden.yml":
			k.golden = string(file.Data)
		case "says":
			k.says = string(file.Data)
		case "refused":
			k.refused = strings.TrimSuffix(string(file.Data), "\n")
		default:
			t.Fatalf("%s: unknown file %q", path, file.Name)
		}
	}
	return k
}

func (k kase) environ(name string) (string, bool) {
	value, set := k.variables[name]
	return value, set
}

func raise(source []byte, environ Environ, environment, database string, size int) (*Edit, error) {
	f, err := Parse(source, environ)
	if err != nil {
		return nil, err
	}
	return f.RaisePool(environment, database, size)
}

// says describes an edit in the words of the cases.
func says(e *Edit) string {
	var text strings.Builder
	fmt.Fprintf(&text, "before: %d %s, %s\n", e.Before.Size, e.Before.Source, e.Before.Origin())
	if e.Changed() {
		fmt.Fprintf(&text, "after: %d %s, %s\nline %d: %q -> %q\n", e.After.Size, e.After.Source, e.After.Origin(), e.Line, e.Old, e.New)
	}
	if len(e.Also) > 0 {
		fmt.Fprintf(&text, "also: %s\n", strings.Join(e.Also, ", "))
	}
	if e.Before.Doubt != "" {
		fmt.Fprintf(&text, "doubt: %s\n", e.Before.Doubt)
	}
	return text.String()
}

func TestEveryCaseIsEditedOrRefusedExactlySo(t *testing.T) {
	for _, k := range cases(t) {
		t.Run(k.name, func(t *testing.T) {
			original := bytes.Clone(k.in)
			edit, err := raise(k.in, k.environ, k.environment, k.database, k.size)
			require.Equal(t, original, k.in, "the source was written to")
			if k.refused != "" {
				var refusal *Refusal
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, k.refused, err.Error())
				require.Nil(t, edit)
				return
			}
			require.NoError(t, err)
			require.Equal(t, k.golden, string(edit.Text))
			require.Equal(t, k.says, says(edit))
			require.Equal(t, k.golden != string(k.in), edit.Changed())
		})
	}
}

func TestASecondRunChangesNothing(t *testing.T) {
	for _, k := range cases(t) {
		if k.golden == "" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			edit, err := raise([]byte(k.golden), k.environ, k.environment, k.database, k.size)
			require.NoError(t, err)
			require.False(t, edit.Changed())
			require.Equal(t, k.golden, string(edit.Text))
		})
	}
}

// variant rewrites a file without changing its meaning.
type variant struct {
	name string
	of   func(string) string
}

var variants = []variant{
	{"as it is", func(s string) string { return s }},
	{"CR LF", func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n") }},
	{"no final newline", func(s string) string { return strings.TrimRight(s, "\r\n") }},
	{"comments in other scripts", func(s string) string {
		return "# données, 日本語, e\u0301 🙂\n" + strings.ReplaceAll(s, "\nproduction:\n", "\nproduction: # données 日本語\n")
	}},
}

func TestLineEndsAndScriptsSurviveTheEdit(t *testing.T) {
	const in = "default: &default\n  pool: 5\nproduction:\n  <<: *default\n  database: app\n"
	const want = "default: &default\n  pool: 5\nproduction:\n  <<: *default\n  pool: 25\n  database: app\n"
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			edit, err := raise([]byte(v.of(in)), nothing, "production", "", 25)
			require.NoError(t, err)
			require.Equal(t, v.of(want), string(edit.Text))
		})
	}
	t.Run("a last line without newline gets a line after it", func(t *testing.T) {
		edit, err := raise([]byte("production:\r\n  adapter: x"), nothing, "production", "", 25)
		require.NoError(t, err)
		require.Equal(t, "production:\r\n  adapter: x\r\n  pool: 25", string(edit.Text))
	})
	t.Run("line separators of YAML 1.1 are line breaks", func(t *testing.T) {
		edit, err := raise([]byte("# one\u2028production:\n  adapter: x\u0085  pool: 5\r  host: y\n"), nothing, "production", "", 25)
		require.NoError(t, err)
		require.Equal(t, "# one\u2028production:\n  adapter: x\u0085  pool: 25\r  host: y\n", string(edit.Text))
		require.Equal(t, 4, edit.Line)
	})
}

func TestWhatIsNotUTF8IsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"\xff\xfep\x00":                    "the file is in UTF-16; hint: save it as UTF-8",
		"production:\n  adapter: \xe9\n":   "the file is not UTF-8; hint: save it as UTF-8",
		"\uFEFFproduction:\n  adapter: x":  "the file has a byte order mark, behind which Ruby loses the sections that follow the first; hint: save it as UTF-8 without BOM",
		"production:\n  adapter: \uE000\n": "the file has a private character (U+E000 or U+E001); hint: remove it",
	} {
		_, err := Parse([]byte(text), nothing)
		require.EqualError(t, err, want)
	}
}

func TestAliasesOfAliasesCostNoMoreThanTheirText(t *testing.T) {
	text := "a0: &a0 [x, x]\n"
	for i := range 60 {
		text += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	edit, err := raise([]byte(text+"production:\n  pool: 5\n  more: *a60\n"), nothing, "production", "", 25)
	require.NoError(t, err)
	require.Equal(t, text+"production:\n  pool: 25\n  more: *a60\n", string(edit.Text))
}

func nothing(string) (string, bool) { return "", false }

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
	random := rand.New(rand.NewPCG(5, 7))
	edited := 0
	for _, k := range cases(t) {
		for range 600 {
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
	require.Greater(t, edited, 500)
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

func FuzzRaisePool(f *testing.F) {
	for _, k := range cases(f) {
		f.Add(k.in, k.environment, k.database, uint16(k.size))
	}
	f.Fuzz(func(t *testing.T, source []byte, environment, database string, n uint16) {
		size := int(n) + 1
		edit, err := raise(source, nothing, environment, database, size)
		if err != nil {
			require.IsType(t, &Refusal{}, err)
			return
		}
		requireOnlyThePoolChanged(t, source, edit, environment, database, size)
	})
}

func requireOnlyThePoolChanged(t *testing.T, source []byte, edit *Edit, environment, database string, size int) {
	again, err := raise(edit.Text, nothing, environment, database, size)
	require.NoError(t, err)
	require.False(t, again.Changed(), "the second run changes the file again")
	require.Equal(t, edit.After, again.Before)
	if !edit.Changed() {
		require.Equal(t, string(source), string(edit.Text))
		require.GreaterOrEqual(t, edit.Before.Size, size)
		return
	}
	require.Less(t, edit.Before.Size, size)
	require.Equal(t, size, edit.After.Size)
	before, err := Parse(source, nothing)
	require.NoError(t, err)
	after, err := Parse(edit.Text, nothing)
	require.NoError(t, err)
	for _, key := range before.root.Keys() {
		if key.Name == environment {
			continue
		}
		was, wasErr := before.Pool(key.Name, "")
		is, isErr := after.Pool(key.Name, "")
		require.Equal(t, wasErr == nil, isErr == nil)
		require.Equal(t, was.Size, is.Size, "another environment changed")
	}
}

func BenchmarkRaisePool(b *testing.B) {
	source := []byte(readCase(b, "testdata/inherited.txtar").in)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := raise(source, nothing, "production", "", 25); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGrowth shows the time per byte of large files, which must stay about the same.
func BenchmarkGrowth(b *testing.B) {
	for _, sections := range []int{100, 1000, 10000} {
		var text strings.Builder
		text.WriteString("default: &default\n  pool: 5\n  adapter: postgresql\n")
		for i := range sections {
			fmt.Fprintf(&text, "env%d:\n  <<: *default\n  database: app_%d\n", i, i)
		}
		b.Run(fmt.Sprintf("%dkB", text.Len()/1000), func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, err := raise([]byte(text.String()), nothing, "env7", "", 25); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
