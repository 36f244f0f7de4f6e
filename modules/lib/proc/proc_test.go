package proc

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsDescendant(t *testing.T) {
	require.True(t, IsDescendant(os.Getpid(), os.Getpid()))
	require.True(t, IsDescendant(os.Getpid(), os.Getppid()))
	require.False(t, IsDescendant(os.Getppid(), os.Getpid()))
	require.False(t, IsDescendant(1<<22+1, 42), "no process")
}

func TestWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	want, err := os.Getwd()
	require.NoError(t, err)
	dir, err := WorkingDirectory(os.Getpid(), nil)
	require.NoError(t, err)
	require.Equal(t, want, dir)
	_, err = WorkingDirectory(1<<22+1, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}
