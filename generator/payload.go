package main

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
)

// The modules' binaries, gzipped, and payload.json with their SHA-256, from `make build`. They are not committed.
//
//go:embed all:payload
var payload embed.FS

// payloadFiles are the binaries, by their paths in the package, without content if the role uses a collection: those that an earlier
// run wrote are removed.
func payloadFiles(p Package) (map[string][]byte, error) {
	include, files := Package{p.Layout, "include"}, map[string][]byte{}
	if p == include && !hasPayload() {
		return nil, errors.New("payload missing: install the release tarball or run make build; hint: --binaries none generates the files without them")
	}
	entries, err := payload.ReadDir("payload")
	for _, e := range entries {
		name := include.place("role/files/" + e.Name())
		switch {
		case p.Binaries == "none" || e.Name() == "README.md":
		case p == include:
			var one error
			files[name], one = payload.ReadFile("payload/" + e.Name())
			err = errors.Join(err, one)
		default:
			files[name] = nil
		}
	}
	return files, err
}

// payloadSums are the SHA-256 of the unpacked binaries, by platform.
func payloadSums() (sums map[string]struct{ SHA256 string }, err error) {
	if !hasPayload() {
		return nil, nil
	}
	text, err := payload.ReadFile("payload/payload.json")
	err = cmp.Or(err, json.Unmarshal(text, &sums))
	return sums, err
}

// hasPayload reports whether this program was built with the modules' binaries.
func hasPayload() bool {
	_, err := fs.Stat(payload, "payload/payload.json")
	return err == nil
}
