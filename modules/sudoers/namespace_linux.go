package sudoers

import (
	"fmt"
	"syscall"
)

// ownNamespace gives this thread a mount namespace of its own, of which nothing comes out.
func ownNamespace() error {
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	return mounted(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
}

// mountEmpty lays an empty folder over another.
func mountEmpty(dir string) error {
	return mounted(syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, ""))
}

// mountOver lays a file over another.
func mountOver(target, file string) error {
	return syscall.Mount(file, target, "", syscall.MS_BIND, "")
}

func mounted(err error) error {
	if err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}
