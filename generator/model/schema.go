package model

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// SchemaFile is the file in the generator's directory that publishes Schema, for editors. After a change of fields.yml: make generate.
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
type schema map[string]any

// Schema is the JSON Schema of a model file, by which editors judge. The walk (walk.go) judges by the same Fields; a test compares them.
func Schema() []byte {
	root := mapping(grouped(Fields(Default()))).orNull()
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["$comment"] = Notice
	root["title"] = FileName
	root["description"] = "What an Ansible role for Sidekiq is made from. Every field has a default."
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
func mapping(fields []Field) schema {
	properties, required := schema{}, []string(nil)
	for _, f := range fields {
		properties[f.name()] = f.schema()
		if f.Required {
			required = append(required, f.Key)
		}
	}
	s := schema{"type": []string{"object"}, "properties": properties, "additionalProperties": false}
	if required != nil {
		s["required"] = required
	}
	return s
}

func (f Field) schema() schema {
	s := f.typed(f.Type)
	if f.Description != "" {
		s["description"] = f.Description
	}
	if f.Template {
		s["description"] = f.Description + " May hold Jinja expressions."
	}
	if f.Default != nil {
		s["default"] = f.Default
	}
	if f.Required {
		return s
	}
	return s.orNull()
}

// orNull accepts null as well, which is a value that is not set: a key with nothing or only comments below it.
func (s schema) orNull() schema {
	s["type"] = append(slices.Clone(s["type"].([]string)), "null")
	if accepted, is := s["enum"].([]any); is {
		s["enum"] = append(accepted, nil)
	}
	return s
}

// typed is the schema of a type of Ansible's. A number is accepted as a text, as it is written: people do not quote `gem: 3`.
func (f Field) typed(t argspec.Type) schema {
	textual := []string{"string", "number"}
	switch {
	case t == argspec.Int:
		return schema{"type": []string{"integer"}, "minimum": f.Least, "maximum": most}
	case t == argspec.Bool:
		return schema{"type": []string{"boolean"}}
	case t == argspec.List:
		return schema{"type": []string{"array"}, "items": f.typed(f.Elements)}
	case t == argspec.Dict && f.Fields != nil:
		return mapping(f.Fields)
	case t == argspec.Dict:
		value := schema{"type": textual}.orNull()
		if f.Lists {
			value = schema{"type": []string{"string", "number", "null", "array"}, "items": schema{"type": textual}}
		}
		return schema{"type": []string{"object"}, "additionalProperties": value}
	case f.Choices != nil:
		return schema{"type": textual, "enum": choices(f.Choices)}
	case f.Accepts.Pattern != "":
		return schema{"type": textual, "pattern": f.Accepts.Pattern, "patternErrorMessage": "accepted: " + f.Accepts.Accepted} // for editors
	}
	return schema{"type": textual}
}

func choices(texts []string) (all []any) {
	for _, c := range texts {
		all = append(all, c)
		if n, err := strconv.Atoi(c); err == nil {
			all = append(all, n)
		}
	}
	return all
}
