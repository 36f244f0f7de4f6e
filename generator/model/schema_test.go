package model

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// The file that editors load. UPDATE=1 writes it, as make generate does.
func TestSchema_Committed(t *testing.T) {
	goldentest.File(t, "../"+SchemaFile, string(Schema()))
}

// oracle judges models by the published schema, with a library for JSON Schema.
type oracle struct {
	schema   *jsonschema.Schema
	document map[string]any
}

func newOracle(t testing.TB) oracle {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(SchemaFile, document))
	compiled, err := c.Compile(SchemaFile)
	require.NoError(t, err)
	return oracle{schema: compiled, document: document.(map[string]any)}
}

// said are faults that the schema finds as well. The others are rules that it cannot say.
var said = regexp.MustCompile(`(?m) is not accepted; accepted: |: unknown key|: \w+ is missing; hint: give it|more than a model holds`)

// unread are faults of YAML, which has no meaning for a schema.
var unread = regexp.MustCompile(`: invalid YAML: |: more than one YAML document|: stands there twice|more than a model holds`)

// agrees requires that the schema accepts a text if and only if the walk finds no fault that a schema can say.
func (o oracle) agrees(t *testing.T, text []byte) (accepted, judged bool) {
	t.Helper()
	_, err := Read("m", text)
	if err != nil && unread.MatchString(err.Error()) {
		return false, false
	}
	var root yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &root))
	var content any
	if len(root.Content) > 0 {
		content = asJSON(root.Content[0], o.document, 0)
	}
	invalid := o.schema.Validate(content)
	require.Equal(t, invalid != nil, err != nil && said.MatchString(err.Error()), "%s\nwalk: %v\nschema: %v", text, err, invalid)
	return invalid == nil, true
}

// asJSON is a node as JSON has it. A number becomes a text where its schema accepts one: it is judged as it was written.
func asJSON(n *yaml.Node, schema any, depth int) any {
	if n = resolved(n); depth > 8 {
		return nil // an alias within what it stands for
	}
	s, _ := schema.(map[string]any)
	below := func(key string) any {
		properties, _ := s["properties"].(map[string]any)
		if own := properties[key]; own != nil {
			return own
		}
		return s["additionalProperties"]
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := resolved(n.Content[i]).Value
			m[key] = asJSON(n.Content[i+1], below(key), depth+1)
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, e := range n.Content {
			list = append(list, asJSON(e, s["items"], depth+1))
		}
		return list
	}
	types, _ := s["type"].([]any)
	v := scalar(n)
	if x, is := v.(float64); is && (slices.Contains(types, any("string")) || x != x || x-x != 0) {
		return n.Value
	}
	return v
}

// values are YAML that some fields accept and others do not.
var values = []string{
	"", "null", "~", "true", "False", "no", "0", "-1", "1", "64", "3", "2.0", "2.5", "1e3", "7.10", "0002", "0x1f", "1_000", "1000000000", "99999999999999999999", ".inf", ".nan",
	"hyrax", "'a b'", "\"\"", "auto", "none", "never", "strict", "sidekiqswarm", "/opt/x", "-/opt/x", "'{{ x }}/y'", "redis://h", "1.0.0", "2024-01-01", "50%", "'x,2'",
	"[]", "[1]", "[~]", "[true]", "[a, 'a b', 2]", "[/a]", "[[a]]", "[{}]", "[start, restart]", "[unit]", "{}", "{A: b}", "{A: }", "{A: 1, B: [c]}", "{A: {B: c}}", "{url: x}", "{level: off, jit: 1}",
	"[{name: a}]", "[{name: }]", "[{name: a, queues: [b, 2], concurrency: 3, config: x, command: sidekiq}]", "[{name: a, frob: 1}, {concurrency: 0}]", "[{host: h, stage: s}]", "[{host: h, stage: s, port: 22}]",
	"!!str 5", "!!int x", "!!bool x", "!!null x", "!frob x", "&a x", "# nothing", "!!binary YQ==", "| \n  a\n  b",
}

// The walk and the published schema judge alike: each field with many values, together with others at random, and the files in testdata.
func TestWalk_AgreesWithSchema(t *testing.T) {
	o := newOracle(t)
	accepted, refused := 0, 0
	judge := func(text string) {
		switch valid, judged := o.agrees(t, []byte(text)); {
		case valid:
			accepted++
		case judged:
			refused++
		}
	}
	var keys []string
	for _, f := range Fields(Default()) {
		if f.Key != "" {
			keys = append(keys, f.Key)
		}
	}
	keys = append(keys, "ruby", "redis", "frob", "redis.frob", "hardening.<<")
	for _, key := range keys {
		for _, value := range values {
			judge(inBlock(key, value))
		}
	}
	r := rand.New(rand.NewPCG(26, 11))
	for range testenv.Rounds(2000) {
		text, seen := "", map[string]bool{}
		for range 1 + r.IntN(4) {
			key := keys[r.IntN(len(keys))]
			if group := regexp.MustCompile(`^\w+`).FindString(key); !seen[group] {
				text += inBlock(key, values[r.IntN(len(values))])
				seen[group] = true
			}
		}
		judge(text)
	}
	for _, pattern := range []string{"../testdata/*/*.txtar", "../testdata/*.txtar", "../inspect/testdata/*/*.txtar"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			for _, f := range archive.Files {
				if filepath.Ext(f.Name) == ".yml" {
					judge(string(f.Data))
				}
			}
		}
	}
	require.Greater(t, accepted, 500)
	require.Greater(t, refused, 500)
}

// inBlock is a text with one value.
func inBlock(key, value string) string {
	group, rest, nested := cut(key)
	if !nested {
		return key + ": " + value + "\n"
	}
	return group + ":\n  " + rest + ": " + regexp.MustCompile(`\n`).ReplaceAllString(value, "\n  ") + "\n"
}

func cut(key string) (string, string, bool) {
	m := regexp.MustCompile(`^(\w+)\.(.*)$`).FindStringSubmatch(key)
	if m == nil {
		return key, "", false
	}
	return m[1], m[2], true
}

// A file of comments alone, as init writes it where nothing differs from the defaults, and a group with comments alone below it.
func TestSchema_AcceptsCommentsOnly(t *testing.T) {
	o := newOracle(t)
	for _, text := range []string{"", "---\n", "# project: hyrax\n", "ruby:\n  # manager: rbenv\n", "queues:\n# - a\nproject:\nprocesses:\n- name: a\n  queues:\n", "environment:\n  A:\n"} {
		valid, judged := o.agrees(t, []byte(text))
		require.True(t, valid && judged, text)
		_, err := Read("m", []byte(text))
		require.NoError(t, err, text)
	}
	for i, text := range []string{"processes: [~]", "processes: [{name: }]", "queues: [~]", "x:", "redis: {x: }"} {
		valid, judged := o.agrees(t, []byte(text))
		require.True(t, !valid && judged, "%d %s", i, text)
	}
}

func FuzzWalk(f *testing.F) {
	o := newOracle(f)
	for i, value := range values {
		f.Add([]byte(fmt.Sprint("concurrency: ", value, "\nredis:\n  url: ", value, "\nprocesses: ", values[(i+7)%len(values)], "\n")))
	}
	f.Add([]byte("concurrency: !!null\n 0:"))
	f.Add([]byte("a: &a [*a]\nb: {<<: {}}\n? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, text []byte) { o.agrees(t, text) })
}
