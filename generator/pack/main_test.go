package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPackedBinariesAreListedByTheirOwnHash(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "program_linux_amd64")
	require.NoError(t, os.WriteFile(binary, []byte("hello"), 0o700))
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	require.NoError(t, run([]string{one, two}, []string{binary}))

	text, err := os.ReadFile(filepath.Join(one, "payload.json"))
	require.NoError(t, err)
	var platforms map[string]entry
	require.NoError(t, json.Unmarshal(text, &platforms))
	require.Equal(t, map[string]entry{"linux_amd64": {
		File: "program_linux_amd64.gz", Size: 5,
		SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
	}}, platforms)

	packed, err := os.ReadFile(filepath.Join(two, "program_linux_amd64.gz"))
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, "hello", string(plain))
}

func TestWhatIsNoBinaryIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.Error(t, run([]string{dir}, []string{filepath.Join(dir, "gone_linux_amd64")}))
	require.Error(t, run([]string{dir}, nil))
	require.Error(t, run(nil, []string{"x_linux_amd64"}))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestWhatIsTooHeavyIsRefused(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "program_linux_amd64")
	noise := make([]byte, limit+1)
	rand.NewChaCha8([32]byte{}).Read(noise)
	require.NoError(t, os.WriteFile(binary, noise, 0o700))
	err := run([]string{filepath.Join(dir, "out")}, []string{binary})
	require.ErrorContains(t, err, "program_linux_amd64: ")
	require.ErrorContains(t, err, "more than 3000000 are not accepted; hint: ")
	require.NoDirExists(t, filepath.Join(dir, "out"))
}
