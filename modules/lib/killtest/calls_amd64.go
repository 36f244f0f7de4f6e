package killtest

import (
	"maps"

	"golang.org/x/sys/unix"
)

// Calls without a directory descriptor, which newer architectures do not have.
func init() {
	maps.Copy(changes, map[uint64]call{
		unix.SYS_MKDIR: onPath("mkdir", 0), unix.SYS_RMDIR: onPath("rmdir", 0),
		unix.SYS_UNLINK: onPath("unlink", 0), unix.SYS_RENAME: onPath("rename", 1), unix.SYS_LINK: onPath("link", 1), unix.SYS_SYMLINK: onPath("symlink", 1),
		unix.SYS_CHMOD: onPath("chmod", 0), unix.SYS_CHOWN: onPath("chown", 0), unix.SYS_LCHOWN: onPath("lchown", 0), unix.SYS_UTIMES: onPath("utimes", 0),
	})
}
