package sidekiq

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnEnvironmentFileIsReadAsItWasWritten(t *testing.T) {
	for _, variables := range []map[string]string{
		{},
		{"A": "", "B": "b c", "C": `50% of "$HOME" \n \\ ` + "`id`"},
		{"A": "two\nlines\t", "B": "#no comment", "C": " blanks "},
		{"A": "é;'", "_B": `\`, "C": `"`, "D": "$", "E": "trailing\n"},
	} {
		text, err := EnvironmentFile(variables)
		require.NoError(t, err)
		read, err := ParseEnvironmentFile([]byte(text))
		require.NoError(t, err)
		require.Equal(t, variables, read, text)
	}
	for want, variables := range map[string]map[string]string{
		`"A B" is not a variable name; hint: letters, digits and _, not starting with a digit`: {"A B": "hush"},
		`the value of "A" is not UTF-8`: {"A": "hush\xff"},
		`the value of "A" holds the control character U+0000, which systemd does not accept`: {"A": "hush\x00"},
	} {
		_, err := EnvironmentFile(variables)
		require.EqualError(t, err, want)
	}
}

func FuzzEnvironmentFile(f *testing.F) {
	f.Add("a \"b\" $c \\")
	f.Add("'\n#")
	f.Fuzz(func(t *testing.T, value string) {
		text, err := EnvironmentFile(map[string]string{"A": value})
		if err != nil {
			return
		}
		read, err := ParseEnvironmentFile([]byte(text))
		require.NoError(t, err)
		require.Equal(t, map[string]string{"A": value}, read)
	})
}

func TestWhatDotenvSetsInVainIsFound(t *testing.T) {
	files := map[string]string{
		"/unit.env": "B=2\n",
		"/a.env":    "# here\nA=1\nexport B='other'\nC=3\n",
		"/b.env":    "A=other\n\n\"\nD=\"two\nlines\"\nB=2\n",
	}
	e := Environment{Variables: map[string]string{"A": "1", "D": "4"}, EnvironmentFiles: []string{"/unit.env"}, DotenvFiles: []string{"/a.env", "/missing.env", "/b.env"},
		ReadFile: func(path string) ([]byte, error) {
			text, found := files[path]
			if !found {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		}}
	require.Equal(t, []Conflict{{"B", "/a.env", 3}, {"A", "/b.env", 1}, {"D", "/b.env", 4}}, e.Conflicts())
}
