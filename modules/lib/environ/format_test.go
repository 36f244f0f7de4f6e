package environ

import (
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
