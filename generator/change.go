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

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// made is what a package consists of, by paths.
type made struct {
	text     map[string][]byte // what the manifest lists
	binaries map[string][]byte
	stubs    map[string][]byte // written where they are missing, and never again
}

// change is one file that would change, be new (before is nil) or be removed (after is nil).
type change struct {
	name          string
	before, after []byte
	edited        bool // by a person, since it was generated
}

// compare lists what would change in dir, in the order in which it is done: the manifest last, so that an interrupted run leaves
// no file that looks edited. It only reads.
func compare(dir string, m made) (changes []change, err error) {
	f, err := openDirectory(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	old, err := f.manifest()
	if err != nil {
		return nil, err
	}
	list, err := manifestOf(m.text)
	if err != nil {
		return nil, err
	}
	text := map[string][]byte{} // nil for what is no longer generated
	for name := range old.Files {
		text[name] = nil
	}
	maps.Copy(text, m.text)
	for _, files := range []map[string][]byte{text, m.binaries, m.stubs, {manifestName: list}} {
		some, err := f.differing(files)
		if err != nil {
			return nil, err
		}
		changes = append(changes, some...)
	}
	for i, c := range changes {
		_, is := text[c.name]
		changes[i].edited = is && c.before != nil && sum(c.before) != old.Files[c.name]
	}
	return slices.DeleteFunc(changes, func(c change) bool { return m.stubs[c.name] != nil && c.before != nil }), nil
}

// differing lists the files that are not in the directory as they should be.
func (d directory) differing(files map[string][]byte) ([]change, error) {
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(files)) {
		before, err := d.read(name)
		if err != nil {
			return nil, err
		}
		if after := files[name]; (before == nil) != (after == nil) || !bytes.Equal(before, after) {
			changes = append(changes, change{name: name, before: before, after: after})
		}
	}
	return changes, nil
}

func (c change) do(d directory) error {
	if c.after == nil {
		return d.remove(c.name)
	}
	return d.write(c.name, c.after)
}

// doChanges writes and removes the files, and returns what it did. Without force it refuses if it would overwrite a file that was
// edited, or that was there before.
func doChanges(dir string, changes []change, force bool) (done []change, err error) {
	var edited []string
	for _, c := range changes {
		if c.edited && !force {
			edited = append(edited, c.name)
		}
	}
	if edited != nil {
		return nil, fmt.Errorf("%s: refusing to overwrite modified files: %s; hint: --force overwrites them, --diff shows the differences", dir, strings.Join(edited, ", "))
	}
	f, err := makeDirectory(dir)
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

// writeOutput writes a text into a file and reports it, or to standard output if none or - is named.
func writeOutput(out io.Writer, file string, text []byte) error {
	if file == "" || file == "-" {
		_, err := out.Write(text)
		return err
	}
	file = filepath.Clean(file) // DIR/ is DIR, not a file in it
	f, err := makeDirectory(filepath.Dir(file))
	if err != nil {
		return err
	}
	said := "unchanged"
	changes, err := f.differing(map[string][]byte{filepath.Base(file): text})
	for _, c := range changes {
		if c.before != nil && !bytes.Contains(c.before, []byte(model.Notice)) {
			err = fmt.Errorf("--output: %q was not written by sidekiq-role; hint: name another file, or move it away", file)
			break
		}
		err, said = c.do(f), "wrote "+file
	}
	if err = errors.Join(err, f.Close()); err == nil {
		_, err = fmt.Fprintln(out, said)
	}
	return err
}

// writeFile writes a file, whatever it was before.
func writeFile(file string, text []byte) error {
	d, err := makeDirectory(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.write(filepath.Base(file), text), d.Close())
}

// String reports what was done.
func (c change) String() string {
	if c.after == nil {
		return "removed " + c.name
	}
	return "wrote " + c.name
}

// would reports what was not done.
func (c change) would(force bool) string {
	switch {
	case c.edited && !force:
		return "would not overwrite without --force: " + c.name
	case c.after == nil:
		return "would remove " + c.name
	}
	return "would write " + c.name
}

// diff is a change as a patch, without the content of the manifest and of binaries.
func (c change) diff() []byte {
	switch {
	case c.name == manifestName:
		return nil
	case bytes.Contains(c.before, []byte{0}) || bytes.Contains(c.after, []byte{0}):
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
