package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// written updates a directory with these text files.
func written(t *testing.T, dir string, force bool, text map[string][]byte) ([]string, error) {
	t.Helper()
	changes, err := compare(dir, made{text: text})
	require.NoError(t, err)
	done, err := doChanges(dir, changes, force)
	var said []string
	for _, c := range done {
		said = append(said, c.String())
	}
	return said, err
}

func TestDoChanges_RefusesEditedFiles(t *testing.T) {
	dir := t.TempDir()
	done, err := written(t, dir, false, map[string][]byte{"a": []byte("1"), "b/c": []byte("1")})
	require.NoError(t, err)
	require.Equal(t, []string{"wrote a", "wrote b/c", "wrote .sidekiq-role.json"}, done)
	done, err = written(t, dir, false, map[string][]byte{"a": []byte("1"), "b/c": []byte("1")})
	require.NoError(t, err)
	require.Empty(t, done)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("mine"), 0o600))
	_, err = written(t, dir, false, map[string][]byte{"a": []byte("2")})
	require.EqualError(t, err, dir+": refusing to overwrite modified files: a; hint: --force overwrites them, --diff shows the differences")
	require.Equal(t, map[string]string{"a": "mine", "b/c": "1"}, without(tree(t, dir), manifestName), "nothing was written")

	done, err = written(t, dir, true, map[string][]byte{"a": []byte("2")})
	require.NoError(t, err)
	require.Equal(t, []string{"wrote a", "removed b/c", "wrote .sidekiq-role.json"}, done)
	require.Equal(t, map[string]string{"a": "2"}, without(tree(t, dir), manifestName))
	require.NoDirExists(t, filepath.Join(dir, "b"), "an empty directory is removed")
}

// A stale file may have been edited, or removed by a person.
func TestDoChanges_RemovesStaleFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := written(t, dir, false, map[string][]byte{"a": []byte("1"), "b": []byte("1"), "c": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "a")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b"), []byte("mine"), 0o600))
	_, err = written(t, dir, false, map[string][]byte{})
	require.ErrorContains(t, err, "refusing to overwrite modified files: b;")
	done, err := written(t, dir, true, map[string][]byte{})
	require.NoError(t, err)
	require.Equal(t, []string{"removed b", "removed c", "wrote .sidekiq-role.json"}, done)
}

// The run after an interrupted one continues, and takes no file for edited.
func TestDoChanges_AfterInterruption(t *testing.T) {
	dir := t.TempDir()
	_, err := written(t, dir, false, map[string][]byte{"a": []byte("1"), "b": []byte("1")})
	require.NoError(t, err)
	next := map[string][]byte{"a": []byte("2"), "b": []byte("2")}
	changes, err := compare(dir, made{text: next})
	require.NoError(t, err)
	_, err = doChanges(dir, changes[:1], false)
	require.NoError(t, err)
	done, err := written(t, dir, false, next)
	require.NoError(t, err)
	require.Equal(t, []string{"wrote b", "wrote .sidekiq-role.json"}, done)
}

func TestManifest_RefusesFilesElsewhere(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), []byte(`{"files": {"../a": "1"}}`), 0o600))
	_, err := compare(dir, made{})
	require.ErrorContains(t, err, `"../a" is not a file below it`)
}

func TestManifest_RefusesControlCharacters(t *testing.T) {
	for _, name := range []string{"a\x1b[2Jb", "a\nwrote b", "a\u202eb", "a\u009bb"} {
		dir := t.TempDir()
		text, err := json.Marshal(manifest{Files: map[string]string{name: "1"}})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), text, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		_, err = compare(dir, made{})
		require.ErrorContains(t, err, fmt.Sprintf("%q has control characters", name))
	}
}

func TestDoChanges_RefusesForeignFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("theirs"), 0o600))
	_, err := written(t, dir, false, map[string][]byte{"a": []byte("1")})
	require.ErrorContains(t, err, "refusing to overwrite modified files: a")
}

func without(m map[string]string, key string) map[string]string {
	delete(m, key)
	return m
}

func TestCompare_RefusesLargeFiles(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	require.NoError(t, os.Truncate(name, largestFile+1))
	_, err := compare(dir, made{text: map[string][]byte{"a": nil}})
	require.EqualError(t, err, fmt.Sprintf("%q is 67108865 bytes; accepted: up to 64 MiB; hint: move it away", name))
}
