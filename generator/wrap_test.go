package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrapped(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 60))
	for _, text := range []string{
		"a: " + long,
		"a:\n  - b: " + long,
		"a:\n  # " + long + "\n  - b\n",
		"a: \"" + long + "\"",
		"a: ['" + long + "', " + long + "]",
		"a:\n  - >-\n    " + long + "\n  - b\nc: >-\n  " + long,
	} {
		changed, err := wrapped(text, fileWidth)
		require.NoError(t, err)
		require.NotEqual(t, text, changed)
		for _, line := range strings.Split(changed, "\n") {
			require.LessOrEqual(t, len(line), fileWidth)
		}
	}
	for _, text := range []string{"a: short", "a: " + strings.Repeat("x", 200)} {
		changed, err := wrapped(text, fileWidth)
		require.NoError(t, err)
		require.Equal(t, text, changed)
	}
	_, err := wrapped("a: |\n  "+long, fileWidth)
	require.ErrorContains(t, err, "changed what they say")
}
