package marked

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextGoesBetweenTheMarkers(t *testing.T) {
	got, err := Replace("a\n<!-- bench -->\nold\n<!-- /bench -->\nz\n", "bench", "new\n")
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- bench -->\nnew\n<!-- /bench -->\nz\n", got)
	for _, text := range []string{"", "<!-- bench -->\n", "<!-- /bench -->\n<!-- bench -->\n"} {
		_, err := Replace(text, "bench", "new\n")
		require.ErrorContains(t, err, "no <!-- bench -->")
	}
}

func TestOnlyWhatIsBetweenTheMarkersChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(path, []byte("before\n<!-- matrix -->\nold\n<!-- /matrix -->\nafter\n"), 0o600))
	for range 2 {
		require.NoError(t, Write(path, "matrix", "\nnew\n\n"))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "before\n<!-- matrix -->\n\nnew\n\n<!-- /matrix -->\nafter\n", string(got))
	}
	require.NoError(t, os.WriteFile(path, []byte("<!-- /matrix -->\n<!-- matrix -->\n"), 0o600))
	require.ErrorContains(t, Write(path, "matrix", "new\n"), "followed by")
}
