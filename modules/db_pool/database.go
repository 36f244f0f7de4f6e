package dbpool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// database is a database.yml.
type database struct {
	path     string // as the option has it
	links    atomicfile.Links
	file     *atomicfile.File
	unlocked error // why no lock keeps other runs of this user away
}

// lockTimeout is longer than any other run takes.
const lockTimeout = 2 * time.Minute

// findDatabase is the first of paths that exists, nil when none does. Other runs wait until this one has ended.
func findDatabase(paths []string, links atomicfile.Links) (*database, error) {
	for _, path := range paths {
		d := &database{path: path, links: links}
		if exists, err := d.open(); exists || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// open reads the file, then locks its directory and reads it again: a run that had the lock may have changed it.
func (d *database) open() (exists bool, err error) {
	if d.file, err = d.read(); err != nil || d.file == nil {
		return false, unreadable(err)
	}
	err = atomicfile.Lock(filepath.Dir(d.file.Path), lockTimeout)
	if errors.As(err, new(atomicfile.Unlocked)) {
		d.unlocked, err = err, nil
	}
	if err != nil {
		return false, err
	}
	d.file, err = d.read()
	return err == nil && d.file != nil, unreadable(err)
}

// unreadable is what an error of read means before the change. A link may lead to a shared file that does not exist yet.
func unreadable(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return atomicfile.HintUser(err)
}

// read returns nil where there is no file.
func (d *database) read() (*atomicfile.File, error) {
	file, err := atomicfile.ReadConfiguration(d.path, d.links)
	if errors.As(err, new(atomicfile.Foreign)) {
		err = fmt.Errorf("%w; hint: let root make the link, or set allow_foreign_links: true (sidekiq_database_allow_foreign_links: true in the role)", err)
	}
	return file, err
}

// checkWritable reports in check mode, too, whether the file can be replaced and its owner kept.
func (d *database) checkWritable() error {
	return atomicfile.Check(replacement(d.file.Path, d.file.Data, d.file))
}

// replace writes new in place of old, unless the file was changed since.
func (d *database) replace(old, new []byte) error {
	now, err := d.read()
	if err != nil {
		return err
	}
	if now == nil || now.Path != d.file.Path || !bytes.Equal(now.Data, old) {
		return fmt.Errorf("%s was changed by somebody else meanwhile; hint: run again", d.path)
	}
	return write(now.Path, new, now)
}

// write writes a file with the attributes of another one.
func write(path string, data []byte, like *atomicfile.File) error {
	return atomicfile.Replace(replacement(path, data, like))
}

func replacement(path string, data []byte, like *atomicfile.File) atomicfile.Replacement {
	return atomicfile.Replacement{Path: path, Data: data, Mode: like.Mode, UID: like.UID, GID: like.GID, Found: like}
}

// missingPaths lists paths that do not exist. For a symbolic link it adds the target, which may be mistyped.
func missingPaths(paths []string) string {
	var all []string
	for _, path := range paths {
		_, err := atomicfile.ReadConfiguration(path, atomicfile.Follow)
		if dangling := new(atomicfile.Dangling); errors.As(err, dangling) {
			path = fmt.Sprintf("%s (a symbolic link to %s)", path, dangling.Target)
		}
		all = append(all, path)
	}
	return strings.Join(all, " or ")
}
