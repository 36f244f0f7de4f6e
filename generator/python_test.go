package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

func TestModuleArguments(t *testing.T) {
	spec, err := argspec.Parse([]byte(`
DOCUMENTATION:
  module: demo
  options:
    a: {type: list, elements: dict, description: x, aliases: [b], suboptions: {c: {type: int, required: true, description: x}}}
    d: {type: str, choices: [e, "off", "'''"], default: "off", description: x}
    f: {type: bool, default: false, description: x}
ARGUMENT_SPEC:
  no_log: [d]
  mutually_exclusive: [[a, d]]
  required_together: [[a, f]]
  required_one_of: [[a, d], [a, f]]
  required_if: [[d, e, [a]], [d, "off", [a, f], true]]
`))
	require.NoError(t, err)
	text, err := moduleArguments(spec)
	require.NoError(t, err)
	require.NotContains(t, text, "'", "it would end the raw string")
	require.JSONEq(t, `{
		"argument_spec": {
			"a": {"type": "list", "elements": "dict", "aliases": ["b"], "options": {"c": {"type": "int", "required": true}}},
			"d": {"type": "str", "default": "off", "choices": ["e", "off", "'''"], "no_log": true},
			"f": {"type": "bool", "default": false}
		},
		"mutually_exclusive": [["a", "d"]],
		"required_together": [["a", "f"]],
		"required_one_of": [["a", "d"], ["a", "f"]],
		"required_if": [["d", "e", ["a"], false], ["d", "off", ["a", "f"], true]],
		"supports_check_mode": true
	}`, text)
}
