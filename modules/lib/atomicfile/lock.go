package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// rootLocks is where root keeps its lock files. Nobody else can make it, or enter it and hold a lock there.
var rootLocks = "/run/ansible-sidekiq-lock"

// held are the lock files that this process has locked: the kernel would let it wait for itself.
var held = map[string]bool{}

// Unlocked is the error of Lock for a user other than root who has no directory for lock files. It is reason for a warning: the comparison in
// Replace still protects what another run has written.
type Unlocked struct{ error }

func (e Unlocked) Unwrap() error { return e.error }

// Lock lets one run of a user at a time read a directory and change what is in it. It holds until this process ends, whatever ends it. When
// another run still has the lock after lockTimeout, that is an error. A directory that does not exist, or that this user cannot reach, needs no
// lock.
//
// What is locked is a file of the user's own, named by device and inode of the directory: the directory itself can be locked by whoever may read
// it (flock(2)), for as long as they like. So runs of different users do not wait for each other. Lock files are never removed: a run that waits
// for one that is removed would get its lock beside a run that makes the file anew.
func Lock(dir string, lockTimeout time.Duration) error {
	var s unix.Stat_t
	err := unix.Stat(dir, &s)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	file, err := openLock(fmt.Sprintf("%d-%d", s.Dev, s.Ino))
	if err != nil {
		return err
	}
	if held[file.Name()] {
		return file.Close()
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			held[file.Name()] = true
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return &fs.PathError{Op: "flock", Path: file.Name(), Err: err}
		}
		if time.Since(start) > lockTimeout {
			return fmt.Errorf("%q was locked by another run for %v; hint: find it with fuser -v %s, and run again", dir, lockTimeout, file.Name())
		}
	}
}

// openLock opens a lock file in the first directory where this user can keep one.
func openLock(name string) (*os.File, error) {
	if os.Geteuid() == 0 {
		file, err := openLockIn(rootLocks, name)
		if errors.Is(err, unix.EROFS) { // for example in a container without systemd
			err = fmt.Errorf("%w; hint: mount a tmpfs at /run", err)
		}
		return file, err
	}
	fault := errors.New("neither XDG_RUNTIME_DIR nor HOME is set")
	for _, dir := range userLocks() {
		file, err := openLockIn(dir, name)
		if err == nil {
			return file, nil
		}
		fault = err
	}
	return nil, Unlocked{fmt.Errorf("no lock keeps this run and others apart: %w; hint: set HOME to the home directory of the user", fault)}
}

func userLocks() []string {
	var dirs []string
	for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), filepath.Join(os.Getenv("HOME"), ".cache")} {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, filepath.Join(dir, "ansible-sidekiq-lock"))
		}
	}
	return dirs
}

// openLockIn opens a lock file in a directory, which it makes if it does not exist.
func openLockIn(dir, name string) (*os.File, error) {
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	locks, err := openPrivate(dir)
	if err != nil {
		return nil, err
	}
	defer locks.Close()
	return locks.open(name, os.O_RDWR|os.O_CREATE, 0o600)
}

// openPrivate opens a directory that belongs to this user and that nobody else can enter. A link is not followed.
func openPrivate(dir string) (directory, error) {
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return directory{}, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	f := directory{os.NewFile(uintptr(fd), dir), dir}
	var s unix.Stat_t
	err = unix.Fstat(fd, &s)
	if err == nil && (int(s.Uid) != os.Geteuid() || s.Mode&0o077 != 0) {
		err = fmt.Errorf("%q belongs to uid %d and has mode %04o; accepted: a directory of uid %d that nobody else can enter; hint: remove it",
			dir, s.Uid, s.Mode&0o7777, os.Geteuid())
	}
	if err != nil {
		return directory{}, errors.Join(err, f.Close())
	}
	return f, nil
}
