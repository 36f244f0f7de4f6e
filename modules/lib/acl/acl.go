// Package acl reads POSIX access control lists (acl(5)) as the kernel stores them.
package acl

import "encoding/binary"

// Attribute is the extended attribute that holds the list of a file.
const Attribute = "system.posix_acl_access"

// Tags of entries, and the permission to write (linux/posix_acl.h, linux/posix_acl_xattr.h).
const (
	User       = 0x02
	GroupOwner = 0x04 // the group of the file
	Group      = 0x08
	Mask       = 0x10
	Other      = 0x20

	Write = 2
)

// Entry is one entry of a list.
type Entry struct {
	Tag, Permissions uint16
	ID               uint32 // of a User or a Group
}

// Parse returns the entries of the attribute's value.
func Parse(value []byte) []Entry {
	const version, size = 4, 8
	var all []Entry
	for at := version; at+size <= len(value); at += size {
		e := value[at : at+size]
		all = append(all, Entry{binary.LittleEndian.Uint16(e), binary.LittleEndian.Uint16(e[2:]), binary.LittleEndian.Uint32(e[4:])})
	}
	return all
}
