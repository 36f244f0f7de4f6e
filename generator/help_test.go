package main

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

func TestHelpWidth(t *testing.T) {
	control, terminal, err := pty.Open()
	require.NoError(t, err)
	defer control.Close()
	defer terminal.Close()
	for columns, want := range map[uint16]int{60: 60, 100: 100, 200: 100} {
		require.NoError(t, pty.Setsize(control, &pty.Winsize{Cols: columns, Rows: 24}))
		require.Equal(t, want, helpWidth(terminal))
	}
	require.Equal(t, 80, helpWidth(io.Discard))
	require.NoError(t, pty.Setsize(control, &pty.Winsize{Cols: 60, Rows: 24}))
	go run([]string{"generate", "--help"}, terminal, io.Discard) // a terminal takes no more than is read
	seen := bufio.NewScanner(control)
	flags := 0
	for seen.Scan() && !strings.Contains(seen.Text(), "--queue") {
		line := strings.TrimRight(seen.Text(), "\r")
		if !strings.HasPrefix(line, "  sidekiq-role ") { // an example is a command, and not wrapped
			require.LessOrEqual(t, len(line), 60, line)
		}
		if strings.HasPrefix(line, "      --") {
			flags++
		}
	}
	require.Greater(t, flags, 10)
}

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
