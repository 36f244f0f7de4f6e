package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode"
)

// manifestName is the generated file that tells later runs which files were edited and which to remove.
const manifestName = ".sidekiq-role.json"

// manifest holds the SHA-256 of each text file as it was generated.
type manifest struct {
	Comment string            `json:"comment"`
	Files   map[string]string `json:"files"`
}

func sum(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }

// manifestOf makes the manifest of files.
func manifestOf(files map[string][]byte) ([]byte, error) {
	m := manifest{Comment: "Written by sidekiq-role: its files here and their SHA-256.", Files: map[string]string{}}
	for name, text := range files {
		m.Files[name] = sum(text)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

// manifest reads the manifest, which is empty if nothing was generated yet.
func (d directory) manifest() (manifest, error) {
	m := manifest{}
	text, err := d.read(manifestName)
	if err != nil || text == nil {
		return m, err
	}
	if err = json.Unmarshal(text, &m); err == nil {
		err = m.check()
	}
	if err != nil {
		return m, fmt.Errorf("reading %s: %w; hint: restore it, or remove it and use --force, which overwrites all files", filepath.Join(d.dir, manifestName), err)
	}
	return m, nil
}

// check refuses names of files elsewhere, which would be removed, and names with control characters, which would be printed.
func (m manifest) check() error {
	for name := range m.Files {
		if !fs.ValidPath(name) {
			return fmt.Errorf("%q is not a file below it", name)
		}
		if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("%q has control characters", name)
		}
	}
	return nil
}
