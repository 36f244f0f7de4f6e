package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// held are the folders that this process has locked: the kernel would let it wait for itself.
var held = map[string]bool{}

// Lock lets one run at a time look at a folder and change what is in it; it holds until this process ends, whatever ends it, or until
// patience is at an end, which is an error. A folder that is not there, or that this user may not read, needs no lock.
func Lock(folder string, patience time.Duration) error {
	if held[folder] {
		return nil
	}
	fd, err := syscall.Open(folder, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: folder, Err: err}
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			held[folder] = true
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return &fs.PathError{Op: "flock", Path: folder, Err: err}
		}
		if time.Since(start) > patience {
			return fmt.Errorf("%s was locked by another process for %v; hint: see who with fuser -v %s, and run again", folder, patience, folder)
		}
	}
}
