package sudoersentry

import (
	"fmt"
	"io/fs"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudo"
)

// mode is what sudo wants by default (sudoers(5), sudoers_mode); owner and group are root's.
const mode fs.FileMode = 0o440

// file is the file asked for and the one that is there.
type file struct {
	path  string
	text  string
	found *atomicfile.File // nil: none
	tools sudo.Tools
}

func (f file) isRight() bool {
	return f.found.Is([]byte(f.text), mode, 0, 0)
}

func attributesRight(found *atomicfile.File) bool {
	return found.Mode == mode && found.UID == 0 && found.GID == 0
}

func (f file) writeStep() ansible.Step {
	s := ansible.Step{Title: "write " + f.path, Diff: f.diff(f.text), Do: f.write, Undo: f.restore}
	if f.found != nil && string(f.found.Data) == f.text {
		s.Title = "set owner and mode of " + f.path
		s.Diff = &ansible.Diff{Prepared: fmt.Sprintf("-%s\n+%s (0:0 %04o)\n", header(f.path, f.found), f.path, mode)}
	}
	return s
}

func (f file) removeStep() ansible.Step {
	return ansible.Step{
		Title: "remove " + f.path,
		Diff:  f.diff(""),
		Do:    func(*ansible.Late) error { return atomicfile.Remove(f.path) },
		Undo:  f.restore,
	}
}

func (f file) restore() error { return atomicfile.Restore(f.path, f.found) }

func (f file) write(*ansible.Late) error {
	return atomicfile.Replace(atomicfile.Replacement{
		Path: f.path, Data: []byte(f.text), Mode: mode, Validate: f.tools.CheckFile,
	})
}

func (f file) diff(after string) *ansible.Diff {
	d := &ansible.Diff{After: after, BeforeHeader: f.path, AfterHeader: f.path}
	if f.found != nil {
		d.Before, d.BeforeHeader = string(f.found.Data), header(f.path, f.found)
	}
	return d
}

// header tells owner and mode where they are wrong.
func header(path string, found *atomicfile.File) string {
	if attributesRight(found) {
		return path
	}
	return fmt.Sprintf("%s (%d:%d %04o)", path, found.UID, found.GID, octal(found.Mode))
}

// octal has the setuid, setgid and sticky bits where chmod(1) has them.
func octal(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}
