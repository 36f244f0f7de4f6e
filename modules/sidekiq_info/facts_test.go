package sidekiqinfo

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// A directory changes its time whenever a file is made in it, and says nothing about a release.
func TestOnlyALinkTellsWhenTheReleaseWasMade(t *testing.T) {
	root := t.TempDir()
	released, err := releasedAt(root)
	require.NoError(t, err)
	require.Zero(t, released)
	link := filepath.Join(root, "current")
	require.NoError(t, os.Symlink(root, link))
	released, err = releasedAt(link)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), released, time.Minute)
}

func TestAnApplicationThatCannotBeSeenIsSaid(t *testing.T) {
	_, unknown := gatherApp("/nowhere/current", atomicfile.NewReader("/"))
	require.Equal(t, []string{`option "app_root": whether processes are older than the release is not known: lstat /nowhere/current: no such file or directory`}, unknown)

	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "Gemfile.lock"), []byte("<<<<<<< HEAD\n"), 0o600))
	_, unknown = gatherApp(root, atomicfile.NewReader("/"))
	require.Len(t, unknown, 1)
	require.Contains(t, unknown[0], "Gemfile.lock: it holds a merge conflict")
}
