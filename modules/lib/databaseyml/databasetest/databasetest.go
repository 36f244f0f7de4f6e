// Package databasetest reads the test cases in testdata and compares an edit of database.yml with Ruby.
package databasetest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
)

var update = flag.Bool("update", false, "write the results into testdata")

// Case is a file of testdata: comments ("# ..."), a line "raise ENVIRONMENT[/DATABASE] SIZE", optional lines "env NAME=VALUE",
// "rails VERSION", "replace", "key NAME", "lower", "others" and "arguments ARGUMENT..." (of Sidekiq); the file in.yml; and either
// golden.yml and says (the edits) or refused (the error).
type Case struct {
	Name      string
	Request   databaseyml.Request
	Rails     Version
	Variables map[string]string
	Arguments []string
	In        []byte
	Golden    string // "": an error is expected

	path, says, refused string
}

// Version is a version of Rails: major, minor.
type Version [2]int

// Known implements databaseyml.Version.
func (v Version) Known() bool { return v[0] > 0 }

// AtLeast implements databaseyml.Version.
func (v Version) AtLeast(major, minor, _ int) bool {
	return v[0] > major || (v[0] == major && v[1] >= minor)
}

// ParseVersion reads a version such as 7.2.1.
func ParseVersion(text string) (v Version, err error) {
	_, err = fmt.Sscanf(text, "%d.%d", &v[0], &v[1])
	return v, err
}

// Cases reads the cases in testdata of the tested package.
func Cases(t testing.TB) []Case {
	t.Helper()
	return CasesOf(t, "testdata")
}

// CasesOf reads the cases in a directory.
func CasesOf(t testing.TB, directory string) []Case {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*.txtar"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all []Case
	for _, path := range paths {
		all = append(all, readCase(t, path))
	}
	return all
}

