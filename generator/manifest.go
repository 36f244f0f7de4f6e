package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/atomicfile"
)

// manifestName is the file in a generated role by which later runs know what a person edited and what to remove.
const manifestName = ".sidekiq-role.json"

// manifest holds the SHA-256 of each text file as it was generated.
type manifest struct {
	Comment string            `json:"comment"`
	Files   map[string]string `json:"files"`
}

func sum(text []byte) string {
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

// withManifest adds the manifest to the files that it lists.
func withManifest(files map[string][]byte) (map[string][]byte, error) {
	m := manifest{Comment: "Written by sidekiq-role: the files of this role and their SHA-256.", Files: map[string]string{}}
	for name, text := range files {
		m.Files[name] = sum(text)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	all := maps.Clone(files)
	all[manifestName] = append(text, '\n')
	return all, nil
}

func readManifest(dir string) (manifest, error) {
	m := manifest{}
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return m, fmt.Errorf("reading %s: %w", filepath.Join(dir, manifestName), err)
	}
	return m, nil
}

// writeRole brings dir up to date and returns what it wrote and removed. Files that a person edited, or that were there before
// the role, are never overwritten without force.
func writeRole(dir string, files map[string][]byte, force bool) (changes []string, err error) {
	before, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if edited, err := editedFiles(dir, before, files); err != nil {
		return nil, err
	} else if len(edited) > 0 && !force {
		return nil, fmt.Errorf("%s: not overwritten, since not as they were generated: %s; hint: --force overwrites them", dir, strings.Join(edited, ", "))
	}
	all, err := withManifest(files)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		changed, err := writeFile(filepath.Join(dir, name), all[name])
		if err != nil {
			return changes, err
		}
		if changed {
			changes = append(changes, "wrote "+name)
		}
	}
	removed, err := removeStale(dir, before, all)
	return append(changes, removed...), err
}

// editedFiles are those that would be overwritten or removed but differ from what was generated last.
func editedFiles(dir string, before manifest, files map[string][]byte) ([]string, error) {
	var edited []string
	names := maps.Clone(before.Files)
	if names == nil {
		names = map[string]string{}
	}
	for name := range files {
		if _, known := names[name]; !known {
			names[name] = ""
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if h := sum(text); h != names[name] && h != sum(files[name]) {
			edited = append(edited, name)
		}
	}
	return edited, nil
}

func writeFile(name string, text []byte) (changed bool, err error) {
	found, err := atomicfile.Read(name, atomicfile.Refuse)
	if err != nil || found != nil && string(found.Data) == string(text) {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return false, err
	}
	return true, atomicfile.Replace(atomicfile.Replacement{Path: name, Data: text, Mode: 0o644, UID: os.Getuid(), GID: os.Getgid()})
}

func removeStale(dir string, before manifest, files map[string][]byte) (changes []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(before.Files)) {
		if _, kept := files[name]; kept {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changes, err
		}
		changes = append(changes, "removed "+name)
	}
	return changes, nil
}
