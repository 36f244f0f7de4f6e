package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

func TestGenerate_Role(t *testing.T) {
	needPayload(t)
	dir := filepath.Join(t.TempDir(), "new", "sidekiq")
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{"generate", "--output", dir}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "wrote tasks/main.yml\n")
	for _, file := range []string{"files/payload.json", "files/ansible-sidekiq_linux_amd64.gz", "files/ansible-sidekiq_linux_arm64.gz"} {
		require.FileExists(t, filepath.Join(dir, file))
	}
	out.Reset()
	require.Equal(t, 0, run([]string{"generate", "--output", dir}, &out, &errs))
	require.Equal(t, "unchanged\n", out.String())
}

// A role that uses a collection does not keep the binaries of an earlier run; without binaries they may be somebody else's.
func TestGenerate_RemovesBinaries(t *testing.T) {
	needPayload(t)
	dir := filepath.Join(t.TempDir(), "sidekiq")
	for _, c := range []struct {
		binaries string
		kept     bool
	}{{"include", true}, {"none", true}, {"collection", false}} {
		status, out, errs := called("generate", "--binaries", c.binaries, "--output", dir)
		require.Zero(t, status, errs)
		if c.kept {
			require.FileExists(t, filepath.Join(dir, "files/payload.json"))
			continue
		}
		require.NoDirExists(t, filepath.Join(dir, "files"))
		require.NoDirExists(t, filepath.Join(dir, "library"))
		require.Contains(t, out, "removed files/payload.json\n")
		require.Contains(t, out, "\nrole "+dir+"\n")
	}
}

func TestGenerate_Completion(t *testing.T) {
	for flag, want := range map[string][]string{"--layout": layouts, "--binaries": binaries} {
		status, out, _ := called("__complete", "generate", flag, "")
		require.Zero(t, status)
		require.Equal(t, strings.Join(want, "\n")+"\n:4\n", out)
	}
}

func TestGenerate_WithoutBinaries(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{"generate", "--binaries", "none", "--output", dir}, &out, &errs), errs.String())
	require.NoDirExists(t, filepath.Join(dir, "files"))
	require.Equal(t, 19, strings.Count(out.String(), "wrote "))
}

func TestGenerate_DiffShowsControlCharacters(t *testing.T) {
	dir := t.TempDir()
	status, _, errs := called("generate", "--binaries", "none", "--output", dir)
	require.Zero(t, status, errs)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte("\ta\x1b[2Jb\u202e\r\n"), 0o600))
	status, out, errs := called("generate", "--binaries", "none", "--output", dir, "--diff")
	require.Zero(t, status, errs)
	require.Contains(t, out, "\n-\ta\\u001b[2Jb\\u202e\r\n")
	require.NotContains(t, out, "\x1b")
}

// From the model's file to all text files.
func BenchmarkGenerate(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/golden/processes.txtar")
	if err != nil {
		b.Fatal(err)
	}
	source := archive.Files[0].Data
	b.Run("model", func(b *testing.B) {
		for b.Loop() {
			if _, err := model.Read(model.FileName, source); err != nil {
				b.Fatal(err)
			}
		}
	})
	m, err := model.Read(model.FileName, source)
	if err != nil {
		b.Fatal(err)
	}
	for _, layout := range layouts {
		b.Run(layout, func(b *testing.B) {
			for b.Loop() {
				if _, err := Emit(m, Package{layout, "include"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	dir := b.TempDir()
	if _, err := generate(m, built("role"), dir); err != nil {
		b.Fatal(err)
	}
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			done, err := generate(m, built("role"), dir)
			if err != nil || len(done) > 0 {
				b.Fatal(done, err)
			}
		}
	})
}