func readCase(t testing.TB, path string) Case {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	k := Case{path: path, Name: strings.TrimSuffix(filepath.Base(path), ".txtar"), Variables: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		require.NoError(t, k.option(strings.TrimSuffix(line, "\n")), path)
	}
	require.NotZero(t, k.Request.Size, path)
	for _, file := range archive.Files {
		switch file.Name {
		case "in.yml":
			k.In = file.Data
		case "golden.yml":
			k.Golden = string(file.Data)
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

// option parses a line of the header. An unknown line is an error, because a misspelt option would have no effect.
func (k *Case) option(line string) (err error) {
	words := strings.Fields(line)
	switch {
	case strings.Join(words, " ") != line:
		err = fmt.Errorf("line %q contains extra spaces", line)
	case line == "" || strings.HasPrefix(line, "# "):
	case len(words) == 3 && words[0] == "raise":
		environment, database, named := strings.Cut(words[1], "/")
		k.Request.Environment = environment
		if named {
			k.Request.Databases = []string{database}
		}
		k.Request.Size, err = strconv.Atoi(words[2])
	case len(words) == 2 && words[0] == "env":
		name, value, _ := strings.Cut(words[1], "=")
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		k.Variables[name] = value
	case len(words) == 2 && words[0] == "rails":
		k.Rails, err = ParseVersion(words[1])
	case len(words) > 1 && words[0] == "arguments":
		k.Arguments = words[1:]
	case line == "replace":
		k.Request.Replace = true
	case len(words) == 2 && words[0] == "key":
		k.Request.Key = words[1]
	case line == "lower":
		k.Request.Lower = true
	case line == "others":
		k.Request.Others = true
	default:
		err = fmt.Errorf("unknown line %q in the header", line)
	}
	return err
}

// Environ looks up a variable of the case.
func (k Case) Environ(name string) (string, bool) {
	value, isSet := k.Variables[name]
	return value, isSet
}

// Apply applies the request of the case to its file.
func (k Case) Apply(judge databaseyml.Judge) (*databaseyml.Result, error) {
	return databaseyml.Apply(k.In, judge, k.Environ, k.Request)
}

// Check compares what Apply returned with the expected files. With -update it writes them.
func (k Case) Check(t testing.TB, result *databaseyml.Result, err error) {
	t.Helper()
	if *update {
		k.write(t, result, err)
		return
	}
	if k.refused != "" {
		require.EqualError(t, err, k.refused)
		require.Nil(t, result)
		return
	}
	require.NoError(t, err)
	require.Equal(t, k.Golden, string(result.Text))
	require.Equal(t, k.says, says(result))
	require.Equal(t, k.Golden != string(k.In), result.Changed())
}

func (k Case) write(t testing.TB, result *databaseyml.Result, err error) {
	t.Helper()
	archive, parseErr := txtar.ParseFile(k.path)
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
	require.NoError(t, os.WriteFile(k.path, txtar.Format(archive), 0o644))
}

// says formats a result.
func says(r *databaseyml.Result) string {
	var text strings.Builder
	for _, e := range r.Edits {
		fmt.Fprintf(&text, "%s: %d %s, %s\n", e.Name, e.Before, e.Found.Source, e.Found.Origin())
		if e.After != e.Before {
			fmt.Fprintf(&text, "after: %d\n", e.After)
		}
		for _, line := range e.Lines {
			fmt.Fprintf(&text, "line %d: %q -> %q\n", line.Number, line.Old, line.New)
		}
		if len(e.Also) > 0 {
			fmt.Fprintf(&text, "also: %s\n", strings.Join(e.Also, ", "))
		}
		if len(e.Others) > 0 {
			fmt.Fprintf(&text, "others: %s\n", strings.Join(e.Others, ", "))
		}
	}
	for name, value := range r.Variables {
		fmt.Fprintf(&text, "variable: %s=%s\n", name, value)
	}
	lines := strings.SplitAfter(text.String(), "\n")
	slices.Sort(lines[len(lines)-1-len(r.Variables):])
	return strings.Join(lines, "")
}

var lineBreak = regexp.MustCompile(`\r\n|[\n\r\x{85}\x{2028}\x{2029}]`)

// RequireReportedLines requires that a result replaces or adds exactly the lines that it reports, and counts them.
func RequireReportedLines(t testing.TB, before []byte, r *databaseyml.Result) int {
	t.Helper()
	old, now := lineBreak.Split(string(before), -1), lineBreak.Split(string(r.Text), -1)
	var reported []databaseyml.Line
	for _, e := range r.Edits {
		reported = append(reported, e.Lines...)
	}
	slices.SortFunc(reported, func(a, b databaseyml.Line) int { return a.Number - b.Number })
	for _, line := range reported {
		at := line.Number - 1
		if line.Old == "" {
			old = slices.Insert(old, at, "")
		}
		require.Contains(t, now[at], valueOf(line.New))
		for part := range strings.SplitSeq(valueOf(line.Old), "...") { // stands for omitted text
			require.Contains(t, old[at], part)
		}
		old[at] = now[at]
	}
	require.Equal(t, old, now)
	return len(reported)
}

// valueOf returns the value of an entry, which may be on a separate line.
func valueOf(entry string) string {
	return strings.TrimSpace(entry[strings.LastIndex(entry, ":")+1:])
}

// Mutate removes, repeats, swaps, indents and adds lines of a file.
func Mutate(random *rand.Rand, text string) string {
	lines := strings.SplitAfter(text, "\n")
	extra := []string{"  pool: 7\n", "    pool: 7\n", "  <<: *default\n", "  url: x\n", "# pool: 3\n", "  pool:\n", "  <%# x %>\n", "x: &default\n", "\n",
		"  adapter: <%= ENV['X'] || 'y' %>\n", "  \"pool\" : '7' # x\n", "  database: [a,\n    b]\n", "  max_connections: 3\n", "production:\n", "  host: |\n    pool: 4\n", "shared:\n  pool: 6\n",
		"<% if ENV['X'] %>\n", "<% end %>\n", "  <<: *<%= 'default' %>\n", "  pool: <%= ENV.fetch('X', 4) %>\n", "  <%= 'a: b' %>\n", "  url: postgres://h/x?pool=9\n", "production: postgres://h/x\n"}
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
