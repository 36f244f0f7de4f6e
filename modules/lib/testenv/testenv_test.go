package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder records how a test ends.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper()               {}
func (r *recorder) Name() string          { return "" }
func (r *recorder) Errorf(string, ...any) {}
func (r *recorder) FailNow()              { r.stop("failed") }
func (r *recorder) Fatal(...any)          { r.stop("failed") }
func (r *recorder) Skip(...any)           { r.stop("skipped") }

func (r *recorder) stop(end string) {
	r.end = end
	runtime.Goexit()
}

// endOf returns how a test that calls f ends.
func endOf(f func(testing.TB)) string {
	r, done := &recorder{end: "passed"}, make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.end
}

func TestNotTested(t *testing.T) {
	for value, want := range map[string]string{"": "skipped", "0": "skipped", "1": "failed"} {
		t.Setenv("REQUIRE_ORACLES", value)
		require.Equal(t, want, endOf(func(t testing.TB) { NotTested(t, "no ruby") }), value)
	}
}

func TestLint(t *testing.T) {
	for value, want := range map[string]string{"": "skipped", "1": "passed"} {
		t.Setenv("LINT", value)
		require.Equal(t, want, endOf(func(t testing.TB) { Lint(t) }), value)
	}
}

func TestRounds(t *testing.T) {
	for value, want := range map[string]int{"": 20, "1": 20, "150": 3000} {
		t.Setenv("SOAK", value)
		require.Equal(t, want, Rounds(20), value)
	}
	for _, value := range []string{"0", "many"} {
		t.Setenv("SOAK", value)
		require.PanicsWithValue(t, fmt.Sprintf("SOAK=%q; accepted: 1 or more", value), func() { Rounds(20) })
	}
}

func TestCorpus(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "database"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "database/hyrax.yml"), []byte("x"), 0o600))
	t.Setenv("SIDEKIQ_CORPUS", dir)
	require.Equal(t, map[string][]byte{"hyrax": []byte("x")}, Corpus(t, "database"))
}

func TestCorpus_WithoutFiles(t *testing.T) {
	for value, want := range map[string]string{"": "skipped", t.TempDir(): "failed", "/nowhere": "failed"} {
		t.Setenv("SIDEKIQ_CORPUS", value)
		require.Equal(t, want, endOf(func(t testing.TB) { Corpus(t, "database") }), value)
	}
}
