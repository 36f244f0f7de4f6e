package main

import (
	"embed"
	"errors"
	"io/fs"
	"path"
)

// The modules' binaries, gzipped, and payload.json with their SHA-256. `make build` puts them there; they are not committed.
//
//go:embed all:payload
var payload embed.FS

var errNoPayload = errors.New("payload missing: install the release tarball or run make build; hint: --no-payload generates a role without binaries")

// payloadFiles are the binaries, in a folder of the package.
func payloadFiles(folder string) (map[string][]byte, error) {
	if !hasPayload() {
		return nil, errNoPayload
	}
	entries, err := payload.ReadDir("payload")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue
		}
		if files[path.Join(folder, e.Name())], err = payload.ReadFile(path.Join("payload", e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// hasPayload reports whether this program was built with the modules' binaries.
func hasPayload() bool {
	_, err := fs.Stat(payload, "payload/payload.json")
	return err == nil
}
