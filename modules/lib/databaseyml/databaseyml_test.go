package databaseyml

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// testCase is a file of testdata: comments ("# ..."), a line "raise ENVIRONMENT[/DATABASE] SIZE", optional lines
// "env NAME=VALUE", "rails VERSION", "erb MODE", "key NAME", "lower" and "others"; the file in.yml, and golden.yml
// with says (the edits), or refused (the error).
type testCase struct {
	name                  string
	request               Request
	rails                 railsVersion
	variables             map[string]string
	in                    []byte
	golden, says, refused string
}

func (k testCase) reader() Reader {
	return Reader{Environ: func(name string) (string, bool) {
		value, set := k.variables[name]
		return value, set
	}, Rails: k.rails}
}

type railsVersion [2]int

func (v railsVersion) Known() bool { return v[0] > 0 }

func (v railsVersion) AtLeast(major, minor, _ int) bool {
	return v[0] > major || (v[0] == major && v[1] >= minor)
}

func cases(t testing.TB) []testCase {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all []testCase
	for _, path := range paths {
		all = append(all, readCase(t, path))
	}
	return all
}

func readCase(t testing.TB, path string) testCase {
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	k := testCase{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), variables: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		require.NoError(t, k.option(strings.TrimSuffix(line, "\n")), path)
	}
	require.NotZero(t, k.request.Size, path)
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

// option parses a line of the header. An unknown line is an error, since a misspelt key would test nothing.
func (k *testCase) option(line string) (err error) {
	words := strings.Fields(line)
	switch {
	case strings.Join(words, " ") != line:
		err = fmt.Errorf("line %q has spaces that separate nothing", line)
	case line == "" || strings.HasPrefix(line, "# "):
	case len(words) == 3 && words[0] == "raise":
		environment, database, named := strings.Cut(words[1], "/")
		k.request.Environment = environment
		if named {
			k.request.Databases = []string{database}
		}
		k.request.Size, err = strconv.Atoi(words[2])
	case len(words) == 2 && words[0] == "env":
		name, value, _ := strings.Cut(words[1], "=")
		k.variables[name] = value
	case len(words) == 2 && words[0] == "rails":
		_, err = fmt.Sscanf(words[1], "%d.%d", &k.rails[0], &k.rails[1])
	case len(words) == 2 && words[0] == "erb":
		k.request.ERB = ERB(words[1])
		if !slices.Contains([]ERB{Evaluate, Overrule, Refuse}, k.request.ERB) {
			err = fmt.Errorf("unknown mode in %q", line)
		}
	case len(words) == 2 && words[0] == "key":
		k.request.Key = words[1]
	case line == "lower":
		k.request.Lower = true
	case line == "others":
		k.request.Others = true
	default:
		err = fmt.Errorf("unknown line %q in the header", line)
	}
	return err
}

func TestCase_RefusesUnknownLine(t *testing.T) {
	for _, line := range []string{"lowerr", "lower ", "raise production", "raise production many", "env", "erb never", "rails seven", "#no blank", "A sentence."} {
		k := testCase{variables: map[string]string{}}
		require.Error(t, k.option(line), "%q", line)
	}
}

// production requests a pool for the databases of production.
func production(size int) Request { return Request{Environment: "production", Size: size} }

// says formats edits as the cases do.
func says(r *Result) string {
	var text strings.Builder
	for _, e := range r.Edits {
		if e.Before.Database != "" {
			fmt.Fprintf(&text, "%s\n", e.Before.Database)
		}
		fmt.Fprintf(&text, "before: %d %s, %s\n", e.Before.Size, e.Before.Source, e.Before.Origin())
		if e.Changed() {
			fmt.Fprintf(&text, "after: %d %s, %s\nline %d: %q -> %q\n", e.After.Size, e.After.Source, e.After.Origin(), e.Line, e.Old, e.New)
		}
		for what, names := range map[string][]string{"also": e.Also, "others": e.Others} {
			if len(names) > 0 {
				fmt.Fprintf(&text, "%s: %s\n", what, strings.Join(names, ", "))
			}
		}
		if e.Before.Doubt != "" {
			fmt.Fprintf(&text, "doubt: %s\n", e.Before.Doubt)
		}
	}
	return text.String()
}

var update = flag.Bool("update", false, "write what came out into testdata")

// write writes the result into the case.
func (k testCase) write(t *testing.T, result *Result, err error) {
	path := filepath.Join("testdata", k.name+".txtar")
	archive, parseErr := txtar.ParseFile(path)
	require.NoError(t, parseErr)
	archive.Files = archive.Files[:1]
	add := func(name, text string) {
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
	}
	if err != nil {
		add("refused", err.Error()+"\n")
	} else {
		add("golden.yml", string(result.Text))
		add("says", says(result))
	}
	require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
}

