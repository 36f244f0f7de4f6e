package atomicfile

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/acl"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// Users of these tests. The first two have no account and no groups; nobody has its own group.
const (
	alice  = 61234
	bob    = 61235
	nobody = 65534
)

// tree is a directory with files of several users.
type tree struct {
	*testing.T
	root string
}

func newTree(t *testing.T) tree {
	t.Helper()
	testenv.NeedRoot(t, "only root can change the owner of a file")
	root := t.TempDir()
	for d := root; d != os.TempDir(); d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	return tree{t, root}
}

func (t tree) dir(name string, uid, gid int, mode fs.FileMode) {
	path := filepath.Join(t.root, name)
	require.NoError(t, os.Mkdir(path, 0o700))
	require.NoError(t, os.Chown(path, uid, gid))
	require.NoError(t, os.Chmod(path, mode))
}

func (t tree) file(name string, uid int) {
	path := filepath.Join(t.root, name)
	write(t.T, path, "old")
	require.NoError(t, os.Chown(path, uid, uid))
}

// link makes a link of a user; / in the target is the tree.
func (t tree) link(name, target string, uid int) {
	path := filepath.Join(t.root, name)
	if strings.HasPrefix(target, "/") {
		target = t.root + target
	}
	require.NoError(t, os.Symlink(target, path))
	require.NoError(t, os.Lchown(path, uid, uid))
}

// acl adds a user to the access list of a directory.
func (t tree) acl(name string, uid uint32, user, mask, other uint16) {
	const rwx, none = 7, 0xffffffff
	list := binary.LittleEndian.AppendUint32(nil, 2) // the version
	for _, e := range []acl.Entry{
		{Tag: 1, Permissions: rwx, ID: none}, {Tag: acl.User, Permissions: user, ID: uid}, {Tag: acl.GroupOwner, ID: none},
		{Tag: acl.Mask, Permissions: mask, ID: none}, {Tag: acl.Other, Permissions: other, ID: none},
	} {
		list = binary.LittleEndian.AppendUint16(list, e.Tag)
		list = binary.LittleEndian.AppendUint16(list, e.Permissions)
		list = binary.LittleEndian.AppendUint32(list, e.ID)
	}
	err := unix.Setxattr(filepath.Join(t.root, name), acl.Attribute, list, 0)
	if err == unix.ENOTSUP {
		testenv.NotTested(t.T, "this file system has no access lists")
	}
	require.NoError(t, err)
}

