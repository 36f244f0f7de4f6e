package argspec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
)

const doc = `
DOCUMENTATION:
  module: example
  short_description: An example.
  description: [For tests.]
  options:
    name: {description: [The name of it. More about it.], type: str, required: true, aliases: [title]}
    count: {description: How many., type: int}
    share: {description: How much., type: float}
    really: {description: Whether., type: bool, default: false}
    home: {description: Where., type: path}
    anything: {description: Whatever., type: raw}
    words: {description: Which., type: list, elements: str}
    numbers: {description: Which., type: list, elements: int, choices: [1, 2, 3]}
    environment: {description: Variables., type: dict}
    state: {description: How., type: str, choices: [present, absent], default: present}
    secret: {description: Hidden., type: str}
    other: {description: Other., type: str}
    rules:
      description: Rules.
      type: list
      elements: dict
      suboptions:
        users: {description: Who., type: list, elements: str, required: true}
        nopasswd: {description: Freely., type: bool, default: false}
EXAMPLES: |
  - example: {name: x}
RETURN: {}
ARGUMENT_SPEC:
  no_log: [secret]
  mutually_exclusive: [[count, share]]
  required_together: [[secret, other]]
  required_if:
    - [state, absent, [home]]
`

type rule struct {
	Users    []string `option:"users"`
	NoPasswd bool     `option:"nopasswd"`
}

type params struct {
	Name        string            `option:"name"`
	Count       *int              `option:"count"`
	Share       float64           `option:"share"`
	Really      bool              `option:"really"`
	Home        string            `option:"home"`
	Anything    any               `option:"anything"`
	Words       []string          `option:"words"`
	Numbers     []int             `option:"numbers"`
	Environment map[string]string `option:"environment"`
	State       string            `option:"state"`
	Secret      *string           `option:"secret"`
	Other       string            `option:"other"`
	Rules       []rule            `option:"rules"`
}

func spec(t *testing.T) *Spec {
	t.Helper()
	s, err := Parse([]byte(doc))
	require.NoError(t, err)
	require.NoError(t, s.CheckParams(&params{}))
	return s
}

// arguments decodes JSON as Ansible sends it.
func arguments(t *testing.T, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var args map[string]any
	require.NoError(t, d.Decode(&args))
	return args
}

func TestDecode_Arguments(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	t.Setenv("PLACE", "here")
	seven := 7
	for text, want := range map[string]params{
		`{"name": "x"}`:                                                        {Name: "x", State: "present"},
		`{"title": "x", "count": null}`:                                        {Name: "x", State: "present"},
		`{"name": 12345678901234567890, "count": "7"}`:                         {Name: "12345678901234567890", Count: &seven, State: "present"},
		`{"name": "0440", "count": 7.0}`:                                       {Name: "0440", Count: &seven, State: "present"},
		`{"name": "x", "share": "2.5", "really": "On"}`:                        {Name: "x", Share: 2.5, Really: true, State: "present"},
		`{"name": "x", "really": 1}`:                                           {Name: "x", Really: true, State: "present"},
		`{"name": "x", "home": "~/a/$PLACE/${NOPE}/$NOPE", "state": "absent"}`: {Name: "x", Home: "/home/me/a/here/${NOPE}/$NOPE", State: "absent"},
		`{"name": "x", "home": "~"}`:                                           {Name: "x", Home: "/home/me", State: "present"},
		`{"name": "x", "home": "~me"}`:                                         {Name: "x", Home: "~me", State: "present"},
		`{"name": "x", "words": "a, b,,c", "numbers": 3}`:                      {Name: "x", Words: []string{"a", "b", "c"}, Numbers: []int{3}, State: "present"},
		`{"name": "x", "words": ["a,b", 1], "numbers": ["1", 2]}`:              {Name: "x", Words: []string{"a,b", "1"}, Numbers: []int{1, 2}, State: "present"},
		`{"name": "x", "words": ""}`:                                           {Name: "x", Words: []string{}, State: "present"},
		`{"name": "x", "anything": {"a": [1]}}`:                                {Name: "x", Anything: map[string]any{"a": []any{json.Number("1")}}, State: "present"},
		`{"name": "x", "environment": {"A": 1, "B": "b c"}}`:                   {Name: "x", Environment: map[string]string{"A": "1", "B": "b c"}, State: "present"},
		`{"name": "x", "environment": "A=1, B=2"}`:                             {Name: "x", Environment: map[string]string{"A": "1", "B": "2"}, State: "present"},
		`{"name": "x", "environment": "A='x, y' B=\"\""}`:                      {Name: "x", Environment: map[string]string{"A": "x, y", "B": ""}, State: "present"},
		`{"name": "x", "environment": "{\"A\": 1}"}`:                           {Name: "x", Environment: map[string]string{"A": "1"}, State: "present"},
		`{"name": "x", "rules": [{"users": "a,b"}, {"users": ["c"], "nopasswd": "yes"}]}`: {Name: "x", State: "present",
			Rules: []rule{{Users: []string{"a", "b"}}, {Users: []string{"c"}, NoPasswd: true}}},
	} {
		var got params
		require.NoError(t, spec(t).Decode(arguments(t, text), &got), text)
		require.Equal(t, want, got, text)
	}
}

