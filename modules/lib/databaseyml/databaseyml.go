// Package databaseyml reads config/database.yml as Rails reads it and raises the pools of an environment in it by changing exactly
// one line for each. Every other byte stays, or the file is refused with the line, the reason and what to do.
//
// # Decisions
//
// The file is never printed from a data structure: the place is located in the parsed tree (package rubyyaml) and spliced in
// the source, so comments, quotes, ERB and line ends stay as people wrote them.
//
// The pool in effect follows ActiveRecord: the key pool, or max_connections as Rails 8.1 calls it, else 5
// (connection_adapters/abstract/connection_pool.rb, database_configurations/hash_config.rb); what << merges counts by Psych's
// order; a section shared: gives what the section leaves open (railties, application/configuration.rb); a url with pool= wins
// over the key, and DATABASE_URL likewise where the section has no url. A section all of whose values are mappings holds
// several databases (database_configurations.rb), and each has its own pool. Where versions of Rails differ and the
// application's is not known, what all of them understand is done.
//
// A pool that ERB makes is evaluated, with the environment of the process that will read the file, where it is a plain use of ENV.
// Too small, it is refused with the variable to set, unless a number in its place is asked for.
//
// A pool is only ever raised, unless asked otherwise. It starts empty and grows on demand, so too large costs nothing, and the
// same file serves the web server.
//
// Where the section has no pool of its own, a line is added after its last <<, since Psych lets a later << win over an earlier
// key; without << after its database, adapter or url. Nothing is written into a mapping from which other environments
// inherit, unless asked for; other databases of the same environment may.
//
// Where code tags (<% if %>) give the file several readings, each must want the same change in the same place, or not see it at
// all. Where ERB names what << merges, every mapping with an anchor before it is reckoned with.
//
// After the splice the text is parsed again and every other value of every section is compared with what it was. Any
// difference is a refusal, so a mistake in the rules above costs an edit and never a file.
package databaseyml

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// Refusal says why a file is not read or not changed: line, reason, hint. It never quotes a value of the file.
type Refusal = rubyyaml.Refusal

// Rails is the version of Rails that reads the file.
type Rails interface {
	Known() bool
	AtLeast(major, minor, patch int) bool
}

// Reader is who reads the file.
type Reader struct {
	Environ environ.Environ // in which Rails reads it
	Rails   Rails           // nil: not known
}

// since and before tell whether the version is known to be at least, or to be less.
func (r Reader) since(major, minor int) bool {
	return r.Rails != nil && r.Rails.Known() && r.Rails.AtLeast(major, minor, 0)
}

func (r Reader) before(major, minor int) bool {
	return r.Rails != nil && r.Rails.Known() && !r.Rails.AtLeast(major, minor, 0)
}

// file is a database.yml with everything that it may say.
type file struct {
	source   []byte
	readings []*reading
}

// reading is one of the texts that a database.yml may give.
type reading struct {
	Reader
	doc  *rubyyaml.Document
	top  *yaml.Node
	root *rubyyaml.Mapping
}

const byHand = "edit the file by hand"

// parse reads source. Every error is a *Refusal.
func parse(source []byte, by Reader) (*file, error) {
	texts, err := rubyyaml.Readings(source, rubyyaml.NoTrim)
	if err != nil {
		return nil, rubyyaml.Hinted(err, byHand)
	}
	f := &file{source: source}
	for _, text := range texts {
		r := &reading{Reader: by}
		if err := r.load(text); err != nil {
			return nil, err
		}
		f.readings = append(f.readings, r)
	}
	return f, nil
}

func (r *reading) load(text rubyyaml.Reading) error {
	var err error
	if r.doc, err = text.Document(); err != nil {
		return rubyyaml.Hinted(err, byHand)
	}
	switch r.top = r.doc.Root(); {
	case r.top == nil:
		r.top = &yaml.Node{Kind: yaml.MappingNode} // without sections; code tags may leave nothing else
	case r.top.Kind != yaml.MappingNode:
		return &Refusal{Reason: "the file has no sections", Hint: "write a section for each environment"}
	}
	r.root, err = r.doc.Mapping(r.top)
	return rubyyaml.Hinted(err, byHand)
}

func (r *reading) refuse(at *yaml.Node, hint, format string, args ...any) *Refusal {
	return &Refusal{Line: r.doc.Line(at), Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// absence is the refusal of a reading in which there is no such database at all.
type absence struct{ *Refusal }

// plain takes the mark off.
func plain(err error) error {
	var a absence
	if errors.As(err, &a) {
		return a.Refusal
	}
	return err
}
