package main

import (
	"embed"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
)

// The modules' binaries, gzipped, and payload.json with their SHA-256. `make build` puts them there; they are not committed.
//
//go:embed all:payload
var payload embed.FS

var errNoPayload = errors.New("payload missing: install the release tarball or run make build; hint: --no-payload generates a role without binaries")

// writePayload puts the binaries into a folder of the package in dir.
func writePayload(dir, folder string) (changes []string, err error) {
	if !hasPayload() {
		return nil, errNoPayload
	}
	entries, err := payload.ReadDir("payload")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue
		}
		data, err := payload.ReadFile(path.Join("payload", e.Name()))
		if err != nil {
			return changes, err
		}
		changed, err := writeFile(filepath.Join(dir, folder, e.Name()), data)
		if err != nil {
			return changes, err
		}
		if changed {
			changes = append(changes, "wrote "+path.Join(folder, e.Name()))
		}
	}
	return changes, nil
}

// hasPayload reports whether this program was built with the modules' binaries.
func hasPayload() bool {
	_, err := fs.Stat(payload, "payload/payload.json")
	return err == nil
}
