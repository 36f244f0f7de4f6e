package main

import (
	"encoding/json"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// pythonModule holds the keyword arguments of AnsibleModule, for linters that run the stub.
type pythonModule struct {
	ArgumentSpec      map[string]pythonOption `json:"argument_spec"`
	MutuallyExclusive [][]string              `json:"mutually_exclusive,omitempty"`
	RequiredTogether  [][]string              `json:"required_together,omitempty"`
	RequiredOneOf     [][]string              `json:"required_one_of,omitempty"`
	RequiredIf        [][]any                 `json:"required_if,omitempty"`
	SupportsCheckMode bool                    `json:"supports_check_mode"`
}

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

// moduleArguments renders the keyword arguments as JSON for a raw string of Python, which an apostrophe could end.
func moduleArguments(s *argspec.Spec) (string, error) {
	m := pythonModule{pythonOptions(s.Options), s.MutuallyExclusive, s.RequiredTogether, s.RequiredOneOf, nil, true}
	for _, r := range s.RequiredIf {
		m.RequiredIf = append(m.RequiredIf, []any{r.Option, r.Value, r.Options, r.Any})
	}
	text, err := json.MarshalIndent(m, "", " ")
	return strings.ReplaceAll(string(text), "'", `\u0027`), err
}

func pythonOptions(options []argspec.Option) map[string]pythonOption {
	all := map[string]pythonOption{}
	for _, o := range options {
		all[o.Name] = pythonOption{o.Type, o.Elements, o.Required, o.Default, o.Choices, o.Aliases, o.NoLog, pythonOptions(o.Suboptions)}
	}
	return all
}
