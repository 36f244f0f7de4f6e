package sudo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// ErrOldFault marks a fault that the policy of the host has without the new file, too.
var ErrOldFault = errors.New("the sudo policy of this host has a fault of its own")

// policy is where a sudo reads its rules.
type policy struct {
	main string // the file it starts with
	dir  string // the directory of further files
}

// policy returns the policy of the host.
func (t Tools) policy() policy { return t.policyIn("/etc") }

// policyIn returns the policy whose main file is in a directory. sudo-rs prefers sudoers-rs
// (src/sudo/mod.rs).
func (t Tools) policyIn(etc string) policy {
	p := policy{main: filepath.Join(etc, "sudoers"), dir: sudoers.Dir}
	own := filepath.Join(etc, "sudoers-rs")
	if _, err := os.Stat(own); err == nil && t.IsRs() {
		p.main = own
	}
	return p
}

// CheckDirectory checks whether sudo reads the files in sudoers.Dir at all: its main file, or one that this includes, has to include the
// directory, and nobody but root may write there.
func (t Tools) CheckDirectory() error { return t.policy().checkDirectory() }

func (p policy) checkDirectory() error {
	info, err := os.Stat(p.dir)
	if err != nil {
		return fmt.Errorf("sudo has no folder for further files: %w; hint: make it, and include it in %s", err, p.main)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 0 || writableByOthers(info) {
		return fmt.Errorf("sudo ignores the files in %s: it has owner %d:%d and mode %04o; hint: chown root:root %s && chmod 0755 %s",
			p.dir, owner.Uid, owner.Gid, info.Mode().Perm(), p.dir, p.dir)
	}
	included, err := p.includes(p.main, map[string]bool{})
	if err == nil && !included {
		err = fmt.Errorf("sudo does not read %s: no line of %s includes it; hint: add the line #includedir %s at its end", p.dir, p.main, p.dir)
	}
	return err
}

// writableByOthers reports whether the mode lets others than the owner write, the group of root apart, as sudo judges its own files.
func writableByOthers(info fs.FileInfo) bool {
	return info.Mode()&0o002 != 0 || info.Mode()&0o020 != 0 && info.Sys().(*syscall.Stat_t).Gid != 0
}

// includes reports whether file, or one that it includes, includes the directory. Files with a %h in their name are not looked into.
func (p policy) includes(file string, seen map[string]bool) (bool, error) {
	if seen[file] {
		return false, nil
	}
	seen[file] = true
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && len(seen) > 1 {
		return false, nil // visudo will say so
	}
	if err != nil {
		return false, err
	}
	for _, m := range include().FindAllStringSubmatch(string(text), -1) {
		path := absolute(m[2], filepath.Dir(file))
		found := path == p.dir
		if !found && !strings.Contains(m[1], "includedir") {
			found, err = p.includes(path, seen)
		}
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// CheckPolicy has visudo parse the whole policy of the host as it would be with text in the file name, in a copy, so that nothing is
// published that cannot stay. A fault that is there without text as well is marked ErrOldFault.
//
// visudo gets a copy of all files in a directory that only root may enter, never standard input, which sudo-rs before 0.2.13 cannot read.
func (t Tools) CheckPolicy(name sudoers.FileName, text string) error {
	return t.checkPolicy(t.policy(), name, text)
}

func (t Tools) checkPolicy(p policy, name sudoers.FileName, text string) (err error) {
	c, err := p.copy(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Dir(c.main))) }()
	candidate := filepath.Join(c.dir, name.String())
	if err := os.WriteFile(candidate, []byte(text), 0o600); err != nil {
		return err
	}
	faults, fault := t.checkCopy(p, c)
	if fault == nil {
		return nil
	}
	if err := os.Remove(candidate); err != nil {
		return err
	}
	oldFaults, old := t.checkCopy(p, c)
	// visudo names every file, whether it finds fault with it or not.
	isNew := func(line string) bool {
		return !slices.Contains(oldFaults, line) && !strings.HasSuffix(line, ": parsed OK")
	}
	if old != nil && !slices.ContainsFunc(faults, isNew) {
		return fmt.Errorf("%w: %w", ErrOldFault, old)
	}
	return fault
}

// checkCopy returns visudo's complaints, a line each, and all in one error, with the paths of the host.
func (t Tools) checkCopy(p, c policy) ([]string, error) {
	out, err := run(t.visudo, "-c", "-f", c.main)
	if err == nil {
		return nil, nil
	}
	out = strings.NewReplacer(c.dir, p.dir, c.main, p.main).Replace(out)
	return strings.Split(out, "\n"), fmt.Errorf("visudo refuses the whole policy: %w%s", err, quote(out))
}

// copy makes one without the file name, in a new directory.
func (p policy) copy(name sudoers.FileName) (policy, error) {
	root, err := os.MkdirTemp("", "sudoers-")
	if err != nil {
		return policy{}, err
	}
	c := policy{main: filepath.Join(root, "sudoers"), dir: filepath.Join(root, "sudoers.d")}
	err = os.Mkdir(c.dir, 0o700)
	if err == nil {
		err = p.copyFile(p.main, c.main, c)
	}
	if err == nil {
		err = p.copyDir(c, name)
	}
	if err != nil {
		return policy{}, errors.Join(err, os.RemoveAll(root))
	}
	return c, nil
}

// copyDir copies what sudo would read: names without a dot and no `~` at the end, regular files or links to such.
func (p policy) copyDir(c policy, except sudoers.FileName) error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(p.dir, e.Name())
		if name == except.String() || strings.Contains(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a link to nothing
		}
		if err == nil && info.Mode().IsRegular() {
			err = p.copyFile(path, filepath.Join(c.dir, name), c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p policy) copyFile(from, to string, c policy) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, []byte(p.relocate(string(text), filepath.Dir(from), c)), 0o600)
}

// include matches @include, @includedir and their old spelling with `#`: what stands before the path, the path, the rest.
var include = lazyregexp.New(`(?m)^([ \t]*[#@]include(?:dir)?[ \t]+"?)([^" \t\n]+)("?[ \t]*(?:#.*)?)$`)

// relocate lets includes of the policy's directory lead into the copy, and makes those relative to the file's own directory absolute, which
// would else be looked for beside the copy.
func (p policy) relocate(text, dir string, c policy) string {
	return include().ReplaceAllStringFunc(text, func(line string) string {
		m := include().FindStringSubmatch(line)
		path := absolute(m[2], dir)
		if path == p.dir {
			path = c.dir
		}
		return m[1] + path + m[3]
	})
}

// absolute resolves the path of an include as sudo does: from the directory of the file that has it.
func absolute(path, dir string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path)
}
