package systemdsidekiq

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// notesDir has the notes for later runs, until the next boot.
const notesDir = "/run/systemd_sidekiq/"

// The notes about a unit, by the suffix of their file.
const (
	// quietNote has the identity of a process that a run of this module made quiet before a restart.
	quietNote = ".quiet"
	// poolNote has the identity of a process and the pool with which it was started. The time of database.yml is not enough: a role that writes
	// the file on every run, after which db_pool raises the pool again, would restart the process each time.
	poolNote = ".pool"
)

// hasNote reports whether an earlier run left this note. One that cannot be read does not count.
func (h host) hasNote(unit, note, text string) bool {
	found, err := atomicfile.ReadIfThere(h.inRoot(notesDir + unit + note))
	return err == nil && string(found) == text
}

// note leaves a note for later runs.
func (h host) note(unit, note, text string) error {
	if h.hasNote(unit, note, text) {
		return nil
	}
	if err := os.MkdirAll(h.inRoot(notesDir), 0o755); err != nil {
		return err
	}
	return h.write(notesDir+unit+note, text, 0o644)
}

// forget removes the notes about a unit, and their directory with the last of all.
func (h host) forget(unit string) error {
	for _, file := range []string{notesDir + unit + poolNote, notesDir + unit + quietNote, notesDir} {
		if err := removeIfEmpty(h.inRoot(file)); err != nil {
			return err
		}
	}
	return nil
}

// removeIfEmpty removes a file or an empty directory, if it exists.
func removeIfEmpty(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}
