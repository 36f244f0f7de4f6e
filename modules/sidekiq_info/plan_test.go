package sidekiqinfo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/dashboard"
)

func TestCompare_UnknownVersion(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "Gemfile.lock"), []byte("<<<<<<< HEAD\n"), 0o600))
	err := compare(&dashboard.Dashboard{}, root, atomicfile.NewReader("/"))
	require.ErrorContains(t, err, "/Gemfile.lock: it holds a merge conflict")
	require.NoError(t, compare(&dashboard.Dashboard{}, t.TempDir(), atomicfile.NewReader("/")), "not deployed yet")
}
