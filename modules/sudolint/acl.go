package sudolint

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/accounts"
)

// Tags of entries of a POSIX ACL, as the kernel stores it (linux/posix_acl.h), and the permission to write.
const (
	aclUser, aclGroupOwner, aclGroup, aclMask, aclOther = 0x02, 0x04, 0x08, 0x10, 0x20
	aclWrite                                            = 2
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
	acl, err := readACL(path)
	if err != nil {
		return "", err
	}
	isShared := owner.Gid != 0
	if !isShared && mode&0o020 != 0 {
		if isShared, err = rootGroupHasMembers(); err != nil {
			return "", err
		}
	}
	if who := aclWriters(acl, owner.Gid, isShared); who != "" {
		return fmt.Sprintf("%s has an ACL by which %s can write", path, who), nil
	}
	if mode&0o002 != 0 || len(acl) == 0 && mode&0o020 != 0 && isShared {
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

// aclEntry is one entry of an ACL.
type aclEntry struct {
	tag, permissions uint16
	id               uint32
}

// readACL returns the entries of a file's ACL; none where it has none.
func readACL(path string) ([]aclEntry, error) {
	buffer := make([]byte, 64<<10) // XATTR_SIZE_MAX
	n, err := unix.Lgetxattr(path, "system.posix_acl_access", buffer)
	switch err {
	case nil:
	case unix.ENODATA, unix.ENOTSUP, unix.ENOENT:
		return nil, nil
	default:
		return nil, &fs.PathError{Op: "read the ACL of", Path: path, Err: err}
	}
	var all []aclEntry
	const version, size = 4, 8
	for at := version; at+size <= n; at += size {
		entry := buffer[at : at+size]
		all = append(all, aclEntry{
			binary.LittleEndian.Uint16(entry), binary.LittleEndian.Uint16(entry[2:]), binary.LittleEndian.Uint32(entry[4:]),
		})
	}
	return all, nil
}

// aclWriters names the first user or group other than root's to which the ACL of a file of root's gives the permission to write. The group of the
// file counts where it isShared.
func aclWriters(acl []aclEntry, group uint32, isShared bool) string {
	mask := uint16(aclWrite)
	for _, e := range acl {
		if e.tag == aclMask {
			mask = e.permissions
		}
	}
	for _, e := range acl {
		if e.permissions&mask&aclWrite == 0 {
			continue
		}
		switch {
		case e.tag == aclUser && e.id != 0:
			return fmt.Sprintf("user %d", e.id)
		case e.tag == aclGroup && e.id != 0:
			return fmt.Sprintf("group %d", e.id)
		case e.tag == aclGroupOwner && isShared:
			return fmt.Sprintf("group %d", group)
		}
	}
	return ""
}
