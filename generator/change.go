package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
)

// made is what a package consists of, by paths.
type made struct {
	text     map[string][]byte // what the manifest lists
	binaries map[string][]byte
	stubs    map[string][]byte // written where they are missing, and never again
}

// change is one file that would become another, be new (before is nil) or go (after is nil).
type change struct {
	name          string
	before, after []byte
	edited        bool // by a person, since it was generated
}

// compare tells what would change in dir, in the order in which it is done: the manifest last, so that a run that is broken off leaves no
// file that looks edited. It only reads.
func compare(dir string, m made) ([]change, error) {
	before, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	list, err := manifestOf(m.text)
	if err != nil {
		return nil, err
	}
	text, err := differing(dir, m.text)
	if err != nil {
		return nil, err
	}
	for i, c := range text {
		text[i].edited = c.before != nil && sum(c.before) != before.Files[c.name]
	}
	stale, err := staleFiles(dir, before, m.text)
	if err != nil {
		return nil, err
	}
	binaries, err := differing(dir, m.binaries)
	if err != nil {
		return nil, err
	}
	stubs, err := differing(dir, m.stubs)
	if err != nil {
		return nil, err
	}
	stubs = slices.DeleteFunc(stubs, func(c change) bool { return c.before != nil })
	last, err := differing(dir, map[string][]byte{manifestName: list})
	return slices.Concat(text, stale, binaries, stubs, last), err
}

// differing are the files that are not in dir as they should be.
func differing(dir string, files map[string][]byte) ([]change, error) {
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c := change{name: name, after: files[name]}
		found, err := atomicfile.Read(filepath.Join(dir, name), atomicfile.Refuse)
		if err != nil {
			return nil, err
		}
		if found != nil {
			c.before = found.Data
			if bytes.Equal(c.before, c.after) {
				continue
			}
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// staleFiles are those that were generated once and are no more.
func staleFiles(dir string, before manifest, now map[string][]byte) ([]change, error) {
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(before.Files)) {
		if _, kept := now[name]; kept {
			continue
		}
		found, err := atomicfile.Read(filepath.Join(dir, name), atomicfile.Refuse)
		if err != nil {
			return nil, err
		}
		if found != nil {
			changes = append(changes, change{name: name, before: found.Data, edited: sum(found.Data) != before.Files[name]})
		}
	}
	return changes, nil
}

// editedNames are the files that only --force may touch.
func editedNames(changes []change) (names []string) {
	for _, c := range changes {
		if c.edited {
			names = append(names, c.name)
		}
	}
	return names
}

func (c change) do(dir string) error {
	if c.after == nil {
		return removeFile(dir, c.name)
	}
	return writeFile(filepath.Join(dir, c.name), c.after)
}

func writeFile(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return atomicfile.Replace(atomicfile.Replacement{Path: name, Data: text, Mode: 0o644, UID: os.Getuid(), GID: os.Getgid()})
}

// removeFile removes a file and the folders in dir that hold nothing else.
func removeFile(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		return err
	}
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil || len(entries) > 0 {
			return err
		}
		if err := os.Remove(filepath.Join(dir, folder)); err != nil {
			return err
		}
	}
	return nil
}

// doChanges brings dir up to date and tells what it did. Files that a person edited, or that were there before, are never overwritten
// without force: nothing is then.
func doChanges(dir string, changes []change, force bool) (done []change, err error) {
	if edited := editedNames(changes); len(edited) > 0 && !force {
		return nil, fmt.Errorf("%s: not overwritten, since not as they were generated: %s; hint: --force overwrites them, --diff shows how", dir, strings.Join(edited, ", "))
	}
	for i, c := range changes {
		if err := c.do(dir); err != nil {
			return changes[:i], err
		}
	}
	return changes, nil
}

// writeOutput writes a text into a file and says so, or to standard output where none is named, or -.
func writeOutput(out io.Writer, file string, text []byte) error {
	if file == "" || file == "-" {
		_, err := out.Write(text)
		return err
	}
	file = filepath.Clean(file) // no folder becomes one with a file in it
	changes, err := differing(filepath.Dir(file), map[string][]byte{filepath.Base(file): text})
	if err != nil {
		return err
	}
	said := "unchanged"
	for _, c := range changes {
		if err := c.do(filepath.Dir(file)); err != nil {
			return err
		}
		said = "wrote " + file
	}
	_, err = fmt.Fprintln(out, said)
	return err
}

// String says what is done.
func (c change) String() string {
	if c.after == nil {
		return "removed " + c.name
	}
	return "wrote " + c.name
}

// would says what is not done yet.
func (c change) would(force bool) string {
	switch {
	case c.edited && !force:
		return "would not overwrite without --force: " + c.name
	case c.after == nil:
		return "would remove " + c.name
	}
	return "would write " + c.name
}

// isBinary tells what no terminal should show, as git does.
func isBinary(data []byte) bool { return bytes.IndexByte(data, 0) >= 0 }

// diff shows a change as a patch has it. The manifest and binaries are for programs.
func (c change) diff() []byte {
	switch {
	case c.name == manifestName:
		return nil
	case isBinary(c.before) || isBinary(c.after):
		return []byte("Binary file " + c.name + " differs\n")
	}
	from, to := "a/"+c.name, "b/"+c.name
	if c.before == nil {
		from = "/dev/null"
	}
	if c.after == nil {
		to = "/dev/null"
	}
	return diff.Diff(from, c.before, to, c.after)
}
