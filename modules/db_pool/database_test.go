package dbpool

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

func TestReplace_FileWasChanged(t *testing.T) {
	path := host(t, small)
	d, err := findDatabase([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("other\n"), 0o640))
	err = d.replace([]byte(small), []byte("ours\n"))
	require.EqualError(t, err, path+" was changed by somebody else meanwhile; hint: run again")
	require.NoError(t, os.Remove(path))
	err = d.replace([]byte(small), []byte("ours\n"))
	require.EqualError(t, err, path+" was changed by somebody else meanwhile; hint: run again")
}

func TestReplace_RestoresFile(t *testing.T) {
	path := host(t, small)
	d, err := findDatabase([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	ours := strings.Replace(small, "5", "25", 1)
	require.NoError(t, d.replace([]byte(small), []byte(ours)))
	require.NoError(t, d.replace([]byte(ours), []byte(small)))
	back, err := findDatabase([]string{path}, atomicfile.FollowOwn)
	require.NoError(t, err)
	back.file.ModTime = d.file.ModTime
	require.Equal(t, d, back)
}

// Root has no rights to gain: a file system that is read-only, or NFS with root_squash, refuses it all the same.
func TestHint_NoBecomeForRoot(t *testing.T) {
	denied := fs.ErrPermission
	require.EqualError(t, hintBecome(denied, 1000), denied.Error()+"; hint: become: true")
	require.Equal(t, denied, hintBecome(denied, 0))
	needRoot(t)
	d := &database{file: &atomicfile.File{Path: "/missing/database.yml"}}
	require.EqualError(t, d.checkWritable(), `"/missing/database.yml" cannot be replaced, /missing: no such file or directory`)
}
