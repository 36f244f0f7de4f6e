package sudolint

import (
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/acl"
)

// writers says who but root may write to a file by its owner, its mode and its ACL; "" is nobody. The mode of a symbolic link means nothing,
// nor does that of a device, which cannot be replaced by writing to it. Where there is an ACL, the group's bits of the mode are its mask
// (acl(5)), so that the mode alone says nothing of groups.
func writers(path string, info fs.FileInfo) (string, error) {
	owner := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	switch {
	case owner.Uid != 0:
		return fmt.Sprintf("%s has owner %d", path, owner.Uid), nil
	case mode&(fs.ModeSymlink|fs.ModeDevice) != 0:
		return "", nil
	}
	list, err := readACL(path)
	if err != nil {
		return "", err
	}
	isShared := owner.Gid != 0
	if !isShared && mode&0o020 != 0 {
		if isShared, err = rootGroupHasMembers(); err != nil {
			return "", err
		}
	}
	if who := aclWriters(list, owner.Gid, isShared); who != "" {
		return fmt.Sprintf("%s has an ACL by which %s can write", path, who), nil
	}
	if mode&0o002 != 0 || len(list) == 0 && mode&0o020 != 0 && isShared {
		return fmt.Sprintf("%s has group %d and mode %04o", path, owner.Gid, mode.Perm()), nil
	}
	return "", nil
}

// rootGroupHasMembers reports whether the group of root has members that are not root.
var rootGroupHasMembers = sync.OnceValues(func() (bool, error) {
	group, err := accounts.LookUpGroup("0")
	if err != nil || group == nil {
		return false, err
	}
	return slices.ContainsFunc(group.Members, func(name string) bool { return name != "root" }), nil
})

// readACL returns the entries of a file's ACL; none where it has none.
func readACL(path string) ([]acl.Entry, error) {
	buffer := make([]byte, 64<<10) // XATTR_SIZE_MAX
	n, err := unix.Lgetxattr(path, acl.Attribute, buffer)
	switch err {
	case nil:
	case unix.ENODATA, unix.ENOTSUP, unix.ENOENT:
		return nil, nil
	default:
		return nil, &fs.PathError{Op: "read the ACL of", Path: path, Err: err}
	}
	return acl.Parse(buffer[:n]), nil
}

// aclWriters names the first user or group other than root's to which the ACL of a file of root's gives the permission to write. The group of the
// file counts where it isShared.
func aclWriters(list []acl.Entry, group uint32, isShared bool) string {
	mask := uint16(acl.Write)
	for _, e := range list {
		if e.Tag == acl.Mask {
			mask = e.Permissions
		}
	}
	for _, e := range list {
		if e.Permissions&mask&acl.Write == 0 {
			continue
		}
		switch {
		case e.Tag == acl.User && e.ID != 0:
			return fmt.Sprintf("user %d", e.ID)
		case e.Tag == acl.Group && e.ID != 0:
			return fmt.Sprintf("group %d", e.ID)
		case e.Tag == acl.GroupOwner && isShared:
			return fmt.Sprintf("group %d", group)
		}
	}
	return ""
}
