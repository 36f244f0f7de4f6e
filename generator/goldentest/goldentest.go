// Package goldentest compares what is made with a committed file.
package goldentest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// File demands that a file holds a text, byte for byte. UPDATE=1 writes it.
func File(t testing.TB, path, text string) {
	t.Helper()
	if os.Getenv("UPDATE") == "1" {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "%s; hint: UPDATE=1 go test, and look at the difference", path)
}
