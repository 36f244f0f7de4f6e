// Package project holds the files of the project that go into what it hands out, as they stand.
package project

import _ "embed"

// License is the text of LICENSE.
//
//go:embed LICENSE
var License []byte

// Changelog is the text of CHANGELOG.md.
//
//go:embed CHANGELOG.md
var Changelog []byte
