package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// skeleton is an archive of inspect.TestLook_Skeletons, as far as init has to refuse it.
type skeleton struct {
	files   map[string]string
	below   string   // the directory of the application
	refused []string // what the error at the root has to match, of the lines "refused: REGEXP"
}

var (
	dirLine     = regexp.MustCompile(`(?m)^dir: (.+)$`)
	refusedLine = regexp.MustCompile(`(?m)^refused: (.+)$`)
)

func readSkeleton(t *testing.T, name string) skeleton {
	archive, err := txtar.ParseFile(name)
	require.NoError(t, err)
	s := skeleton{files: map[string]string{}, below: "."}
	for _, f := range archive.Files {
		switch f.Name {
		case "expert.yml", "questions":
		case "expect":
			for _, m := range refusedLine.FindAllSubmatch(f.Data, -1) {
				s.refused = append(s.refused, string(m[1]))
			}
		default:
			s.files[f.Name] = string(f.Data)
		}
	}
	if m := dirLine.FindSubmatch(archive.Comment); m != nil {
		s.below = string(m[1])
	}
	return s
}

// init refuses what has no Sidekiq on its hosts, unless --force is given, and a directory above the application's.
func TestInit_Skeletons(t *testing.T) {
	names, err := filepath.Glob("inspect/testdata/skeletons/*.txtar")
	require.NoError(t, err)
	require.Len(t, names, 14)
	refused := 0
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			s := readSkeleton(t, name)
			root := appIn(t, s.files)
			if len(s.refused) == 0 {
				isWritten(t, root)
				return
			}
			refused++
			isRefused(t, s.refused, root)
			if s.below != "." {
				isRefused(t, s.refused, "--force", root)
				isWritten(t, filepath.Join(root, s.below))
				return
			}
			isWritten(t, "--force", root)
		})
	}
	require.Equal(t, 3, refused)
}

// isRefused requires that init writes nothing, and that its error matches all patterns. It names no lock files of
// packages that were installed.
func isRefused(t *testing.T, patterns []string, args ...string) {
	t.Helper()
	status, out, errs := called(append([]string{"init"}, args...)...)
	require.Equal(t, 1, status, "%s%s", out, errs)
	require.NoFileExists(t, filepath.Join(args[len(args)-1], model.FileName))
	for _, pattern := range patterns {
		require.Regexp(t, pattern, errs)
	}
	require.NotRegexp(t, `hunter2|node_modules|vendor/`, out+errs)
}

// isWritten requires that init writes a model.
func isWritten(t *testing.T, args ...string) {
	t.Helper()
	status, out, errs := called(append([]string{"init"}, args...)...)
	require.Zero(t, status, errs)
	require.NotContains(t, out+errs, "hunter2")
	file := filepath.Join(args[len(args)-1], model.FileName)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	_, err = model.Read(file, text)
	require.NoError(t, err)
}
