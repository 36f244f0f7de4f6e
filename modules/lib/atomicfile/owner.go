package atomicfile

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/acl"
)

// Foreign is the error of Read with FollowOwn for a file to which a link of another user leads who could not replace it.
type Foreign struct{ error }

func (e Foreign) Unwrap() error { return e.error }

// maker is a user who made a link that was followed.
type maker struct {
	uid    uint32
	link   string
	groups func() ([]uint32, error)
}

func newMaker(uid uint32, link string) maker {
	return maker{uid, link, sync.OnceValues(func() ([]uint32, error) {
		user, err := accounts.LookUpUser(strconv.Itoa(int(uid)))
		if err != nil || user == nil { // one who is not known has no groups
			return nil, err
		}
		return user.Groups()
	})}
}

func (m maker) foreign(target string) error {
	return Foreign{fmt.Errorf("%q is a link of uid %d to %q, which that user cannot replace", m.link, m.uid, target)}
}

// Rights to a directory, as in the bits of a mode.
const (
	maySearch = 1
	mayWrite  = 2
)

// checkOwner: whoever made a link that led here must be able to replace the file. They are when it is theirs, or when they may write to its
// directory and that is not one in which only owners may rename (the sticky bit, inode(7)). A hard link to the file of another user may have
// been made by the owner of the directory.
func (at location) checkOwner(file *os.File) error {
	if at.links != FollowOwn {
		return nil
	}
	var f, dir unix.Stat_t
	if err := errors.Join(unix.Fstat(int(file.Fd()), &f), unix.Fstat(int(at.dir.Fd()), &dir)); err != nil {
		return fmt.Errorf("stat %q: %w", file.Name(), err)
	}
	for _, m := range at.makers {
		isSticky := dir.Mode&unix.S_ISVTX != 0 && dir.Uid != m.uid
		may, err := m.may(at.dir.File, maySearch|mayWrite)
		if err != nil {
			return err
		}
		if f.Uid != m.uid && (isSticky || !may) {
			return m.foreign(file.Name())
		}
	}
	if f.Nlink > 1 && f.Uid != dir.Uid && dir.Uid != 0 && dir.Uid != uint32(os.Geteuid()) {
		return Foreign{fmt.Errorf("%q is a file of uid %d with %d hard links in a directory of uid %d", file.Name(), f.Uid, f.Nlink, dir.Uid)}
	}
	return nil
}

// may reports whether the user has all of the rights to a directory, by its owner, mode and access control list (path_resolution(7), acl(5)).
func (m maker) may(dir *os.File, rights uint16) (bool, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &s); err != nil {
		return false, &os.PathError{Op: "stat", Path: dir.Name(), Err: err}
	}
	if s.Uid == m.uid {
		return true, nil
	}
	mode := uint32(s.Mode)
	entries, err := readACL(dir)
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		entries = []acl.Entry{{Tag: acl.GroupOwner, Permissions: uint16(mode >> 3 & 7)}, {Tag: acl.Other, Permissions: uint16(mode & 7)}}
	}
	return m.granted(entries, s.Gid, rights)
}

// granted: an entry of the user decides, else those of the user's groups together, else that of all others.
func (m maker) granted(entries []acl.Entry, group uint32, rights uint16) (bool, error) {
	mask := uint16(7)
	var other bool
	byGroup := map[uint32]bool{}
	for _, e := range entries {
		switch e.Tag {
		case acl.Mask:
			mask = e.Permissions
		case acl.Other:
			other = e.Permissions&rights == rights
		}
	}
	for _, e := range entries {
		has := e.Permissions&mask&rights == rights
		switch {
		case e.Tag == acl.User && e.ID == m.uid:
			return has, nil
		case e.Tag == acl.GroupOwner:
			byGroup[group] = byGroup[group] || has
		case e.Tag == acl.Group:
			byGroup[e.ID] = byGroup[e.ID] || has
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(byGroup)), !other) {
		return other, nil // whatever the user's groups are
	}
	groups, err := m.groups()
	isMember := false
	for _, gid := range groups {
		has, listed := byGroup[gid]
		if has {
			return true, err
		}
		isMember = isMember || listed
	}
	return other && !isMember, err
}

// readACL returns the access control list of a directory; none where it has none.
func readACL(dir *os.File) ([]acl.Entry, error) {
	value, err := read(func(buffer []byte) (int, error) { return unix.Fgetxattr(int(dir.Fd()), acl.Attribute, buffer) })
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the access control list of %q: %w", dir.Name(), err)
	}
	return acl.Parse(value), nil
}
