package model

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// SchemaFile is the file of the generator's folder that publishes Schema, for editors. After a change of fields.yml: make generate.
const SchemaFile = "sidekiq-role.schema.json"

// SchemaURL is where editors find the schema of a version.
func SchemaURL(version string) string {
	tag := "v" + version
	if version == "devel" {
		tag = "main"
	}
	return "https://raw.githubusercontent.com/curationexperts/ansible-sidekiq/" + tag + "/generator/" + SchemaFile
}

// most is the largest number of any field: seconds, threads, connections, files, megabytes.
const most = 999999999

// schema is a part of a JSON Schema, draft 7, which is what editors know.
type schema struct {
	Dialect              string             `json:"$schema,omitempty"`
	Comment              string             `json:"$comment,omitempty"`
	Title                string             `json:"title,omitempty"`
	Description          string             `json:"description,omitempty"`
	Type                 []string           `json:"type"`
	Enum                 []any              `json:"enum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	PatternErrorMessage  string             `json:"patternErrorMessage,omitempty"`
	Minimum              *int               `json:"minimum,omitempty"`
	Maximum              int                `json:"maximum,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // false, or the schema of each
	Default              any                `json:"default,omitempty"`
}

// Schema is the JSON Schema of a model file, by which editors judge. The walk (walk.go) judges by the same Fields; a test compares them.
func Schema() []byte {
	root := mapping(grouped(Fields(Default()))).orNull()
	root.Dialect = "http://json-schema.org/draft-07/schema#"
	root.Comment = Notice
	root.Title = "sidekiq-role.yml"
	root.Description = "What an Ansible role for Sidekiq is made from. Every field has a default."
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic(err) // only our own values come here
	}
	return b.Bytes()
}

// mapping is a mapping with fields and no others.
func mapping(fields []Field) *schema {
	s := &schema{Type: []string{"object"}, Properties: map[string]*schema{}, AdditionalProperties: false}
	for _, f := range fields {
		s.Properties[f.name()] = f.schema()
		if f.Required {
			s.Required = append(s.Required, f.Key)
		}
	}
	return s
}

func (f Field) schema() *schema {
	s := f.typed(f.Type)
	s.Description = f.Description
	if f.Template {
		s.Description += " May hold Jinja expressions."
	}
	s.Default = f.Default
	if f.Required {
		return s
	}
	return s.orNull()
}

// orNull accepts null as well, which is a value that is not set: a key with nothing or only comments below it.
func (s *schema) orNull() *schema {
	s.Type = append(slices.Clip(s.Type), "null")
	if s.Enum != nil {
		s.Enum = append(s.Enum, nil)
	}
	return s
}

// typed is the schema of a type of Ansible's. A number is accepted as a text, as it is written: people do not quote `gem: 3`.
func (f Field) typed(t argspec.Type) *schema {
	switch t {
	case argspec.Int:
		return &schema{Type: []string{"integer"}, Minimum: &f.Least, Maximum: most}
	case argspec.Bool:
		return &schema{Type: []string{"boolean"}}
	case argspec.List:
		return &schema{Type: []string{"array"}, Items: f.typed(f.Elements)}
	case argspec.Dict:
		if f.Fields != nil {
			return mapping(f.Fields)
		}
		return &schema{Type: []string{"object"}, AdditionalProperties: (&schema{Type: textual}).orNull()}
	default:
		s := &schema{Type: textual, Enum: choices(f.Choices)}
		if f.Accepts.Pattern != "" {
			s.Pattern, s.PatternErrorMessage = f.Accepts.Pattern, "accepted: "+f.Accepts.Accepted
		}
		return s
	}
}

var textual = []string{"string", "number"}

func choices(texts []string) []any {
	var all []any
	for _, c := range texts {
		all = append(all, c)
		if n, err := strconv.Atoi(c); err == nil {
			all = append(all, n)
		}
	}
	return all
}
