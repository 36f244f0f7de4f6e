package databaseyml_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml/databasetest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
)

// rules returns the rules for the file of a case.
func rules(k databasetest.Case) databaseyml.Rules {
	return databaseyml.Rules{Source: k.In, Environment: k.Request.Environment, Environ: k.Environ, Rails: k.Rails}
}

// production requests a pool for the databases of production.
func production(size int) databaseyml.Request {
	return databaseyml.Request{Environment: "production", Size: size}
}

func TestApply_Cases(t *testing.T) {
	for _, k := range databasetest.Cases(t) {
		t.Run(k.Name, func(t *testing.T) {
			original := bytes.Clone(k.In)
			result, err := k.Apply(rules(k))
			require.Equal(t, original, k.In, "the source was written to")
			k.Check(t, result, err)
			if err != nil {
				require.IsType(t, &databaseyml.Refusal{}, err)
				return
			}
			k.In, k.Variables = result.Text, environAfter(k, result)
			again, err := k.Apply(rules(k))
			require.NoError(t, err)
			require.False(t, again.Changed(), "a second run changes the file again")
			require.Empty(t, again.Variables)
		})
	}
}

// environAfter returns the environment of a case with the variables of a result.
func environAfter(k databasetest.Case, r *databaseyml.Result) map[string]string {
	all := map[string]string{}
	maps.Copy(all, k.Variables)
	maps.Copy(all, r.Variables)
	return all
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
			edit, err := applyRules([]byte(v.of(in)), production(25))
			require.NoError(t, err)
			require.Equal(t, v.of(want), string(edit.Text))
		})
	}
	t.Run("a last line without newline gets a line after it", func(t *testing.T) {
		edit, err := applyRules([]byte("production:\r\n  adapter: x"), production(25))
		require.NoError(t, err)
		require.Equal(t, "production:\r\n  adapter: x\r\n  pool: 25", string(edit.Text))
	})
	t.Run("line separators of YAML 1.1 are line breaks", func(t *testing.T) {
		edit, err := applyRules([]byte("# one\u2028production:\n  adapter: x\u0085  pool: 5\r  host: y\n"), production(25))
		require.NoError(t, err)
		require.Equal(t, "# one\u2028production:\n  adapter: x\u0085  pool: 25\r  host: y\n", string(edit.Text))
		require.Equal(t, 4, edit.Edits[0].Lines[0].Number)
	})
}

func TestApply_RefusesOtherEncodings(t *testing.T) {
	for text, want := range map[string]string{
		"\xff\xfep\x00":                    "the file is in UTF-16; hint: save it as UTF-8",
		"production:\n  adapter: \xe9\n":   "the file is not UTF-8; hint: save it as UTF-8",
		"\uFEFFproduction:\n  adapter: x":  "the file has a byte order mark, behind which Ruby loses the sections that follow the first; hint: save it as UTF-8 without BOM",
		"production:\n  adapter: \uE000\n": "the file has a private character (U+E000 or U+E001); hint: remove it",
	} {
		_, err := applyRules([]byte(text), production(25))
		require.EqualError(t, err, want)
	}
}

func TestApply_NestedAliases(t *testing.T) {
	text := "a0: &a0 [x, x]\n"
	for i := range 60 {
		text += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	edit, err := applyRules([]byte(text+"production:\n  pool: 5\n  more: *a60\n"), production(25))
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
		numbered("e%d: {adapter: x}\n", 4000) + "production:\n" + numbered("  d%d:\n    adapter: x\n", 60):          "the file has 80212 bytes, too many to change so many databases in it; hint: name fewer databases",
	} {
		_, err := applyRules([]byte(text), production(25))
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

// applyRules applies the rules without variables.
func applyRules(source []byte, q databaseyml.Request) (*databaseyml.Result, error) {
	return databaseyml.Apply(source, databaseyml.Rules{Source: source, Environment: q.Environment, Environ: environ.None, Rails: databasetest.Version{7, 2}}, environ.None, q)
}

func TestApply_Variables(t *testing.T) {
	for file, want := range map[string]map[string]string{
		`pool: <%= ENV["DB_POOL"] || ENV["RAILS_MAX_THREADS"] || 5 %>`:         {"DB_POOL": "25"},
		`pool: <%= ENV["RAILS_MAX_THREADS"] || ENV["DB_POOL"] || 5 %>`:         {"DB_POOL": "25"},
		`pool: <%= ENV["WEB_CONCURRENCY"] || ENV["RAILS_MAX_THREADS"] || 5 %>`: {"RAILS_MAX_THREADS": "25"},
		`pool: <%= Integer(ENV.fetch("X", "5")) %>`:                            {"X": "25"},
		`pool: <%= ENV.fetch("BIG") { 25 } %>`:                                 {},
		"primary:\n    pool: <%= ENV.fetch('MAIN', 5) %>\n  queue:\n    pool: <%= ENV.fetch('QUEUE', 5) %>\n  cable:\n    pool: <%= ENV.fetch('MAIN', 2) %>": {"MAIN": "25", "QUEUE": "25"},
	} {
		source := []byte("production:\n  " + file + "\n")
		k := databasetest.Case{In: source, Request: production(25)}
		result, err := k.Apply(rules(k))
		require.NoError(t, err, file)
		require.False(t, result.Changed(), file)
		require.Equal(t, len(want), len(result.Variables), file)
		for name, value := range want {
			require.Equal(t, value, result.Variables[name], file)
		}
	}
}

func TestApply_RefusesVariables(t *testing.T) {
	source := []byte("production:\n  pool: <%= ENV.fetch('X', 5) %>\n")
	for want, change := range map[string]func(*databaseyml.Rules, *databaseyml.Request){
		"it is set elsewhere": func(_ *databaseyml.Rules, q *databaseyml.Request) {
			q.CheckVariable = func(name, value string) error { return fmt.Errorf("it is set elsewhere") }
		},
		"line 2: X also sets the number of Sidekiq's threads, to 25 instead of 10; hint: set that number in config/sidekiq.yml or by option \"concurrency\", or set erb: replace to replace it by pool: 25": func(r *databaseyml.Rules, _ *databaseyml.Request) {
			r.Threads = func(variables map[string]string) (int, error) {
				if variables["X"] != "" {
					return 25, nil
				}
				return 10, nil
			}
		},
		"no threads": func(r *databaseyml.Rules, _ *databaseyml.Request) {
			r.Threads = func(map[string]string) (int, error) { return 0, fmt.Errorf("no threads") }
		},
	} {
		r, q := databaseyml.Rules{Source: source, Environment: "production", Environ: environ.None, Rails: databasetest.Version{7, 2}}, production(25)
		change(&r, &q)
		_, err := databaseyml.Apply(source, r, environ.None, q)
		require.EqualError(t, err, want)
	}
}