func TestDecode_RefusesBadArguments(t *testing.T) {
	const names = "anything, count, environment, home, name, numbers, other, really, rules, secret, share, state, title, words"
	for text, want := range map[string]string{
		`{}`:                                              `option "name" is required; hint: The name of it`,
		`{"name": null}`:                                  `option "name" is required; hint: The name of it`,
		`{"name": "x", "title": "y"}`:                     `option "name" is given as "name" and as "title"; hint: keep one`,
		`{"name": "x", "coutn": 1}`:                       `unknown option "coutn", did you mean "count"?; accepted: ` + names,
		`{"name": "x", "zzz": 1}`:                         `unknown option "zzz"; accepted: ` + names,
		`{"name": true}`:                                  `option "name": true is not text; hint: quote it, YAML reads yes, no, on, off, true and false as booleans`,
		`{"name": ["x"]}`:                                 `option "name": ["x"] is not text; hint: give one string`,
		`{"name": "x", "count": "many"}`:                  `option "count": "many" is not an int; hint: give a whole number such as 25`,
		`{"name": "x", "count": 2.5}`:                     `option "count": 2.5 is not an int; hint: give a whole number such as 25`,
		`{"name": "x", "count": true}`:                    `option "count": true is not an int; hint: give a whole number such as 25`,
		`{"name": "x", "words": {"a": 1}}`:                `option "words": {"a":1} is not a list; hint: give a list of str`,
		`{"name": "x", "environment": "=1"}`:              `option "environment" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "environment": ""}`:                `option "environment" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "count": 1e99}`:                    `option "count": 1e99 is not an int; hint: give a whole number such as 25`,
		`{"name": "x", "share": "inf"}`:                   `option "share": "inf" is not a float; hint: give a number such as 2.5`,
		`{"name": "x", "really": "maybe"}`:                `option "really": "maybe" is not a bool; hint: accepted: yes, no, true, false, on, off, 1, 0`,
		`{"name": "x", "words": true}`:                    `option "words": true is not a list; hint: give a list of str`,
		`{"name": "x", "words": ["a", null]}`:             `option "words[1]" is null; hint: remove the element`,
		`{"name": "x", "numbers": [1, 9]}`:                `option "numbers": 9 is not accepted; accepted: 1, 2, 3`,
		`{"name": "x", "state": "gone"}`:                  `option "state": "gone" is not accepted; accepted: present, absent`,
		`{"name": "x", "environment": ["A"]}`:             `option "environment" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "environment": "A"}`:               `option "environment" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "environment": {"A": true}}`:       `option "environment.A": true is not text; hint: quote it, YAML reads yes, no, on, off, true and false as booleans`,
		`{"name": "x", "rules": [{"usrs": "a"}]}`:         `unknown option "rules[0].usrs", did you mean "users"?; accepted: nopasswd, users`,
		`{"name": "x", "rules": [{"nopasswd": 1}]}`:       `option "rules[0].users" is required; hint: Who`,
		`{"name": "x", "count": 1, "share": 1}`:           `options "count", "share" are mutually exclusive; hint: keep one`,
		`{"name": "x", "secret": "s"}`:                    `options "secret", "other" belong together, only "secret" given; hint: give all or none`,
		`{"name": "x", "state": "absent"}`:                `option "state" is absent, which needs all of: "home"`,
		`{"name": "x", "rules": {"users": "a"}}`:          `option "rules": {"users":"a"} is not a list; hint: give a list of dict`,
		`{"name": "x", "environment": "{\"A\": 1"}`:       `option "environment" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "environment": "A='x"}`:            `option "environment" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "environment": "{\"A\": 1} junk"}`: `option "environment" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "rules": [["a"]]}`:                 `option "rules[0]" is not a dict; hint: give names and values, as text {"k": "v"} or k=v, k2="v 2"`,
		`{"name": "x", "rules": [{"users": [null]}]}`:     `option "rules[0].users[0]" is null; hint: remove the element`,
	} {
		var got params
		require.EqualError(t, spec(t).Decode(arguments(t, text), &got), want, text)
	}
}

