package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
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
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	changes, err := f.compare(m)
	return changes, errors.Join(err, f.Close())
}

func (f folder) compare(m made) ([]change, error) {
	before, err := f.manifest()
	if err != nil {
		return nil, err
	}
	list, err := manifestOf(m.text)
	if err != nil {
		return nil, err
	}
	text, err := f.differing(m.text)
	if err != nil {
		return nil, err
	}
	for i, c := range text {
		text[i].edited = c.before != nil && sum(c.before) != before.Files[c.name]
	}
	stale, err := f.stale(before, m.text)
	if err != nil {
		return nil, err
	}
	binaries, err := f.differing(m.binaries)
	if err != nil {
		return nil, err
	}
	stubs, err := f.differing(m.stubs)
	if err != nil {
		return nil, err
	}
	stubs = slices.DeleteFunc(stubs, func(c change) bool { return c.before != nil })
	last, err := f.differing(map[string][]byte{manifestName: list})
	return slices.Concat(text, stale, binaries, stubs, last), err
}

// differing are the files that are not in the folder as they should be.
func (f folder) differing(files map[string][]byte) ([]change, error) {
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c := change{name: name, after: files[name]}
		var err error
		if c.before, err = f.read(name); err != nil {
			return nil, err
		}
		if c.before == nil || !bytes.Equal(c.before, c.after) {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// stale are the files that were generated once and are no more.
func (f folder) stale(before manifest, now map[string][]byte) ([]change, error) {
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(before.Files)) {
		if _, kept := now[name]; kept {
			continue
		}
		found, err := f.read(name)
		if err != nil {
			return nil, err
		}
		if found != nil {
			changes = append(changes, change{name: name, before: found, edited: sum(found) != before.Files[name]})
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

func (c change) do(f folder) error {
	if c.after == nil {
		return f.remove(c.name)
	}
	return f.write(c.name, c.after)
}

// doChanges brings dir up to date and tells what it did. Files that a person edited, or that were there before, are never overwritten
// without force: nothing is then.
func doChanges(dir string, changes []change, force bool) (done []change, err error) {
	if edited := editedNames(changes); len(edited) > 0 && !force {
		return nil, fmt.Errorf("%s: not overwritten, since not as they were generated: %s; hint: --force overwrites them, --diff shows how", dir, strings.Join(edited, ", "))
	}
	f, err := makeFolder(dir)
	if err != nil {
		return nil, err
	}
	for i, c := range changes {
		if err := c.do(f); err != nil {
			return changes[:i], errors.Join(err, f.Close())
		}
	}
	return changes, f.Close()
}

// writeOutput writes a text into a file and says so, or to standard output where none is named, or -.
func writeOutput(out io.Writer, file string, text []byte) error {
	if file == "" || file == "-" {
		_, err := out.Write(text)
		return err
	}
	file = filepath.Clean(file) // no folder becomes one with a file in it
	f, err := openFolder(filepath.Dir(file))
	if err != nil {
		return err
	}
	changes, err := f.differing(map[string][]byte{filepath.Base(file): text})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	said := "unchanged"
	for range changes {
		if err := writeFile(file, text); err != nil {
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
