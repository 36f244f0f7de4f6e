package sudoersentry

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// patience is longer than any other run takes.
const patience = 2 * time.Minute

// lock lets one run at a time look at the folder and change it; it holds until this process ends, whatever ends it. A folder that is not
// there needs no lock.
func lock(folder string) error {
	fd, err := syscall.Open(folder, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: folder, Err: err}
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
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