func TestDecode_Floats(t *testing.T) {
	var got params
	require.NoError(t, spec(t).Decode(map[string]any{"name": "x", "count": 7.0}, &got))
	require.Equal(t, 7, *got.Count)
	require.EqualError(t, spec(t).Decode(map[string]any{"name": "x", "count": 7.5}, &got), `option "count": 7.5 is not an int; hint: give a whole number such as 25`)
}

func TestDecode_NotDefault(t *testing.T) {
	for text, want := range map[string][]string{
		`{"name": "x"}`: {"name"},
		`{"name": "x", "really": false, "state": "present", "count": null}`:                      {"name"},
		`{"name": "x", "words": [], "environment": {}, "rules": ""}`:                             {"name"},
		`{"name": "x", "state": "absent", "home": "/", "count": 0}`:                              {"name", "count", "home", "state"},
		`{"name": "x", "words": [""], "environment": {"A": ""}, "really": 1, "anything": false}`: {"name", "really", "anything", "words", "environment"},
	} {
		var got struct {
			params
			NotDefault []string `option:"*"`
		}
		require.NoError(t, spec(t).Decode(arguments(t, text), &got), text)
		require.Equal(t, want, got.NotDefault, text)
	}
}

func TestDecode_RequiredTogether(t *testing.T) {
	var got params
	require.NoError(t, spec(t).Decode(arguments(t, `{"name": "x", "secret": "s", "other": "o"}`), &got))
}

// The name with the fewest differences is proposed, or the first of several.
func TestNearest(t *testing.T) {
	for name, want := range map[string]string{"coutn": "count", "cont": "count", "count": "count", "mount": "count", "c": "", "states": "state", "zzz": ""} {
		require.Equal(t, want, nearest(name, []string{"state", "count", "court"}), name)
	}
	require.Equal(t, "ab", nearest("aa", []string{"ab", "ba"}))
	require.Equal(t, "aa", nearest("aa", []string{"ab", "aa"}))
}

