package model

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// SchemaFile is the file of the generator's folder that publishes Schema, for editors. After a change of Fields: make generate.
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
	Type                 any                `json:"type"` // a name, or a list of them
	Enum                 []any              `json:"enum,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	PatternErrorMessage  string             `json:"patternErrorMessage,omitempty"` // what editors say, and we
	Minimum              *int               `json:"minimum,omitempty"`
	Maximum              int                `json:"maximum,omitempty"`
	Items                *schema            `json:"items,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // false, or the schema of each
	Default              any                `json:"default,omitempty"`
}

// Schema is the JSON Schema of a model file. The same schema validates models here and helps people in their editors.
func Schema() []byte {
	root := mapping(Fields(Default()))
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

// mapping is a mapping with fields and no others; redis.url makes one within it.
func mapping(fields []Field) *schema {
	s := object()
	for _, f := range fields {
		if f.Key == "" {
			continue
		}
		at, key := s, f.Key
		if group, rest, nested := strings.Cut(f.Key, "."); nested {
			if s.Properties[group] == nil {
				s.Properties[group] = object()
			}
			at, key = s.Properties[group], rest
		}
		at.Properties[key] = f.schema()
		if f.Required {
			at.Required = append(at.Required, key)
		}
	}
	return s
}

func object() *schema {
	return &schema{Type: "object", Properties: map[string]*schema{}, AdditionalProperties: false}
}

func (f Field) schema() *schema {
	s := f.typed(f.Type)
	s.Description = f.Description
	if f.Template {
		s.Description += " May hold Jinja expressions."
	}
	s.Default = f.Default
	return s
}

// typed is the schema of a type of Ansible's. A number is accepted as a text, as it is written: people do not quote `gem: 3`.
func (f Field) typed(t argspec.Type) *schema {
	switch t {
	case argspec.Int:
		return &schema{Type: "integer", Minimum: &f.Least, Maximum: most}
	case argspec.Bool:
		return &schema{Type: "boolean"}
	case argspec.List:
		return &schema{Type: "array", Items: f.typed(f.Elements)}
	case argspec.Dict:
		if f.Fields != nil {
			return mapping(f.Fields)
		}
		return &schema{Type: "object", AdditionalProperties: &schema{Type: textual}}
	default:
		s := &schema{Type: textual, Enum: choices(f.Choices)}
		if f.Accepts.pattern != "" {
			s.Pattern, s.PatternErrorMessage = f.Accepts.pattern, "accepted: "+f.Accepts.accepted
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

// compiled is the schema as its library knows it.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaFile, document); err != nil {
		return nil, err
	}
	return c.Compile(SchemaFile)
})
