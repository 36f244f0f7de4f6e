package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
)

// console is what a person types and sees: a command after a $, and its output up to the next.
var console = regexp.MustCompile("(?s)```console\n(.*?)```")

var prompt = regexp.MustCompile(`(?m)^\$ `)

// The tour in README.md, in the directory of the application in testdata/tour.txtar. A line of three dots stands for any lines. UPDATE=1 writes what is
// seen, where there are none.
func TestTourOfTheReadmeIsWhatIsSeen(t *testing.T) {
	needPayload(t)
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	before, rest, _ := strings.Cut(string(readme), "<!-- tour -->")
	tour, after, found := strings.Cut(rest, "<!-- /tour -->")
	require.True(t, found)
	app, err := os.ReadFile("testdata/tour.txtar")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tour.txtar"), append([]byte("tour\n"), app...), 0o600))
	seen := ""
	walk := func(ts *testscript.TestScript, _ bool, _ []string) {
		seen = console.ReplaceAllStringFunc(tour, func(block string) string { return walked(ts, block) })
	}
	t.Run("walk", func(t *testing.T) { // ends when its own subtests have, which run in parallel
		testscript.Run(t, testscript.Params{Dir: dir, Cmds: map[string]func(*testscript.TestScript, bool, []string){"tour": walk}})
	})
	require.NotEmpty(t, seen)
	goldentest.File(t, "../README.md", before+"<!-- tour -->"+seen+"<!-- /tour -->"+after)
}

// walked is a console with what its commands really said.
func walked(ts *testscript.TestScript, block string) string {
	var b strings.Builder
	steps := prompt.Split(console.FindStringSubmatch(block)[1], -1)
	for _, step := range steps[1:] {
		command, expected, _ := strings.Cut(step, "\n")
		err := ts.Exec("sh", "-c", command+" 2>&1")
		said := ts.ReadFile("stdout")
		if strings.Contains(expected, "...\n") && like(expected, said) {
			said = expected
		}
		fmt.Fprintf(&b, "$ %s\n%s", command, said)
		if err != nil && !strings.Contains(said, "hint:") && !strings.Contains(said, "would ") {
			ts.Fatalf("%s: %v\n%s", command, err, said)
		}
	}
	return "```console\n" + b.String() + "```"
}

// like tells whether a text is as expected but for the lines that dots stand for.
func like(expected, said string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(expected), `\.\.\.`+"\n", "(.*\n)*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(said)
}
