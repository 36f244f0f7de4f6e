package notes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestNotes(t *testing.T) {
	testenv.NeedRoot(t, "only root can create files of root")
	n := Notes(t.TempDir())
	_, isFound := n.Read("a.service", Restart, "42 1")
	require.False(t, isFound)
	require.NoError(t, n.Remove("a.service", Restart))

	require.NoError(t, n.Write("a.service", Restart, "42 1", "its unit\nwas changed"))
	text, isFound := n.Read("a.service", Restart, "42 1")
	require.True(t, isFound)
	require.Equal(t, "its unit\nwas changed", text)
	_, isFound = n.Read("a.service", Restart, "42 2")
	require.False(t, isFound, "another process with that PID")
	_, isFound = n.Read("a.service", Quiet, "42 1")
	require.False(t, isFound)

	before, err := os.Stat(n.path("a.service", Restart))
	require.NoError(t, err)
	require.NoError(t, n.Write("a.service", Restart, "42 1", "its unit\nwas changed"))
	after, err := os.Stat(n.path("a.service", Restart))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "written once")

	require.NoError(t, n.Write("b.service", Quiet, "43 1", ""))
	_, isFound = n.Read("b.service", Quiet, "43 1")
	require.True(t, isFound)
	require.NoError(t, n.Forget("a.service"))
	require.NoFileExists(t, n.path("a.service", Restart))
	require.FileExists(t, n.path("b.service", Quiet))
	require.NoError(t, n.Forget("b.service"))
	require.NoDirExists(t, filepath.Join(string(n), Dir))
}
