package confine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLink(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "root/folder"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "elsewhere"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root/folder/file"), nil, 0o600))
	for name, target := range map[string]string{
		"absolute": filepath.Join(dir, "elsewhere"), "relative": "../elsewhere", "by-another": "relative", "within": "folder", "nothing": "none", "loop": "loop", "folder/up": "../../elsewhere",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, "root", name)))
	}
	root, err := os.OpenRoot(filepath.Join(dir, "root"))
	require.NoError(t, err)
	defer root.Close()
	for name, want := range map[string]string{
		"absolute": "absolute", "absolute/a/b": "absolute", "relative/x": "relative", "by-another": "by-another", "within/up/x": "within/up", "folder/up": "folder/up",
		"within/file": "", "nothing/x": "", "loop/x": "", "folder/file": "", "folder/file/x": "", "none": "", ".": "",
	} {
		link, leadsOut := Link(root.FS(), name)
		require.Equal(t, want != "", leadsOut, name)
		if leadsOut {
			require.Equal(t, want, link, name)
		}
	}
}
