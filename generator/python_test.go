package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

func TestPythonLiterals(t *testing.T) {
	for want, value := range map[string]any{
		`None`:                      nil,
		`True`:                      true,
		`False`:                     false,
		`-5`:                        -5,
		`1.5`:                       1.5,
		`'0002'`:                    "0002",
		`'it\'s "so"\n\\d'`:         "it's \"so\"\n\\d",
		`'ü'`:                       "ü",
		`[]`:                        []any{},
		`{}`:                        map[string]any{},
		`['a', 1, [True]]`:          []any{"a", 1, []any{true}},
		`{'a': None, 'b': 'x'}`:     map[string]any{"b": "x", "a": nil},
		`{'b': 1, 'a': {'c': [2]}}`: []pair{{"b", 1}, {"a", []pair{{"c", []any{2}}}}},
	} {
		text, err := python(value, 0, 0)
		require.NoError(t, err)
		require.Equal(t, want, text)
	}
	_, err := python([]pair{{"a", []any{struct{}{}}}}, 0, 0)
	require.ErrorContains(t, err, "a: {} has no form in Python")
}

func TestWhatIsLongIsBroken(t *testing.T) {
	long := strings.Repeat("x", 90)
	text, err := python([]pair{{"one", []any{long, long}}, {"two", 2}}, 4, 0)
	require.NoError(t, err)
	require.Equal(t, `{
        'one': [
            '`+long+`',
            '`+long+`',
        ],
        'two': 2,
    }`, text)
}

func TestStubSaysWhatTheInterfaceSays(t *testing.T) {
	spec, err := argspec.Parse([]byte(`
DOCUMENTATION:
  module: demo
  options:
    a: {type: list, elements: dict, description: x, aliases: [b], suboptions: {c: {type: int, required: true, description: x}}}
    d: {type: str, choices: [e, "off"], default: "off", description: x}
    f: {type: bool, default: false, description: x}
ARGUMENT_SPEC:
  no_log: [d]
  mutually_exclusive: [[a, d]]
  required_together: [[a, f]]
  required_one_of: [[a, d], [a, f]]
  required_if: [[d, e, [a]], [d, "off", [a, f], true]]
`))
	require.NoError(t, err)
	text, err := pythonArguments(4, moduleArguments(spec))
	require.NoError(t, err)
	require.Equal(t, `    argument_spec={
        'a': {'type': 'list', 'elements': 'dict', 'aliases': ['b'], 'options': {'c': {'type': 'int', 'required': True}}},
        'd': {'type': 'str', 'default': 'off', 'choices': ['e', 'off'], 'no_log': True},
        'f': {'type': 'bool', 'default': False},
    },
    mutually_exclusive=[['a', 'd']],
    required_together=[['a', 'f']],
    required_one_of=[['a', 'd'], ['a', 'f']],
    required_if=[['d', 'e', ['a']], ['d', 'off', ['a', 'f'], True]],
    supports_check_mode=True,`, text)
}