func TestApply_Cases(t *testing.T) {
	for _, k := range cases(t) {
		t.Run(k.name, func(t *testing.T) {
			original := bytes.Clone(k.in)
			result, err := Apply(k.in, k.reader(), k.request)
			require.Equal(t, original, k.in, "the source was written to")
			if *update {
				k.write(t, result, err)
				return
			}
			if k.refused != "" {
				var refusal *Refusal
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, k.refused, err.Error())
				require.Nil(t, result)
				return
			}
			require.NoError(t, err)
			require.Equal(t, k.golden, string(result.Text))
			require.Equal(t, k.says, says(result))
			require.Equal(t, k.golden != string(k.in), result.Changed())
		})
	}
}

func TestApply_SecondRunChangesNothing(t *testing.T) {
	for _, k := range cases(t) {
		if k.golden == "" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			again, err := Apply([]byte(k.golden), k.reader(), k.request)
			require.NoError(t, err)
			require.False(t, again.Changed())
			require.Equal(t, k.golden, string(again.Text))
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

func TestApply_KeepsLineBreaksAndEncoding(t *testing.T) {
	const in = "default: &default\n  pool: 5\nproduction:\n  <<: *default\n  database: app\n"
	const want = "default: &default\n  pool: 5\nproduction:\n  <<: *default\n  pool: 25\n  database: app\n"
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			edit, err := Apply([]byte(v.of(in)), nothing, production(25))
			require.NoError(t, err)
			require.Equal(t, v.of(want), string(edit.Text))
		})
	}
	t.Run("a last line without newline gets a line after it", func(t *testing.T) {
		edit, err := Apply([]byte("production:\r\n  adapter: x"), nothing, production(25))
		require.NoError(t, err)
		require.Equal(t, "production:\r\n  adapter: x\r\n  pool: 25", string(edit.Text))
	})
	t.Run("line separators of YAML 1.1 are line breaks", func(t *testing.T) {
		edit, err := Apply([]byte("# one\u2028production:\n  adapter: x\u0085  pool: 5\r  host: y\n"), nothing, production(25))
		require.NoError(t, err)
		require.Equal(t, "# one\u2028production:\n  adapter: x\u0085  pool: 25\r  host: y\n", string(edit.Text))
		require.Equal(t, 4, edit.Edits[0].Line)
	})
}

func TestApply_RefusesOtherEncodings(t *testing.T) {
	for text, want := range map[string]string{
		"\xff\xfep\x00":                    "the file is in UTF-16; hint: save it as UTF-8",
		"production:\n  adapter: \xe9\n":   "the file is not UTF-8; hint: save it as UTF-8",
		"\uFEFFproduction:\n  adapter: x":  "the file has a byte order mark, behind which Ruby loses the sections that follow the first; hint: save it as UTF-8 without BOM",
		"production:\n  adapter: \uE000\n": "the file has a private character (U+E000 or U+E001); hint: remove it",
	} {
		_, err := Apply([]byte(text), nothing, production(25))
		require.EqualError(t, err, want)
	}
}

func TestApply_NestedAliases(t *testing.T) {
	text := "a0: &a0 [x, x]\n"
	for i := range 60 {
		text += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	edit, err := Apply([]byte(text+"production:\n  pool: 5\n  more: *a60\n"), nothing, production(25))
	require.NoError(t, err)
	require.Equal(t, text+"production:\n  pool: 25\n  more: *a60\n", string(edit.Text))
}

func TestApply_RefusesExpandingFiles(t *testing.T) {
	chain := "a0: &a0\n  k0: 1\n"
	for i := range 3000 {
		chain += fmt.Sprintf("a%d: &a%d\n  <<: *a%d\n  k%d: 1\n", i+1, i+1, i, i+1)
	}
	for text, want := range map[string]string{
		chain + "production:\n  <<: *a3000\n  adapter: x\n":                                                         "<< merges more than 50000 entries in all; hint: write fewer <<",
		"d: &d\n" + numbered("  k%d: 1\n", 500) + "production:\n  adapter: x\n" + strings.Repeat("  <<: *d\n", 101): "<< merges more than 50000 entries in all",
		numbered("e%d: {adapter: x}\n", 4000) + "production:\n" + numbered("  d%d: {adapter: x}\n", 40):             "the file has 79692 bytes, too many to look after 40 databases in it; hint: name the databases to look after, fewer of them",
		"production:\n" + numbered("  d%d: {adapter: x}\n", 300):                                                    `the section "production" holds 300 databases, more than 256`,
	} {
		_, err := Apply([]byte(text), nothing, production(25))
		require.ErrorContains(t, err, want)
	}
}

// numbered repeats a line with numbers.
func numbered(line string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, line, i)
	}
	return text.String()
}

var nothing = Reader{Environ: environ.None}