func TestCheck(t *testing.T) {
	for _, path := range []string{"/", "/opt/app"} {
		require.NoError(t, CheckPath("app_root", path))
	}
	for _, path := range []string{"", "opt/app", "/opt/app/", "/opt//app", "/opt/../app", "./app"} {
		require.EqualError(t, CheckPath("app_root", path), fmt.Sprintf(`option "app_root": %q is not accepted; accepted: an absolute path without . and .. and double slashes`, path))
	}
	paths := map[string][]string{"b": {"/", "x"}, "a": {"/", "y", "z"}}
	require.EqualError(t, CheckPaths(paths, CheckPath), `option "a": "y" is not accepted; accepted: an absolute path without . and .. and double slashes`)
	paths["a"] = nil
	require.EqualError(t, CheckPaths(paths, CheckPath), `option "b": "x" is not accepted; accepted: an absolute path without . and .. and double slashes`)
	paths["b"] = []string{"/"}
	require.NoError(t, CheckPaths(paths, CheckPath))

	digits := lazyregexp.New(`^\d+$`)
	require.NoError(t, CheckText("port", "6379", "a number", digits))
	require.EqualError(t, CheckText("port", "x", "a number", digits), `option "port": "x" is not accepted; accepted: a number`)

	one, two := 1, 2
	require.NoError(t, CheckMinimum("processes", nil, 2))
	require.NoError(t, CheckMinimum("processes", &two, 2))
	require.EqualError(t, CheckMinimum("processes", &one, 2), `option "processes": 1 is not accepted; accepted: 2 or more`)
}

func TestDecode_RequiredOneOf(t *testing.T) {
	s := spec(t)
	s.RequiredOneOf = [][]string{{"count", "share"}}
	var got params
	require.EqualError(t, s.Decode(arguments(t, `{"name": "x"}`), &got), `one of the options "count", "share" is required`)
	require.NoError(t, s.Decode(arguments(t, `{"name": "x", "count": 1}`), &got))
}

func TestDecode_RequiredIfAny(t *testing.T) {
	s := spec(t)
	s.RequiredIf = []RequiredIf{{Option: "state", Value: "present", Options: []string{"words", "rules"}, Any: true}}
	var got params
	require.EqualError(t, s.Decode(arguments(t, `{"name": "x"}`), &got), `option "state" is present, which needs one of: "words", "rules"`)
	require.NoError(t, s.Decode(arguments(t, `{"name": "x", "words": "a"}`), &got))
}

func TestSecrets_InvalidArguments(t *testing.T) {
	for text, want := range map[string][]string{
		`{"secret": "s"}`:             {"s"},
		`{"secret": 5, "name": true}`: {"5"},
		`{"secret": ["a", "b"]}`:      {"a", "b"},
		`{"secret": {"k": "v"}}`:      {"v"},
		`{"name": "x"}`:               nil,
	} {
		require.Equal(t, want, spec(t).Secrets(arguments(t, text)), text)
	}
}

func TestParse_RefusesFaultyInterfaces(t *testing.T) {
	for text, want := range map[string]string{
		"DOCUMENTATION: {module: m, options: {a: {description: A, type: string}}}":                                                                `module "m": option "a": unknown type "string"`,
		"DOCUMENTATION: {module: m, options: {a: {description: A, type: list}}}":                                                                  `module "m": option "a": a list needs elements`,
		"DOCUMENTATION: {module: m, options: {a: {type: str}}}":                                                                                   `module "m": option "a": has no description`,
		"DOCUMENTATION: {module: m, options: {a: {description: A, type: int, elements: str}}}":                                                    `module "m": option "a": elements belongs to type list, not to "int"`,
		"DOCUMENTATION: {module: m, options: {a: {description: A, type: str, required: true, default: x}}}":                                       `module "m": option "a": is required and has a default`,
		"{DOCUMENTATION: {module: m}, ARGUMENT_SPEC: {no_log: [a]}}":                                                                              `module "m": no_log names "a", which is no option`,
		"{DOCUMENTATION: {module: m}, ARGUMENT_SPEC: {required_one_of: [[a, b]]}}":                                                                `module "m": a rule names "a", which is no option`,
		"{DOCUMENTATION: {module: m}, ARGUMENT_SPEC: {required_if: [[a, b]]}}":                                                                    `module "m": required_if wants [option, value, [options], any]`,
		"{DOCUMENTATION: {module: m}, ARGUMENT_SPEC: {required_if: [[a, b, [a], true, c]]}}":                                                      `module "m": required_if wants [option, value, [options], any]`,
		"{DOCUMENTATION: {module: m, options: {a: {description: A, type: str}}}, ARGUMENT_SPEC: {required_if: [[a, b, [a], true], [b, c, [a]]]}}": `module "m": a rule names "b", which is no option`,
	} {
		_, err := Parse([]byte(text))
		require.EqualError(t, err, want)
	}
}

