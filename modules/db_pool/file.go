package dbpool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/databaseyml"
)

// file is the database.yml that was found.
type file struct {
	path  string // as it was asked for
	found *atomicfile.File
}

// find is the first of paths that exists, nil when none does.
func find(paths []string) (*file, error) {
	for _, path := range paths {
		found, err := atomicfile.Read(path, atomicfile.Follow)
		if errors.Is(err, os.ErrNotExist) {
			continue // a link to a shared file that is not there yet
		}
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("%w; hint: become: true", err)
		}
		if err != nil {
			return nil, err
		}
		if found != nil {
			return &file{path, found}, nil
		}
	}
	return nil, nil
}

// change adds the step that writes what the edits have made of the file, if they changed it.
func (f *file) change(plan *ansible.Plan, wanted demand, edits []*databaseyml.Edit) error {
	text := edits[len(edits)-1].Text
	if bytes.Equal(text, f.found.Data) {
		return nil
	}
	if err := f.writable(); err != nil {
		return err
	}
	plan.Add(ansible.Step{
		Title: fmt.Sprintf("raise the pool to %d in %s", wanted.size, f.path),
		Diff:  &ansible.Diff{Prepared: f.diff(edits)},
		Do:    func(*ansible.Late) error { return f.replace(f.found.Data, text) },
		Undo:  func() error { return f.replace(text, f.found.Data) },
	})
	return nil
}

// writable tells beforehand, so also in check mode, whether the file can be replaced with its owner kept.
func (f *file) writable() error {
	const wanted = 3 // write and search, access(2)
	folder := filepath.Dir(f.found.Path)
	if err := syscall.Access(folder, wanted); err != nil {
		return fmt.Errorf("%q cannot be replaced, %s: %w; hint: become: true", f.found.Path, folder, err)
	}
	if uid := os.Geteuid(); uid != 0 && uid != f.found.UID {
		return fmt.Errorf("%q belongs to uid %d, which uid %d cannot keep; hint: become: true", f.found.Path, f.found.UID, uid)
	}
	return nil
}

// replace puts new in the place of old, unless somebody else has written the file meanwhile.
func (f *file) replace(old, new []byte) error {
	now, err := atomicfile.Read(f.path, atomicfile.Follow)
	if err != nil {
		return err
	}
	if now == nil || now.Path != f.found.Path || !bytes.Equal(now.Data, old) {
		return fmt.Errorf("%s was changed by somebody else meanwhile; hint: run again", f.path)
	}
	return atomicfile.Replace(atomicfile.Replacement{
		Path: now.Path, Data: new, Mode: now.Mode, UID: now.UID, GID: now.GID, Found: now,
	})
}

// diff shows the entries that change. Nothing else of their lines: there may be a password.
func (f *file) diff(edits []*databaseyml.Edit) string {
	var text strings.Builder
	fmt.Fprintf(&text, "--- before: %s\n+++ after: %s\n", f.path, f.path)
	for _, e := range edits {
		if !e.Changed() {
			continue
		}
		fmt.Fprintf(&text, "@@ line %d @@\n", e.Line)
		if e.Old != "" {
			fmt.Fprintf(&text, "-%s\n", e.Old)
		}
		fmt.Fprintf(&text, "+%s\n", e.New)
	}
	return text.String()
}
