// Package notes keeps notes about units for later runs, until the next boot.
package notes

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// Dir has the notes. Everybody may read them.
const Dir = "/run/systemd_sidekiq/"

// The kinds of notes about a unit: the suffixes of their files.
const (
	// Quiet is about a process that a run made quiet before a restart.
	Quiet = ".quiet"
	// Pool has the database pool with which a process was started. The time of database.yml is not enough: a role that writes the file on every
	// run, after which db_pool raises the pool again, would restart the process each time.
	Pool = ".pool"
	// Restart has the reason of a pending restart.
	Restart = ".restart"
	// Failed is about a unit file whose sandbox systemd could not set up.
	Failed = ".failed"
)

// Notes are those of a host. The value is its root directory, "/" except in tests.
type Notes string

func (n Notes) path(unit, kind string) string {
	return filepath.Join(string(n), Dir, unit+kind)
}

// Read returns the text of a note about a process of a unit (see systemd.State.Identity), or about its file. A note about another, or that cannot be
// read, does not count.
func (n Notes) Read(unit, kind, process string) (text string, isFound bool) {
	note, err := atomicfile.ReadIfThere(n.path(unit, kind))
	of, text, _ := strings.Cut(string(note), "\n")
	if err != nil || note == nil || of != process {
		return "", false
	}
	return text, true
}

// Write writes a note about a process of a unit.
func (n Notes) Write(unit, kind, process, text string) error {
	if now, isFound := n.Read(unit, kind, process); isFound && now == text {
		return nil
	}
	path := n.path(unit, kind)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Replace(atomicfile.Replacement{Path: path, Data: []byte(process + "\n" + text), Mode: 0o644})
}

// Remove removes one note about a unit.
func (n Notes) Remove(unit, kind string) error { return RemoveIfEmpty(n.path(unit, kind)) }

// Forget removes all notes about a unit, and their directory with the last of all.
func (n Notes) Forget(unit string) error {
	for _, kind := range []string{Pool, Quiet, Restart, Failed} {
		if err := n.Remove(unit, kind); err != nil {
			return err
		}
	}
	return RemoveIfEmpty(filepath.Join(string(n), Dir))
}

// RemoveIfEmpty removes a file or an empty directory, if it exists.
func RemoveIfEmpty(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}
