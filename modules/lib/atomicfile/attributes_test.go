package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An access list of one more user, as acl(5) keeps it: version 2, then tag, permissions and id of each entry.
var accessList = []byte{2, 0, 0, 0,
	1, 0, 6, 0, 255, 255, 255, 255, // owner rw
	2, 0, 4, 0, 1, 0, 0, 0, // uid 1 r
	4, 0, 4, 0, 255, 255, 255, 255, // group r
	16, 0, 4, 0, 255, 255, 255, 255, // mask r
	32, 0, 0, 0, 255, 255, 255, 255, // others none
}

func TestLabelAndAccessListAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.yml")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	wanted := map[string][]byte{"user.note": []byte("of the admin"), "system.posix_acl_access": accessList}
	if os.Geteuid() == 0 {
		wanted["security.selinux"] = []byte("system_u:object_r:etc_t:s0\x00")
	}
	for name, value := range wanted {
		if err := unix.Setxattr(path, name, value, 0); errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EINVAL) {
			t.Logf("NOT TESTED with %s: this file system or security module refuses it: %v", name, err)
			delete(wanted, name)
		} else {
			require.NoError(t, err, name)
		}
	}
	found, err := Read(path, Refuse)
	require.NoError(t, err)
	require.NoError(t, Replace(Replacement{Path: path, Data: []byte("new"), Mode: found.Mode, UID: found.UID, GID: found.GID, Found: found}))

	again, err := Read(path, Refuse)
	require.NoError(t, err)
	require.Equal(t, "new", string(again.Data))
	require.Equal(t, found.Mode, again.Mode)
	require.Equal(t, found.attributes, again.attributes)
	require.Len(t, again.attributes, len(wanted))
}

func TestAnAttributeThatCannotBeKeptLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "database.yml")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))
	found, err := Read(path, Refuse)
	require.NoError(t, err)
	found.attributes = []attribute{{"system.posix_acl_access", []byte("nonsense")}}
	err = Replace(Replacement{Path: path, Data: []byte("new"), Mode: 0o640, UID: os.Getuid(), GID: os.Getgid(), Found: found})
	require.ErrorContains(t, err, "the attribute system.posix_acl_access cannot be kept")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(text))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
