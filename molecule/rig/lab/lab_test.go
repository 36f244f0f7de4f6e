package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRun_Output(t *testing.T) {
	out, err := Run(t.Context(), strings.NewReader("one\n"), "sh", "-c", "echo noise >&2; cat; exit $0", "0")
	require.NoError(t, err)
	require.Equal(t, "one", out)
}

func TestRun_ErrorEndsWithStandardError(t *testing.T) {
	_, err := Run(t.Context(), nil, "sh", "-c", "echo output; echo first >&2; echo last >&2; exit 3")
	require.ErrorContains(t, err, "exit status 3: output\nfirst\nlast")
	require.Equal(t, "last", LastLine(err))
}

func TestRun_InterruptedProgramCleansUp(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := Run(ctx, nil, "sh", "-c", `trap 'touch "$0"; exit 1' TERM; while :; do sleep 0.05; done`, done)
	require.Error(t, err)
	require.FileExists(t, done)
}

func TestRun_InterruptEndsChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := Run(ctx, nil, "sh", "-c", "sleep 60 & wait") // the child has standard output: Run waits for it
	require.ErrorContains(t, err, "signal: terminated")
}

func TestOrNotRun_ExitStatus(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho setup: something: else >&2\necho setup: no Python 3.12 >&2\nexit $1\n"), 0o700))
	_, err := Run(t.Context(), nil, script, "3")
	t.Setenv("REQUIRE_ORACLES", "")
	require.Equal(t, NotRun{"no Python 3.12"}, OrNotRun(err))
	t.Setenv("REQUIRE_ORACLES", "1")
	require.EqualError(t, OrNotRun(err), "not run: no Python 3.12")
	require.NotErrorAs(t, OrNotRun(err), new(NotRun))
	_, err = Run(t.Context(), nil, script, "1")
	require.NotErrorAs(t, OrNotRun(err), new(NotRun))
	require.ErrorContains(t, OrNotRun(err), "something: else")
}

func TestLastLine(t *testing.T) {
	require.Equal(t, "ERROR: a", LastLine(errors.New("pip: exit status 1: WARNING\nERROR: a\n")))
	require.Equal(t, "one", LastLine(errors.New("one")))
}

func TestTable_Markdown(t *testing.T) {
	require.Equal(t, `| what | time |
|---|--:|
| **One task** |  |
| a \| b | 30 ms |
`, Table{{"what", "time:"}, {"**One task**"}, {"a | b", "30 ms"}}.String())
}

func TestReplaceSection(t *testing.T) {
	const document = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n<!-- story -->\n<!-- /story -->\n"
	changed, err := replaceSection(document, "bench", "new\n")
	require.NoError(t, err)
	require.Equal(t, strings.Replace(document, "old", "new", 1), changed)
	for _, name := range []string{"matrix", "benc"} {
		_, err = replaceSection(document, name, "new")
		require.ErrorContains(t, err, `no "<!-- `+name+` -->" followed by "<!-- /`+name+` -->"`)
	}
}

func TestReplaceSection_RefusesText(t *testing.T) {
	for _, text := range []string{"", "\n", "a\n<!-- /bench -->\nb"} {
		_, err := replaceSection("<!-- bench -->\nold\n<!-- /bench -->\n", "bench", text)
		require.ErrorContains(t, err, "for section bench is not accepted")
	}
}

func TestWriteSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	require.ErrorContains(t, WriteSection(path, "bench", "new"), "does not exist")
	require.NoError(t, os.WriteFile(path, []byte("text\n"), 0o600))
	require.ErrorContains(t, WriteSection(path, "bench", "new"), path+": no ")
	require.ErrorContains(t, CheckSection(path, "bench"), path+": no ")
	require.NoError(t, CheckSection("", "bench"))

	const document = "<!-- bench -->\nold\n<!-- /bench -->\n"
	require.NoError(t, os.WriteFile(path, []byte(document), 0o600))
	require.NoError(t, CheckSection(path, "bench"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, document, string(text))
	require.NoError(t, WriteSection(path, "bench", "new"))
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(document, "old", "new", 1), string(text))
}

func TestNew_FailureLeavesNoDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("PATH", "/nowhere")
	_, err := New(t.Context(), "lab", false)
	require.ErrorContains(t, err, "ssh-keygen")
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestClose_ReportsFailedHosts(t *testing.T) {
	l, err := New(t.Context(), "lab", false)
	require.NoError(t, err)
	require.FileExists(t, l.Key())
	l.add(Host{Name: "one"}) // this directory has no molecule/scripts/host
	l.add(Host{Name: "two"})
	err = l.Close()
	require.ErrorContains(t, err, "host stop one")
	require.ErrorContains(t, err, "host stop two")
	require.NoDirExists(t, l.Path())
}
