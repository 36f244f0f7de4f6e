package watch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextIsCutAndWrappedToTheWidth(t *testing.T) {
	require.Equal(t, "äöü...", cut("äöüäöüä", 6))
	require.Equal(t, "äöüä", cut("äöüä", 4))
	require.Equal(t, "äöü", cut("äöüäöü", 3))
	require.Equal(t, "äö", cut("äöü", 2))
	require.Equal(t, "", cut("a", -1))
	require.Equal(t, "日...", cut("日本語の", 6), "a wide character takes two columns")
	require.Equal(t, "日本  |", pad("日本", 6)+"|")
	require.Equal(t, "日本\n語の", wrap("日本 語の", 5))
	require.Equal(t, "one two\nthree\nfour-and-more", wrap("one two three four-and-more", 8))
	require.Equal(t, "ä ö\nü", wrap("ä ö ü", 3))
	require.Equal(t, "    four-and-more\nthen\nnot", wrap("    four-and-more then not", 7), "no line of blanks alone")
	require.Equal(t, "a\n\nb", wrap("a\n\nb", 8))
}
