//go:build linux

package killtest

import "golang.org/x/sys/unix"

// call is a system call that changes something. With a file descriptor it counts only if that is of a file or a directory.
type call struct {
	name string
	file int // the argument that is a file descriptor; -1: none
	path int // otherwise the argument that is a path
}

func onFile(name string) call         { return call{name, 0, 0} }
func onPath(name string, at int) call { return call{name, -1, at} }

// changes are the system calls that change something, by number. openat counts only with O_CREAT.
var changes = map[uint64]call{
	unix.SYS_WRITE: onFile("write"), unix.SYS_PWRITE64: onFile("pwrite64"), unix.SYS_WRITEV: onFile("writev"), unix.SYS_PWRITEV: onFile("pwritev"),
	unix.SYS_FTRUNCATE: onFile("ftruncate"), unix.SYS_FALLOCATE: onFile("fallocate"), unix.SYS_COPY_FILE_RANGE: {"copy_file_range", 2, 0}, unix.SYS_SENDFILE: onFile("sendfile"),
	unix.SYS_FSYNC: onFile("fsync"), unix.SYS_FDATASYNC: onFile("fdatasync"), unix.SYS_FCHMOD: onFile("fchmod"), unix.SYS_FCHOWN: onFile("fchown"),
	unix.SYS_FSETXATTR: onFile("fsetxattr"), unix.SYS_FREMOVEXATTR: onFile("fremovexattr"),
	unix.SYS_OPENAT: onPath("openat", 1), unix.SYS_MKDIRAT: onPath("mkdirat", 1), unix.SYS_MKNODAT: onPath("mknodat", 1), unix.SYS_UNLINKAT: onPath("unlinkat", 1),
	unix.SYS_RENAMEAT: onPath("renameat", 3), unix.SYS_RENAMEAT2: onPath("renameat2", 3), unix.SYS_LINKAT: onPath("linkat", 3), unix.SYS_SYMLINKAT: onPath("symlinkat", 2),
	unix.SYS_FCHMODAT: onPath("fchmodat", 1), unix.SYS_FCHMODAT2: onPath("fchmodat2", 1), unix.SYS_FCHOWNAT: onPath("fchownat", 1), unix.SYS_UTIMENSAT: onPath("utimensat", 1),
	unix.SYS_TRUNCATE: onPath("truncate", 0), unix.SYS_SETXATTR: onPath("setxattr", 0), unix.SYS_LSETXATTR: onPath("lsetxattr", 0),
	unix.SYS_REMOVEXATTR: onPath("removexattr", 0), unix.SYS_LREMOVEXATTR: onPath("lremovexattr", 0),
	unix.SYS_MOUNT: onPath("mount", 1), unix.SYS_UMOUNT2: onPath("umount2", 0),
}
