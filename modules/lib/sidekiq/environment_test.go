package sidekiq

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

func TestEnvironmentFilesFollowSystemd(t *testing.T) {
	for source, want := range map[string]map[string]string{
		"":                             {},
		"A=1\nB=two words \n":          {"A": "1", "B": "two words"},
		"# A=1\n ; B=2\nC=3":           {"C": "3"},
		"  A = 1 \n":                   {"A": "1"},
		"A=\nB=\"\"\n":                 {"A": "", "B": ""},
		"A=\"two words \"\nB='$x \\n'": {"A": "two words ", "B": `$x \n`},
		"A=\"x\\\"y\\$z\\q\"\n":        {"A": `x"y$z\q`},
		"A=\"one\ntwo\"\nB=1\n":        {"A": "one\ntwo", "B": "1"},
		"A=\"one\\\ntwo\"\n":           {"A": "onetwo"},
		"A=one\\\ntwo\nB=1\n":          {"A": "onetwo", "B": "1"},
		"A=x\\ \n":                     {"A": "x "},
		"A='x' \"y\"z\n":               {"A": "xyz"},
		"A=x\"y\"\n":                   {"A": `x"y"`},
		"A=x # no comment\n":           {"A": "x # no comment"},
		"export A=1\n1A=2\nB\n=3\n":    {},
		"# one\\\nA=1\nB=2\n":          {"B": "2"},
		"A=1\r\nB=2\r\n":               {"A": "1", "B": "2"},
		"A=1\nA=2\n":                   {"A": "2"},
	} {
		got, err := ParseEnvironmentFile([]byte(source))
		require.NoError(t, err, "%q", source)
		require.Equal(t, want, got, "%q", source)
	}
	_, err := ParseEnvironmentFile([]byte("A=\xe9\n"))
	require.EqualError(t, err, "it is not UTF-8, which systemd refuses")
}

func TestDotenvFilesFollowDotenv(t *testing.T) {
	set := environ(map[string]string{"HOST": "real"})
	for source, want := range map[string]map[string]string{
		"":                                     {},
		"A=1\nexport B=2\n  C: 3\nD.E=4\n":     {"A": "1", "B": "2", "C": "3", "D.E": "4"},
		"A = two words \n":                     {"A": "two words"},
		"A=\nB=''\nC=\"\"\n":                   {"A": "", "B": "", "C": ""},
		"A=1 # one\nB=\"1 # one\" # two\n#C=3": {"A": "1", "B": "1 # one"},
		"A='$HOST'\nB=\"$HOST\"\nC=${HOST}x\n": {"A": "$HOST", "B": "real", "C": "realx"},
		"A=1\nB=$A.$A\nC=${NONE}.\n":           {"A": "1", "B": "1.1", "C": "."},
		"HOST=file\nA=$HOST\n":                 {"HOST": "file", "A": "real"},
		"A=\"x\\$HOST\"\n":                     {"A": "x$HOST"},
		"A=\"one\\ntwo\"\nB='one\\ntwo'\n":     {"A": "one\ntwo", "B": `one\ntwo`},
		"A=\"one\ntwo\"\nB=1\n":                {"A": "one\ntwo", "B": "1"},
		"A=\"x\\\"y\"\n":                       {"A": `x"y`},
		"A=$(hostname)\n":                      {"A": "$(hostname)"},
		"not an assignment\nA=1\n":             {"A": "1"},
		"A=1\r\nB=2\r\n":                       {"A": "1", "B": "2"},
		"A=\"x\" y\n":                          {"A": `"x" y`},
		"A=cost$\n":                            {"A": "cost$"},
	} {
		require.Equal(t, want, ParseDotenv([]byte(source), set), "%q", source)
	}
}

// Each line is the line before, twice. What is left as it is written is not the value that dotenv makes, which would take all memory.
func TestParseDotenv_BoundsReferences(t *testing.T) {
	source := "A=0123456789\n" + strings.Repeat("A=$A$A\n", 20) + "B=1\n"
	values := ParseDotenv([]byte(source), environ(nil))
	require.Equal(t, "1", values["B"])
	require.Contains(t, values["A"], "$A")
	require.LessOrEqual(t, len(values["A"]), atomicfile.MaxConfiguration)

	long := strings.Repeat("x", 1000)
	values = ParseDotenv([]byte("A="+long+"\n"+strings.Repeat("B=$A\n", 10)), environ(nil))
	require.Equal(t, long, values["B"])
}

func TestParseDotenv_Lines(t *testing.T) {
	d := parseDotenv([]byte("A=1\n\nB=\"x\ny\"\r\nnothing\nC=2\n"), environ(nil))
	require.Equal(t, map[string]int{"A": 1, "B": 3, "C": 6}, d.lines)
}

func TestUnitVariablesWinOverDotenv(t *testing.T) {
	files := map[string]string{
		"/etc/default/app":  "A=file\nB=file\n",
		"/app/.env.local":   "A=local\nC=local\nD=local\n",
		"/app/.env":         "C=env\nE=${B}\n",
		"/etc/default/late": "B=late\n",
	}
	e := Environment{
		Variables:        map[string]string{"A": "unit", "U": "unit"},
		EnvironmentFiles: []string{"/etc/default/app", "-/etc/default/none", "-/etc/default/late"},
		DotenvFiles:      []string{"/app/.env.production", "/app/.env.local", "/app/.env"},
		ReadFile: func(path string) ([]byte, error) {
			if text, there := files[path]; there {
				return []byte(text), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
	}
	environ, err := e.Environ()
	require.NoError(t, err)
	for name, want := range map[string]string{"A": "file", "B": "late", "C": "local", "D": "local", "E": "late", "U": "unit"} {
		got, set := environ(name)
		require.True(t, set, name)
		require.Equal(t, want, got, name)
	}
	_, set := environ("NONE")
	require.False(t, set)

	e.EnvironmentFiles = []string{"/etc/default/none"}
	_, err = e.Environ()
	require.EqualError(t, err, `environment file "/etc/default/none": file does not exist; hint: create it, or write "-/etc/default/none" if it may be missing`)
}

func FuzzVariableFilesNeverPanic(f *testing.F) {
	f.Add([]byte("A=\"x\\\n' # ${B}\nexport C: '\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		ParseDotenv(source, environ(nil))
		if _, err := ParseEnvironmentFile(source); err != nil {
			require.EqualError(t, err, "it is not UTF-8, which systemd refuses")
		}
	})
}
