package sudoers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ErrOldFault marks a fault that the policy of the host has without the new file, too.
var ErrOldFault = errors.New("the sudo policy of this host has a fault of its own")

// policy is where a sudo reads its rules.
type policy struct {
	main string // the file it starts with
	dir  string // the folder of further files
}

// policy returns the host's. sudo-rs prefers a main file of its own (src/sudo/mod.rs).
func (t Tools) policy() (policy, error) {
	p := policy{main: "/etc/sudoers", dir: Dir}
	version, err := run(t.sudo, "--version")
	if err != nil {
		return p, fmt.Errorf("%s does not tell its version: %w%s", t.sudo, err, quote(version))
	}
	if _, err := os.Stat("/etc/sudoers-rs"); err == nil && strings.HasPrefix(version, "sudo-rs") {
		p.main = "/etc/sudoers-rs"
	}
	return p, nil
}

// CheckPolicy has visudo parse the whole policy of the host as it would be with text in the file name, in a copy, so that nothing is
// published that cannot stay. A fault that is there without text as well is marked ErrOldFault.
//
// visudo gets a copy of all files in a folder that only root may enter, never standard input, which sudo-rs before 0.2.13 cannot read.
func (t Tools) CheckPolicy(name FileName, text string) error {
	p, err := t.policy()
	if err != nil {
		return err
	}
	return t.checkPolicy(p, name, text)
}

func (t Tools) checkPolicy(p policy, name FileName, text string) (err error) {
	tree, err := p.copy(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tree.root)) }()
	candidate := filepath.Join(tree.dir, name.String())
	if err := os.WriteFile(candidate, []byte(text), 0o600); err != nil {
		return err
	}
	fault := t.checkTree(p, tree)
	if fault == nil {
		return nil
	}
	if err := os.Remove(candidate); err != nil {
		return err
	}
	if old := t.checkTree(p, tree); old != nil {
		return fmt.Errorf("%w: %w", ErrOldFault, old)
	}
	return fault
}

// checkTree words visudo's complaints with the paths of the host.
func (t Tools) checkTree(p policy, c tree) error {
	out, err := run(t.visudo, "-c", "-f", c.main)
	if err == nil {
		return nil
	}
	out = strings.NewReplacer(c.dir, p.dir, c.main, p.main).Replace(out)
	return fmt.Errorf("visudo refuses the whole policy: %w%s", err, quote(out))
}

// tree is a copy of a policy.
type tree struct {
	root string // what to remove in the end
	policy
}

// copy makes a tree without the file name.
func (p policy) copy(name FileName) (tree, error) {
	root, err := os.MkdirTemp("", "sudoers-")
	if err != nil {
		return tree{}, err
	}
	c := tree{root: root, policy: policy{main: filepath.Join(root, "sudoers"), dir: filepath.Join(root, "sudoers.d")}}
	err = os.Mkdir(c.dir, 0o700)
	if err == nil {
		err = p.copyFile(p.main, c.main, c)
	}
	if err == nil {
		err = p.copyDir(c, name)
	}
	if err != nil {
		return tree{}, errors.Join(err, os.RemoveAll(root))
	}
	return c, nil
}

// copyDir copies what sudo would read: names without a dot and no `~` at the end, regular files or links to such.
func (p policy) copyDir(c tree, except FileName) error {
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

func (p policy) copyFile(from, to string, c tree) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, []byte(p.relocate(string(text), filepath.Dir(from), c)), 0o600)
}

// include matches @include, @includedir and their old spelling with `#`: what stands before the path, the path, the rest.
var include = regexp.MustCompile(`(?m)^([ \t]*[#@]include(?:dir)?[ \t]+"?)([^" \t\n]+)("?[ \t]*(?:#.*)?)$`)

// relocate lets includes of the policy's folder lead into the copy, and makes those relative to the file's own folder absolute, which
// would else be looked for beside the copy.
func (p policy) relocate(text, folder string, c tree) string {
	return include.ReplaceAllStringFunc(text, func(line string) string {
		m := include.FindStringSubmatch(line)
		path := m[2]
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		if filepath.Clean(path) == p.dir {
			path = c.dir
		}
		return m[1] + path + m[3]
	})
}
