// Package atomicfile reads and replaces one file and makes one promise: whoever looks at the path finds the old file or the
// new one, whole, with its mode and owner, whatever fails and whenever the process is killed.
//
// # How
//
// The new file is written beside the old one, gets its owner and mode, is synced, closed and validated, and only then renamed
// over the path; then the directory is synced. Owner comes before mode, since chown(2) clears setuid bits.
//
// The temporary file is made with O_EXCL and mode 0600. Its name starts with a dot and holds a second one, so that sudo
// (sudoers(5), includedir: names that contain a dot are skipped) and systemd (no unit suffix) take no notice of it. It lies in
// the same directory because rename(2) works within one file system only, and because SELinux labels a file by its directory.
//
// The directory is opened once, and all is done in what was opened: a directory of the path that is exchanged meanwhile does not lead
// elsewhere.
//
// # What it does not promise
//
// A process that is killed before the rename leaves its temporary file. The new file is a new inode: hard links keep the old
// content, and file capabilities and other extended attributes than those named at Replacement are not carried over.
//
// Two writers at once do not mix. Runs of one user wait for each other (Lock); between others the comparison with Replacement.Found decides, and
// whoever writes in the moment between that and the rename loses. Without Found the last wins.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Links says what to do when the path is a symbolic link. Links in the directories above it are always followed.
type Links int

// What to do with a symbolic link.
const (
	Refuse Links = iota // it is an error
	Follow              // the file that it leads to is read or replaced, the link stays

	// FollowOwn is Follow for links that root or this user made. One that another user made, also one to a directory above the path, is followed
	// only to a file that its owner could replace; else Read returns the error Foreign. So whoever may make a link cannot have root change
	// for them what they cannot change themselves.
	FollowOwn
)

// unsynced is the one failure after which the change is there: the directory could not be synced, so the change might not outlive
// a power cut.
type unsynced struct{ error }

// Partial tells package ansible, and whoever else asks, that there is something to take back.
func (unsynced) Partial() bool { return true }

func (e unsynced) Unwrap() error { return e.error }

// Replacement is a file as it shall be.
type Replacement struct {
	Path     string
	Data     []byte
	Mode     fs.FileMode // permission bits and setuid, setgid, sticky; the umask does not matter
	UID, GID int
	ModTime  time.Time // zero: now
	Links    Links

	// Found is the file that was read to make this one of it. When it is given, the directory must still be the one that it was
	// found in: whoever owns a directory of the path could put a link in its place, and have root write elsewhere. The new file
	// gets its SELinux label, access list and user attributes. When Path is the file that was read, it is replaced only if it has not changed since.
	Found *File

	restores bool // Found is what the new file is to be, not what is there

	// Validate looks at the finished temporary file and returns an error to keep the old one. It may be nil.
	Validate func(temp string) error
}

// Replace makes Path the new file or, with an error, leaves the old one (or has a method Partial() bool: only the sync failed). It refuses to replace anything but
// a regular file. The directory must exist.
func Replace(r Replacement) error {
	at, err := r.locate()
	if err != nil {
		return err
	}
	defer at.dir.Close()
	if err := place(r, at); err != nil {
		return err
	}
	return at.dir.sync()
}

// locate opens the directory before the rename, after which nothing should fail, and checks whether the file can be replaced.
func (r Replacement) locate() (location, error) {
	at, err := locate(r.Path, r.Links)
	if err != nil {
		return location{}, err
	}
	_, err = at.exists(r.Path)
	if err == nil {
		err = r.checkDirectory(at.dir)
	}
	if err == nil {
		err = at.checkRename()
	}
	if err == nil {
		err = at.checkAccess()
	}
	if err != nil {
		return location{}, errors.Join(err, at.dir.Close())
	}
	return at, nil
}

func (r Replacement) checkDirectory(dir directory) error {
	if r.Found == nil {
		return nil
	}
	id, err := dir.identity()
	if err == nil && id != r.Found.directory {
		err = fmt.Errorf("%q is no longer the folder in which %q was found; hint: run again", dir.path, r.Found.Path)
	}
	return err
}

// Restore puts back what Read found at path, its owner, mode and time included: a file, or nothing.
func Restore(path string, found *File) error {
	if found == nil {
		return Remove(path)
	}
	return Replace(Replacement{Path: found.Path, Data: found.Data, Mode: found.Mode, UID: found.UID, GID: found.GID, ModTime: found.ModTime, Found: found, restores: true})
}

// checkUnchanged compares the file that is there with Found. It is the last thing before the rename: other users, who do not wait for the lock of this
// one, and editors could have written the file since it was read.
func (r Replacement) checkUnchanged(at location) error {
	if r.Found == nil || r.restores || at.name != filepath.Base(r.Found.Path) {
		return nil
	}
	now, err := at.read(maxFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !now.Is(r.Found.Data, r.Found.Mode, r.Found.UID, r.Found.GID) {
		return fmt.Errorf("%q was changed by somebody else since it was read; hint: run again", r.Path)
	}
	return nil
}

// place makes the temporary file and renames it, or removes it.
func place(r Replacement, at location) (err error) {
	dir, temp := at.dir, ".new."+rand.Text()
	f, err := dir.open(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	placed := false
	defer func() { // also when Validate panics
		if !placed {
			err = errors.Join(err, dir.remove(temp))
		}
	}()
	if err := fill(f, r); err != nil {
		return err
	}
	if r.Validate != nil {
		if err := r.Validate(filepath.Join(dir.path, temp)); err != nil {
			return err
		}
	}
	if err := r.checkUnchanged(at); err != nil {
		return err
	}
	err = dir.rename(temp, at.name)
	placed = err == nil
	return err
}

// fill finishes the temporary file and closes it in any case. Close may bring the error of an earlier write.
func fill(f *os.File, r Replacement) error {
	_, err := f.Write(r.Data)
	if err == nil {
		err = r.chown(f)
	}
	if err == nil && r.Found != nil {
		err = setAttributes(f, r.Found.attributes)
	}
	if err == nil {
		err = f.Chmod(r.Mode)
	}
	if err == nil && !r.ModTime.IsZero() {
		at := unix.NsecToTimeval(r.ModTime.UnixNano())
		err = unix.Futimes(int(f.Fd()), []unix.Timeval{at, at})
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// chown sets the owner of the temporary file. Its errors name the target file.
func (r Replacement) chown(f *os.File) error {
	if err := unix.Fchown(int(f.Fd()), r.UID, r.GID); err != nil {
		return HintUser(fmt.Errorf("%q: uid %d cannot set owner %d and group %d: %w", r.Path, os.Geteuid(), r.UID, r.GID, err))
	}
	return nil
}

// checkAccess returns an error if the directory is not writable (access(2)).
func (at location) checkAccess() error {
	err := unix.Faccessat(int(at.dir.Fd()), ".", unix.W_OK|unix.X_OK, 0)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%q cannot be written: directory %q: %w", at.path, at.dir.path, err)
	if errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%w; hint: mount it read-write (findmnt --target %s)", err, at.dir.path)
	}
	return HintUser(err)
}

// HintUser adds a hint (become, become_user) to a permission error. Root gets such errors on NFS (root_squash, exports(5)) and
// in a container without the capability.
func HintUser(err error) error {
	switch {
	case !errors.Is(err, fs.ErrPermission):
		return err
	case os.Geteuid() == 0:
		return fmt.Errorf("%w; hint: become_user: the owner of the file", err)
	}
	return fmt.Errorf("%w; hint: become: true", err)
}
