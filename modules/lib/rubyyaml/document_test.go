package rubyyaml

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// parsed is the document of a source.
func parsed(t *testing.T, source string) *Document {
	t.Helper()
	d, err := document([]byte(source))
	require.NoError(t, err, source)
	return d
}

func TestDocument_Refusals(t *testing.T) {
	const repair = "; hint: Ruby cannot load it either; repair it first"
	for source, want := range map[string]string{
		"\xff\xfea\x00":            "the file is in UTF-16; hint: save it as UTF-8",
		"\xfe\xff\x00a":            "the file is in UTF-16; hint: save it as UTF-8",
		"a: \xe9":                  "the file is not UTF-8; hint: save it as UTF-8",
		"\ufeffa: 1":               "the file has a byte order mark, behind which Ruby loses the sections that follow the first; hint: save it as UTF-8 without BOM",
		"a: 1\n---\nb: 2\n":        "line 2: a second YAML document begins here, which Ruby does not read; hint: keep one document in the file",
		"a: 1\n---\n[\n":           "line 3: this is not YAML: did not find expected node content" + repair,
		"a: 1\nb: *x\n":            "this is not YAML: an alias (*) names no anchor; hint: put a value that starts with * into quotes",
		"a: 1\nb: !ruby/symbol x":  "line 2: a tag (!) makes an object of Ruby's; hint: write it without",
		"a:\n- [1]\n- {b: !x 1}\n": "line 3: a tag (!) makes an object of Ruby's; hint: write it without",
		"a: 1\n  b: 2\n":           "line 2: this is not YAML: mapping values are not allowed in this context" + repair,
	} {
		_, err := document([]byte(source))
		require.EqualError(t, err, want, "%q", source)
	}
	for _, source := range []string{"a: !!str 1\nb: !!int 2\n", "", "# nothing\n", "a: 1\n...\n"} {
		parsed(t, source)
	}
	require.Nil(t, parsed(t, "").Root())
}

func TestHinted(t *testing.T) {
	require.EqualError(t, Hinted(fmt.Errorf("f: %w", &Refusal{Line: 1, Reason: "x"}), "y"), "f: line 1: x")
	r := &Refusal{Reason: "x"}
	require.EqualError(t, Hinted(r, "y"), "x; hint: y")
	require.EqualError(t, Hinted(r, "z"), "x; hint: y")
	require.EqualError(t, Hinted(errors.New("x"), "y"), "x")
}

func TestKeyOf(t *testing.T) {
	for source, want := range map[string]Key{
		"a: 1": {Name: "a"}, ":a: 1": {Name: "a", Symbol: true}, `":a": 1`: {Name: ":a"}, `:"a b": 1`: {Name: "a b", Symbol: true}, ":'a': 1": {Name: "a", Symbol: true},
		"':': 1": {Name: ":"}, "? [a]\n: 1": {}, "? &x a\n: 1": {Name: "a"},
	} {
		require.Equal(t, want, KeyOf(parsed(t, source).Root().Content[0]), source)
	}
	d := parsed(t, "a: &x :b\nc: {? *x : 1}\n")
	require.Equal(t, Key{Name: "b", Symbol: true}, KeyOf(d.Root().Content[3].Content[0]))
}

func TestKeyMayBe(t *testing.T) {
	for source, want := range map[string]bool{
		"pool: 1": true, ":pool: 1": true, "pools: 1": false, "<%= x %>: 1": true, "p<%= x %>l: 1": true, "p<%= x %>s: 1": false, ":po<%= x %>: 1": true, "po.l<%= x %>: 1": false,
	} {
		require.Equal(t, want, KeyMayBe(parsed(t, source).Root().Content[0], "url", "pool"), source)
	}
	require.Equal(t, "a<%= %>b", Readable(parsed(t, "a<%= x %>b: 1").Root().Content[0].Value))
}

