// Package testenv reads the environment variables of the tests.
//
//   - REQUIRE_ORACLES=1: a test that lacks a program or a privilege fails instead of being skipped.
//   - SIDEKIQ_CORPUS=DIR: configuration files of real applications, DIR/database/*.yml and DIR/sidekiq/*.yml; an
//     absolute path. They are not part of the project.
//   - SOAK=N: random tests run N times as many rounds. Set by make soak.
//   - LINT=1: tests that run ansible-lint are not skipped. Set by make lint.
//   - ALL_CORES=1: tests also run each ansible-core in .venv/cores (package ansibletest). Set by make
//     test-matrix.
package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// OraclesRequired reports whether a test must fail instead of being skipped.
func OraclesRequired() bool { return os.Getenv("REQUIRE_ORACLES") == "1" }

// NotTested skips a test for a reason, such as a program that is not installed, or fails it if oracles are required.
func NotTested(t testing.TB, reason string) {
	t.Helper()
	if OraclesRequired() {
		t.Fatal("NOT TESTED: " + reason)
	}
	t.Skip("NOT TESTED: " + reason)
}

// NeedRoot is NotTested unless root runs the test.
func NeedRoot(t testing.TB, reason string) {
	t.Helper()
	if os.Geteuid() != 0 {
		NotTested(t, reason)
	}
}

// Lint skips a test that runs ansible-lint, unless make lint runs it.
func Lint(t testing.TB) {
	t.Helper()
	if os.Getenv("LINT") != "1" {
		t.Skip("make lint runs it")
	}
}

// Rounds returns the number of rounds of a random test: usual, or SOAK times as many. It panics if SOAK is not a
// number.
func Rounds(usual int) int {
	text := os.Getenv("SOAK")
	if text == "" {
		return usual
	}
	factor, err := strconv.Atoi(text)
	if err != nil || factor < 1 {
		panic(fmt.Sprintf("SOAK=%q; accepted: 1 or more", text))
	}
	return usual * factor
}

// Corpus returns the YAML files in a directory of the corpus, by the name of their repository. It skips the test if
// SIDEKIQ_CORPUS is not set, and fails it if there are no such files.
func Corpus(t testing.TB, directory string) map[string][]byte {
	t.Helper()
	root := os.Getenv("SIDEKIQ_CORPUS")
	if root == "" {
		t.Skip("NOT TESTED: SIDEKIQ_CORPUS is not set")
	}
	paths, err := filepath.Glob(filepath.Join(root, directory, "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths, "SIDEKIQ_CORPUS=%s has no %s/*.yml; hint: set it to an absolute path, or unset it", root, directory)
	files := map[string][]byte{}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		files[strings.TrimSuffix(filepath.Base(path), ".yml")] = source
	}
	return files
}
