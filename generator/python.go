package main

import (
	"encoding/json"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

type pythonOption struct {
	Type     argspec.Type            `json:"type"`
	Elements argspec.Type            `json:"elements,omitempty"`
	Required bool                    `json:"required,omitempty"`
	Default  any                     `json:"default,omitempty"`
	Choices  []any                   `json:"choices,omitempty"`
	Aliases  []string                `json:"aliases,omitempty"`
	NoLog    bool                    `json:"no_log,omitempty"`
	Options  map[string]pythonOption `json:"options,omitempty"`
}

// moduleArguments are the keyword arguments of AnsibleModule, for linters that run the stub: JSON in a raw string of Python, which
// an apostrophe could end.
func moduleArguments(s *argspec.Spec) (string, error) {
	requiredIf := [][]any{}
	for _, r := range s.RequiredIf {
		requiredIf = append(requiredIf, []any{r.Option, r.Value, r.Options, r.Any})
	}
	text, err := json.MarshalIndent(map[string]any{
		"argument_spec": pythonOptions(s.Options), "supports_check_mode": true, "required_if": requiredIf,
		"mutually_exclusive": s.MutuallyExclusive, "required_together": s.RequiredTogether, "required_one_of": s.RequiredOneOf,
	}, "", " ")
	return strings.ReplaceAll(string(text), "'", `\u0027`), err
}

func pythonOptions(options []argspec.Option) map[string]pythonOption {
	all := map[string]pythonOption{}
	for _, o := range options {
		all[o.Name] = pythonOption{o.Type, o.Elements, o.Required, o.Default, o.Choices, o.Aliases, o.NoLog, pythonOptions(o.Suboptions)}
	}
	return all
}