func TestMapping_Entries(t *testing.T) {
	d := parsed(t, "a: &a\n  x: 1\n  :y: 2\nb: {<<: *a, y: 3, z: 4}\n")
	m, err := d.Mapping(d.Root().Content[3])
	require.NoError(t, err)
	require.Equal(t, []Key{{Name: "x"}, {Name: "y", Symbol: true}, {Name: "y"}, {Name: "z"}}, m.Keys())
	require.True(t, m.Has(Key{Name: "y", Symbol: true}))
	require.False(t, m.Has(Key{Name: "z", Symbol: true}))
	entry, found, err := m.Entry("z")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "4", entry.Value.Value)
	_, found, err = m.Entry("none")
	require.NoError(t, err)
	require.False(t, found)
	_, _, err = m.Entry("y")
	require.EqualError(t, err, "it is set both as a string and as a symbol")
	require.True(t, m.Settled("z"))
	require.Empty(t, m.Unsettled())
	require.Len(t, OwnEntries(d.Root().Content[3], "y"), 1)
	require.Empty(t, OwnEntries(d.Root().Content[3], "x"))
}

// What ERB names may be merged over the keys before it.
func TestMapping_Unsettled(t *testing.T) {
	d := parsed(t, "a: &a {x: 1}\nb:\n  x: 1\n  <<: *<%= name %>\n  y: 2\n")
	m, err := d.Mapping(d.Root().Content[3])
	require.NoError(t, err)
	require.Len(t, m.Unsettled(), 1)
	require.True(t, d.NamesAlias(m.Unsettled()[0]))
	for key, want := range map[string]bool{"x": false, "y": true, "z": false} {
		require.Equal(t, want, m.Settled(key), key)
	}
}

func TestShapes(t *testing.T) {
	s := NewShapes()
	number := func(source string) int {
		d := parsed(t, source)
		n, err := s.Of(d, d.Root())
		require.NoError(t, err)
		return n
	}
	same := number("a: {x: 1, y: [1, 2]}\nb: 3\n")
	require.Equal(t, same, number("a:\n  x: 1\n  y:\n  - 1\n  - 2\nb: 3\n"))
	require.Equal(t, same, number("a: {<<: {x: 1}, y: [1, 2]}\nb: 3\n"))
	for _, source := range []string{"a: {x: 1, y: [2, 1]}\nb: 3\n", "a: {x: 1, y: [1, 2]}\nb: '3'\n", "a:\n  :x: 1\n  y: [1, 2]\nb: 3\n", "b: 3\na: {x: 1, y: [1, 2]}\n"} {
		require.NotEqual(t, same, number(source), source)
	}
	require.NotEqual(t, number("a: yes"), number("a: 'yes'"), "Psych loads true, and a string")
	d := parsed(t, "a: &a [*a]\n")
	_, err := s.Of(d, d.Root())
	require.EqualError(t, err, "line 1: the value contains itself; hint: remove the alias that leads back to it")
}

func TestDocument_Lines(t *testing.T) {
	d := parsed(t, "a: <%= 1 %>\r\nb: é\n\nc: 4")
	for offset, want := range map[int][3]int{0: {0, 11, 13}, 12: {0, 11, 13}, 13: {13, 18, 19}, 19: {19, 19, 20}, 20: {20, 24, 24}} {
		start, end, next := d.LineBounds(offset)
		require.Equal(t, want, [3]int{start, end, next}, offset)
	}
	require.Equal(t, 3, d.LineAt(19))
	require.Equal(t, 4, d.Line(d.Root().Content[5]))
	require.Zero(t, d.Line(&yaml.Node{}))
	require.Zero(t, d.Line(&yaml.Node{Line: 9, Column: 1}))
	require.Zero(t, d.Line(&yaml.Node{Line: 4, Column: 9}))
	require.True(t, d.Same(parsed(t, "a: <%= 1 %>\r\nb: é\n\nc: 4")))
	require.False(t, d.Same(parsed(t, "a: <%= 1 %>\r\nb: e\n\nc: 4")))
	require.True(t, d.Divides(4))
	require.False(t, d.Divides(3))
	require.False(t, d.Divides(11))
}