func TestRead_FollowOwn(t *testing.T) {
	accepted := map[string]func(tree){
		"the link and all behind it are its owner's": func(t tree) {
			t.dir("shared", alice, alice, 0o700)
			t.file("shared/f", alice)
			t.link("link", "/shared/f", alice)
		},
		"a relative link and links to directories": func(t tree) {
			for _, dir := range []string{"app", "app/releases", "app/releases/1", "app/shared"} {
				t.dir(dir, alice, alice, 0o755)
			}
			t.file("app/shared/f", alice)
			t.link("app/releases/1/f", "../../shared/f", alice)
			t.link("app/current", "releases/1", alice)
			t.link("link", "app/current/f", alice)
		},
		"a file of root's in the directory of the link's owner": func(t tree) {
			t.dir("shared", alice, alice, 0o755)
			t.file("shared/f", 0)
			t.link("link", "/shared/f", alice)
		},
		"a file of the link's owner in a directory of root's": func(t tree) {
			t.dir("etc", 0, 0, 0o755)
			t.file("etc/f", alice)
			t.link("link", "/etc/f", alice)
		},
		"a directory to which all may write": func(t tree) {
			t.dir("open", bob, bob, 0o777)
			t.file("open/f", bob)
			t.link("link", "/open/f", alice)
		},
		"a directory to which the group may write": func(t tree) {
			t.dir("team", 0, nobody, 0o770)
			t.file("team/f", bob)
			t.link("link", "/team/f", nobody)
		},
		"a directory with an access list": func(t tree) {
			t.dir("team", 0, 0, 0o700)
			t.acl("team", alice, 7, 7, 0)
			t.file("team/f", bob)
			t.link("link", "/team/f", alice)
		},
		"root's link": func(t tree) {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", bob)
			t.link("link", "/root/f", 0)
		},
		"no link": func(t tree) { t.file("link", bob) },
		"a hard link to a file of the directory's owner": func(t tree) {
			t.dir("shared", alice, alice, 0o755)
			t.file("shared/f", alice)
			require.NoError(t, os.Link(t.root+"/shared/f", t.root+"/shared/backup"))
			t.link("link", "/shared/f", alice)
		},
		"a hard link that root made": func(t tree) {
			t.file("link", bob)
			require.NoError(t, os.Link(t.root+"/link", t.root+"/other"))
		},
	}
	refused := map[string]func(tree) (fault string){
		"a directory that only root may enter": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", 0)
			t.link("link", "/root/f", alice)
			return `"T/link" is a link of uid 61234 to "T/root/f"`
		},
		"a copy of the link owner's file in such a directory": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.dir("root/backup", alice, alice, 0o755)
			t.file("root/backup/f", alice)
			t.link("link", "/root/backup/f", alice)
			return `"T/link" is a link of uid 61234 to "T/root/backup/f"`
		},
		"a file of root's that all may read": func(t tree) string {
			t.dir("etc", 0, 0, 0o755)
			t.file("etc/f", 0)
			t.link("link", "/etc/f", alice)
			return `"T/link" is a link of uid 61234 to "T/etc/f"`
		},
		"a link to a directory": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", 0)
			t.link("config", "/root", alice)
			t.link("link", "/config/f", 0)
			return `"T/config" is a link of uid 61234 to "T/root/f"`
		},
		"a link of root's that a link of another user leads to": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", 0)
			t.link("roots", "/root/f", 0)
			t.link("link", "/roots", alice)
			return `"T/link" is a link of uid 61234 to "T/root/f"`
		},
		"a link of another user that a link of root's leads to": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", 0)
			t.link("alices", "/root/f", alice)
			t.link("link", "/alices", 0)
			return `"T/alices" is a link of uid 61234 to "T/root/f"`
		},
		"a relative link": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", 0)
			t.dir("app", alice, alice, 0o755)
			t.link("app/link", "../root/f", alice)
			t.link("link", "app/link", 0)
			return `"T/app/link" is a link of uid 61234 to "T/root/f"`
		},
		"a link in a directory that its owner may not enter": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", alice)
			t.link("root/link", "f", alice)
			t.link("link", "root/link", 0)
			return `"T/root/link" is a link of uid 61234 to "T/root/f"`
		},
		"a link through /proc": func(t tree) string {
			t.dir("root", 0, 0, 0o700)
			t.file("root/f", 0)
			require.NoError(t, os.Symlink("/proc/self/root"+t.root+"/root/f", t.root+"/link"))
			require.NoError(t, os.Lchown(t.root+"/link", alice, alice))
			return `"T/link" is a link of uid 61234 to "T/root/f"`
		},
		"the file of another user in a sticky directory": func(t tree) string {
			t.dir("tmp", 0, 0, 0o777|fs.ModeSticky)
			t.file("tmp/f", bob)
			t.link("link", "/tmp/f", alice)
			return `"T/link" is a link of uid 61234 to "T/tmp/f"`
		},
		"the link of another user in a directory": func(t tree) string {
			t.dir("shared", alice, alice, 0o777)
			t.dir("shared/own", alice, alice, 0o755)
			t.file("shared/own/f", alice)
			t.link("shared/link", "own/f", bob)
			t.link("link", "/shared/link", alice)
			return `"T/shared/link" is a link of uid 61235 to "T/shared/own/f"`
		},
		"a directory that is closed to the group": func(t tree) string {
			t.dir("team", 0, nobody, 0o707)
			t.file("team/f", bob)
			t.link("link", "/team/f", nobody)
			return `"T/link" is a link of uid 65534 to "T/team/f"`
		},
		"a directory that an access list closes": func(t tree) string {
			t.dir("team", 0, 0, 0o700)
			t.acl("team", alice, 0, 7, 7)
			t.file("team/f", bob)
			t.link("link", "/team/f", alice)
			return `"T/link" is a link of uid 61234 to "T/team/f"`
		},
		"a directory that the mask of an access list closes": func(t tree) string {
			t.dir("team", 0, 0, 0o700)
			t.acl("team", alice, 7, 5, 0)
			t.file("team/f", bob)
			t.link("link", "/team/f", alice)
			return `"T/link" is a link of uid 61234 to "T/team/f"`
		},
	}
	for name, lay := range accepted {
		t.Run(name, func(t *testing.T) {
			tree := newTree(t)
			lay(tree)
			found, err := Read(tree.root+"/link", FollowOwn)
			require.NoError(t, err)
			require.Equal(t, "old", string(found.Data))
		})
	}
	for name, lay := range refused {
		t.Run(name, func(t *testing.T) {
			tree := newTree(t)
			fault := lay(tree)
			found, err := Read(tree.root+"/link", FollowOwn)
			require.Nil(t, found)
			require.ErrorAs(t, err, new(Foreign))
			require.Equal(t, fault+", which that user cannot replace", strings.ReplaceAll(err.Error(), tree.root, "T"))
			found, err = Read(tree.root+"/link", Follow)
			require.NoError(t, err)
			require.Equal(t, "old", string(found.Data))
		})
	}
}

// Where the kernel lets a user make a hard link to the file of another (fs.protected_hardlinks=0, proc_sys_fs(5)).
func TestRead_RefusesHardLinkOfAnotherUser(t *testing.T) {
	tree := newTree(t)
	tree.dir("root", 0, 0, 0o700)
	tree.file("root/f", 0)
	tree.dir("shared", alice, alice, 0o755)
	path := tree.root + "/shared/f"
	require.NoError(t, os.Link(tree.root+"/root/f", path))
	_, err := Read(path, FollowOwn)
	require.ErrorAs(t, err, new(Foreign))
	require.EqualError(t, err, fmt.Sprintf("%q is a file of uid 0 with 2 hard links in a directory of uid %d", path, alice))
}

func TestRead_FollowOwnRefusesNonRegularFile(t *testing.T) {
	tree := newTree(t)
	tree.dir("shared", alice, alice, 0o755)
	require.NoError(t, syscall.Mkfifo(tree.root+"/shared/fifo", 0o666))
	tree.link("fifo", "/shared/fifo", alice)
	tree.link("dir", "/shared", alice)
	tree.link("nothing", "/shared/none", alice)
	require.NoError(t, os.Symlink("/dev/null", tree.root+"/device"))
	for name, msg := range map[string]string{
		"fifo": "is a named pipe, not a file", "dir": "is a directory, not a file", "device": "is a device, not a file", "nothing": "which does not exist",
	} {
		_, err := Read(filepath.Join(tree.root, name), FollowOwn)
		require.ErrorContains(t, err, msg)
	}
}
