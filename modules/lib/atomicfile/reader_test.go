package atomicfile

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReader_ReadsOnce(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/a", "old")
	r := NewReader(root)
	read := func() {
		for _, f := range []func(string) ([]byte, error){r.ReadFile, r.ReadIfThere, r.ReadLockfile} {
			data, err := f("/a")
			require.NoError(t, err)
			require.Equal(t, "old", string(data))
			data, _ = f("/none")
			require.Nil(t, data)
		}
		_, err := r.ReadFile("/none")
		require.Equal(t, &fs.PathError{Op: "open", Path: root + "/none", Err: fs.ErrNotExist}, err)
		_, err = r.ReadIfThere("/none")
		require.NoError(t, err)
		_, err = r.ReadLockfile("/")
		require.EqualError(t, err, `"`+root+`" is a directory, not a file; hint: move it away`)
	}
	read()
	write(t, root+"/a", "new")
	write(t, root+"/none", "new")
	read()
}
