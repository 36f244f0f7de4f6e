package environ

import (
	"testing"

	"github.com/stretchr/testify/require"
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
		"A=x \\":                       {"A": "x "},
		"A=\"x\\":                      {"A": "x"},
		"A='x' \"y\"z\n":               {"A": "xyz"},
		"A=x\"y\"\n":                   {"A": `x"y"`},
		"A=x # no comment\n":           {"A": "x # no comment"},
		"export A=1\n1A=2\nB\n=3\n":    {},
		"=\nB=1\n":                     {"B": "1"},
		"=\"x\nB=1\n":                  {"B": "1"},
		"=AB=\"x\nB=1\n\"\nC=1\n":      {"C": "1"},
		"# one\\\nA=1\nB=2\n":          {"B": "2"},
		"A=1\r\nB=2\r\n":               {"A": "1", "B": "2"},
		"A=1\nA=2\n":                   {"A": "2"},
	} {
		got, err := ParseFile([]byte(source))
		require.NoError(t, err, "%q", source)
		require.Equal(t, want, got, "%q", source)
	}
	_, err := ParseFile([]byte("A=\xe9\n"))
	require.EqualError(t, err, "it is not UTF-8, which systemd refuses")
}

func FuzzVariableFilesNeverPanic(f *testing.F) {
	f.Add([]byte("A=\"x\\\n' # ${B}\nexport C: '\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		ParseDotenv(source, None)
		if _, err := ParseFile(source); err != nil {
			require.EqualError(t, err, "it is not UTF-8, which systemd refuses")
		}
	})
}

func TestAnEnvironmentFileIsReadAsItWasWritten(t *testing.T) {
	for _, variables := range []map[string]string{
		{},
		{"A": "", "B": "b c", "C": `50% of "$HOME" \n \\ ` + "`id`"},
		{"A": "two\nlines\t", "B": "#no comment", "C": " blanks "},
		{"A": "é;'", "_B": `\`, "C": `"`, "D": "$", "E": "trailing\n"},
	} {
		text, err := FormatFile(variables)
		require.NoError(t, err)
		read, err := ParseFile([]byte(text))
		require.NoError(t, err)
		require.Equal(t, variables, read, text)
	}
	for want, variables := range map[string]map[string]string{
		`"A B" is not a variable name; hint: letters, digits and _, not starting with a digit`: {"A B": "hush"},
		`the value of "A" is not UTF-8`: {"A": "hush\xff"},
		`the value of "A" holds the control character U+0000, which systemd does not accept`: {"A": "hush\x00"},
	} {
		_, err := FormatFile(variables)
		require.EqualError(t, err, want)
	}
}

func FuzzFormatFile(f *testing.F) {
	f.Add("a \"b\" $c \\")
	f.Add("'\n#")
	f.Fuzz(func(t *testing.T, value string) {
		text, err := FormatFile(map[string]string{"A": value})
		if err != nil {
			return
		}
		read, err := ParseFile([]byte(text))
		require.NoError(t, err)
		require.Equal(t, map[string]string{"A": value}, read)
	})
}
