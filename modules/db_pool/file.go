package dbpool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
)

// file is the database.yml that was found.
type file struct {
	path     string // as it was asked for
	links    atomicfile.Links
	found    *atomicfile.File
	unlocked error // why no lock keeps other runs of this user away
}

// lockTimeout is longer than any other run takes.
const lockTimeout = 2 * time.Minute

// hintBecome adds the hint to run as root, for any other user.
func hintBecome(err error, uid int) error {
	if uid == 0 {
		return err
	}
	return fmt.Errorf("%w; hint: become: true", err)
}

// find is the first of paths that exists, nil when none does. Other runs wait until this one has ended.
func find(paths []string, links atomicfile.Links) (*file, error) {
	for _, path := range paths {
		f := &file{path: path, links: links}
		var err error
		if f.found, err = f.read(); err == nil && f.found != nil {
			err = atomicfile.Lock(filepath.Dir(f.found.Path), lockTimeout)
			if errors.As(err, new(atomicfile.Unlocked)) {
				f.unlocked, err = err, nil
			}
			if err != nil {
				return nil, err
			}
			f.found, err = f.read()
		}
		if errors.Is(err, os.ErrNotExist) {
			continue // a link to a shared file that is not there yet
		}
		if errors.Is(err, os.ErrPermission) {
			return nil, hintBecome(err, os.Geteuid())
		}
		if err != nil {
			return nil, err
		}
		if f.found != nil {
			return f, nil
		}
	}
	return nil, nil
}

// read returns nil where there is no file.
func (f *file) read() (*atomicfile.File, error) {
	found, err := atomicfile.ReadConfiguration(f.path, f.links)
	if errors.As(err, new(atomicfile.Foreign)) {
		err = fmt.Errorf("%w; hint: let root make the link, or set allow_foreign_links: true (sidekiq_database_allow_foreign_links: true in the role)", err)
	}
	return found, err
}

// change adds the steps that write what the edits have made of the file, if they changed it.
func (f *file) change(plan *ansible.Plan, p *Params, wanted connections.Wanted, result *databaseyml.Result) error {
	if !result.Changed() {
		return nil
	}
	if err := f.writable(); err != nil {
		return err
	}
	if p.Backup {
		f.backup(plan)
	}
	verb := "raise"
	if p.AllowLower {
		verb = "set"
	}
	plan.Add(ansible.Step{
		Title: fmt.Sprintf("%s the pool to %d in %s", verb, wanted.Size, f.path),
		Diff:  &ansible.Diff{Prepared: f.diff(result.Edits)},
		Do:    func(*ansible.Late) error { return f.replace(f.found.Data, result.Text) },
		Undo:  func() error { return f.replace(result.Text, f.found.Data) },
	})
	return nil
}

// backup adds the step that keeps the file as it was beside it, under the name that Ansible's own modules give.
func (f *file) backup(plan *ansible.Plan) {
	path := fmt.Sprintf("%s.%d.%s~", f.found.Path, os.Getpid(), time.Now().Format("2006-01-02@15:04:05"))
	plan.Add(ansible.Step{
		Title: "keep the file as it was in " + path,
		Do: func(late *ansible.Late) error {
			late.Set("backup_file", path)
			return atomicfile.Replace(atomicfile.Replacement{
				Path: path, Data: f.found.Data, Mode: f.found.Mode, UID: f.found.UID, GID: f.found.GID, Found: f.found,
			})
		},
		Undo: func() error { return atomicfile.Remove(path) },
	})
}

// writable tells beforehand, so also in check mode, whether the file can be replaced with its owner kept.
func (f *file) writable() error {
	const wanted = 3 // write and search, access(2)
	folder := filepath.Dir(f.found.Path)
	if err := syscall.Access(folder, wanted); err != nil {
		return hintBecome(fmt.Errorf("%q cannot be replaced, %s: %w", f.found.Path, folder, err), os.Geteuid())
	}
	if uid := os.Geteuid(); uid != 0 && uid != f.found.UID {
		return fmt.Errorf("%q belongs to uid %d, which uid %d cannot keep; hint: become: true", f.found.Path, f.found.UID, uid)
	}
	return nil
}

// replace puts new in the place of old, unless somebody else has written the file meanwhile.
func (f *file) replace(old, new []byte) error {
	now, err := f.read()
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
func (f *file) diff(edits []databaseyml.Edit) string {
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