func TestCheckParams_Mismatch(t *testing.T) {
	s, err := Parse([]byte("DOCUMENTATION: {module: m, options: {a: {description: A, type: list, elements: int}}}"))
	require.NoError(t, err)
	require.NoError(t, s.CheckParams(&struct {
		A []int `option:"a"`
	}{}))
	require.ErrorContains(t, s.CheckParams(&struct {
		A []string `option:"a"`
	}{}), `option "a" of type list does not fit a field of type []string`)
	require.ErrorContains(t, s.CheckParams(&struct {
		A []int `option:"a"`
		B int   `option:"b"`
	}{}), `is tagged "b", which is no option`)
}

// Shared is exported, as shared structs of options are.
type Shared struct {
	A []int `option:"a"`
}

func TestDecode_DictOfLists(t *testing.T) {
	s, err := Parse([]byte("DOCUMENTATION: {module: m, options: {a: {description: A, type: dict}}}"))
	require.NoError(t, err)
	var p struct {
		A map[string][]string `option:"a"`
	}
	require.NoError(t, s.CheckParams(&p))
	require.NoError(t, s.Decode(map[string]any{"a": map[string]any{"b": json.Number("5"), "c": []any{"d", json.Number("6")}, "e": []any{}}}, &p))
	require.Equal(t, map[string][]string{"b": {"5"}, "c": {"d", "6"}, "e": {}}, p.A)
	require.ErrorContains(t, s.Decode(map[string]any{"a": map[string]any{"b": []any{[]any{}}}}, &p), `option "a.b": `)
}

func TestDecode_EmbeddedStruct(t *testing.T) {
	s, err := Parse([]byte("DOCUMENTATION: {module: m, options: {a: {description: A, type: list, elements: int}}}"))
	require.NoError(t, err)
	p := struct{ Shared }{}
	require.NoError(t, s.CheckParams(&p))
	require.NoError(t, s.Decode(map[string]any{"a": []any{1, 2}}, &p))
	require.Equal(t, []int{1, 2}, p.A)
}

func FuzzNormalize(f *testing.F) {
	f.Add(`{"name": "x", "rules": [{"users": "a"}]}`)
	f.Add(`{"name": {"a": [1, true, null]}, "words": 1e400, "environment": " = "}`)
	s, err := Parse([]byte(doc))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		var args map[string]any
		if d.Decode(&args) != nil {
			return
		}
		var p params
		if s.Decode(args, &p) == nil && p.Name == "" && args["name"] != "" && args["title"] != "" {
			t.Fatal("accepted without a name")
		}
	})
}

// YAML reads off as false. Where that is one of the choices, it is meant.
func TestCoerce_BooleanChoice(t *testing.T) {
	for _, c := range []struct {
		choices []any
		raw     any
		want    string
	}{
		{[]any{"off", "warn"}, false, "off"},
		{[]any{"off", "warn"}, "off", "off"},
		{[]any{"on", "never"}, true, "on"},
		{[]any{"off", "warn"}, true, ""},
		{[]any{"off", "no"}, false, ""},
		{[]any{"auto", "never"}, false, ""},
	} {
		o := &Option{Type: Str, Choices: c.choices}
		got, err := o.coerce(c.raw, "verify_jobs")
		if c.want == "" {
			require.ErrorContains(t, err, "quote it")
		} else {
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		}
	}
}
