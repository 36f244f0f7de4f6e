package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Check returns the error that Replace would return, without changing anything. It writes to an unnamed temporary file
// (O_TMPFILE, open(2)), which the kernel removes when it is closed: so owner, attributes and free space are tested as well. A
// file system such as NFS does not support O_TMPFILE; there, only Replace finds such errors. Validate is not called.
func Check(r Replacement) error {
	at, err := r.locate()
	if err != nil {
		return err
	}
	defer at.dir.Close()
	f, err := at.dir.open(".", unix.O_TMPFILE|os.O_RDWR, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	if err != nil {
		return err
	}
	return fill(f, r)
}

// checkRename returns the error with which rename(2) would fail after the temporary file is created: EPERM because of an
// attribute, with which the temporary file might not be removable either, or EBUSY because the file is a mount point.
func (at location) checkRename() error {
	for _, name := range []string{".", at.name} {
		if reason := at.dir.readOnlyAttribute(name); reason != nil {
			return fmt.Errorf("%q cannot be replaced: %w", at.path, reason)
		}
	}
	f, err := at.dir.open(at.name, unix.O_PATH, 0)
	if err != nil {
		return nil // there is no file to replace
	}
	defer f.Close()
	if mountID(f) != mountID(at.dir.File) {
		return fmt.Errorf("%q cannot be replaced: it is a mount point; hint: run this where it is mounted from (findmnt %s), or mount its directory instead", at.path, at.path)
	}
	return nil
}

// readOnlyAttribute returns an error if chattr(1) has made the file immutable or append-only. Not every kernel and file system
// reports this (statx(2)).
func (f directory) readOnlyAttribute(name string) error {
	var s unix.Statx_t
	if unix.Statx(int(f.Fd()), name, unix.AT_SYMLINK_NOFOLLOW, 0, &s) != nil {
		return nil
	}
	path := filepath.Join(f.path, name)
	switch {
	case s.Attributes&unix.STATX_ATTR_IMMUTABLE != 0:
		return fmt.Errorf("%q is immutable; hint: chattr -i %s", path, path)
	case s.Attributes&unix.STATX_ATTR_APPEND != 0:
		return fmt.Errorf("%q is append-only; hint: chattr -a %s", path, path)
	}
	return nil
}

// mountID returns the mount ID of an open file (proc_pid_fdinfo(5)), "" if /proc does not have it. STATX_ATTR_MOUNT_ROOT
// would require Linux 5.8.
func mountID(f *os.File) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd()))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if id, found := strings.CutPrefix(line, "mnt_id:"); found {
			return strings.TrimSpace(id)
		}
	}
	return ""
}
