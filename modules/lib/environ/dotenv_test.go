package environ

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

func TestDotenv_Syntax(t *testing.T) {
	set := Overlay(None, map[string]string{"HOST": "real"})
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
		"A=\"x\\":                              {"A": `"x\`},
		"A=\"x":                                {"A": `"x`},
	} {
		require.Equal(t, want, ParseDotenv([]byte(source), set), "%q", source)
	}
}

// Each variable is the one before, twice. The value is not expanded as dotenv does, which would use all memory.
func TestParseDotenv_BoundsReferences(t *testing.T) {
	source := "A=0123456789\n" + strings.Repeat("A=$A$A\n", 20) + "B=1\n"
	values := ParseDotenv([]byte(source), None)
	require.Equal(t, "1", values["B"])
	require.Contains(t, values["A"], "$A")
	require.LessOrEqual(t, len(values["A"]), atomicfile.MaxConfiguration)

	long := strings.Repeat("x", 1000)
	values = ParseDotenv([]byte("A="+long+"\n"+strings.Repeat("B=$A\n", 10)), None)
	require.Equal(t, long, values["B"])
}

func TestParseDotenv_Lines(t *testing.T) {
	d := parseDotenv([]byte("A=1\n\nB=\"x\ny\"\r\nnothing\nC=2\n"), None)
	require.Equal(t, map[string]int{"A": 1, "B": 3, "C": 6}, d.lines)
}
