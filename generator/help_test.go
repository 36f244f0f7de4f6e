package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParagraphs(t *testing.T) {
	const text = "A paragraph that\nhas line breaks.\n\nExit status:\n  0  all hosts are well, as they should be\n  12 no list\nThe end of it."
	require.Equal(t, `A paragraph that has
line breaks.

Exit status:
  0  all hosts are
     well, as they
     should be
  12 no list
The end of it.`, paragraphs(text, 20))
}

// Flags that have no effect are not offered, and those that matter come first.
func TestHelp_Capistrano(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{"capistrano", "--help"}, &out, &errs))
	flags := out.String()[strings.Index(out.String(), "\nFlags:"):]
	var at []int
	for _, name := range []string{"--output", "--model", "--service-name", "--gem"} {
		require.Contains(t, flags, name)
		at = append(at, strings.Index(flags, name))
	}
	require.IsIncreasing(t, at)
	for _, name := range []string{"--project", "--queue", "--hardening"} {
		require.NotContains(t, flags, name)
	}
}
