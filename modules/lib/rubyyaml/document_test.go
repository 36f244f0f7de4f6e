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
		"a: &<%= x %>\n  b: 1\n":   "line 1: the name of an anchor comes from ERB, and any alias may mean it",
		"a: 1\nb: <%= x\n":         "line 2: an ERB tag begins here and never ends",
		"a: <% if x %>[1]<% else %>[2]<% end %>\n": "line 1: requires Ruby: the content depends on an ERB code tag (<% %>)",
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
	require.Len(t, OwnEntries(d.Root().Content[3], "y"), 1)
	require.Empty(t, OwnEntries(d.Root().Content[3], "x"))
}

// The first mapping of a list takes precedence.
func TestMapping_MergesList(t *testing.T) {
	d := parsed(t, "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc:\n  <<: [*a, *b]\n")
	m, err := d.Mapping(d.Root().Content[5])
	require.NoError(t, err)
	require.Equal(t, "1", m.At(Key{Name: "x"}).Value.Value)
	require.Equal(t, "3", m.At(Key{Name: "y"}).Value.Value)
}

func TestDocument_Uncertain(t *testing.T) {
	const (
		code = "the content depends on an ERB code tag (<% %>)"
		env  = "an ERB tag here may change ENV"
		key  = "the output of an ERB tag here may be any key"
		name = "ERB computes a key, or what << merges"
	)
	for source, want := range map[string]*Refusal{
		"a: 1\n": nil,
		"<%# a comment %>\na: <%= ENV['X'] || Rails.root %>\n<%%: <%= %>\n": nil,
		"a: 1\n# <%= x %>\n":                                nil,
		"a: 1\n<% x = 5 %>\n":                               {Line: 2, Reason: code, Uncertain: true},
		"a: <%= ENV['X'] ||= y(ENV.clear) %>\n<% x %>\n":    {Line: 1, Reason: env, Uncertain: true},
		"a: <%= ENV['X'] ||= 1 %>\nb: <%= ENV['Y'] %>\n":    nil,
		"a: <%= ENV['X'] %>\nb: <%= ENV.delete('X') %>\n":   {Line: 2, Reason: env, Uncertain: true},
		"a: 1\n<%= x %> <%= y %> # c\n":                     {Line: 2, Reason: key, Uncertain: true},
		"a: 1\n<%= x %>":                                    {Line: 2, Reason: key, Uncertain: true},
		"a: 1\n<% x %>\n<%= y %>\n":                         {Line: 2, Reason: code, Uncertain: true},
		"a: &a {x: 1}\nb:\n  <<: *<%= name %>\n":            {Line: 3, Reason: name, Uncertain: true},
		"a: &a {x: 1}\nb:\n  <<: <%= '*a' %>\n":             {Line: 3, Reason: name, Uncertain: true},
		"a: &a {x: 1}\nb:\n  <<: [*a, <%= '*a' %>]\n":       {Line: 3, Reason: name, Uncertain: true},
		"a: &a {x: 1}\nb:\n  y: *<%= name %>\n":             {Line: 3, Reason: name, Uncertain: true},
		"a: 1\nb: {c: {d_<%= name %>: 1}}\n":                {Line: 2, Reason: name, Uncertain: true},
		"a: &a b\n*a : 1\n":                                 {Line: 2, Reason: "a key is an alias", Uncertain: true},
		"a: &a {x: 1}\nb:\n  <<: [*a, *a]\n  y: <%= z %>\n": nil,
	} {
		require.Equal(t, want, parsed(t, source).Uncertain(), source)
	}
}

func TestParse_KeepsTextOfAllBranches(t *testing.T) {
	d := parsed(t, "a: 1\n<% if x %>\nb: 2\n<% else %>\nc: 3\n<% end %>\n<% y.each do |z| %>d: 4\n<% end %>\n")
	m, err := d.Mapping(d.Root())
	require.NoError(t, err)
	require.Equal(t, []Key{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}, m.Keys())
	require.Equal(t, 5, d.Line(m.At(Key{Name: "c"}).Value))
	trimmed, err := Parse([]byte("<%- x -%>\na: <%= 5 -%>\n\n"), TrimMarks)
	require.NoError(t, err)
	require.Equal(t, "a", trimmed.Root().Content[0].Value)
}

func TestDocument_Text(t *testing.T) {
	for source, want := range map[string]string{
		"a: <%= ENV['D'] %>": "25", "a: '<%= ENV[\"D\"] %>'": " 25 ", "a: x<%= ENV['A'] %>y<%= ENV['A'] %>": "x7y7", "a: <%= ENV['B'] %>": "",
		"a: b": "b", "a: 'b '": "b ", "a: <%% b": "<% b", "a: |\n  x<%= ENV['D'] %>\n": "x 25 \n", "b: &x <%= ENV['D'] %>\na: *x": "25",
	} {
		d := parsed(t, source)
		got, err := d.Text(lastValue(d.Root()), environ)
		require.NoError(t, err, source)
		require.Equal(t, want, got, source)
	}
	for source, want := range map[string]string{
		"a: <%= x %>":                     ErrRuby.Error(),
		"a: *<%= 'x' %>":                  ErrRuby.Error(),
		"a: <%= Integer(ENV['C']) %>":     "C is not a number",
		"a: <%= ENV['A'] %><%= ENV[A] %>": ErrRuby.Error(),
	} {
		d := parsed(t, source)
		_, err := d.Text(lastValue(d.Root()), environ)
		require.EqualError(t, err, want, source)
	}
}

func TestDocument_Variables(t *testing.T) {
	for source, want := range map[string][]string{
		"a: <%= ENV['B'] %>/<%= ENV[\"A\"] || ENV.fetch('B') %>":        {"B", "A"},
		"a: <%= ENV.fetch 'X', [1, ENV.fetch( \"Y\" ).to_i * 2].max %>": {"X", "Y"},
		"a: *<%= ENV['X'] %>": {"X"}, "a: <%= ENV[name] %>": nil, "a: ENV['X']": nil, "a: <%= MYENV['X'] %>": nil,
	} {
		d := parsed(t, source)
		require.Equal(t, want, d.Variables(lastValue(d.Root())), source)
	}
}

func TestDocument_Shown(t *testing.T) {
	for source, want := range map[string]string{
		"a: 5 # x": "5", `a: "<%= ENV['X'] || 5 %>"`: `"<%= ENV['X'] || 5 %>"`, "a: <%=ENV.fetch('X') { '5' }.to_i%>": "<%=ENV.fetch('X') { '5' }.to_i%>",
		"a: <%= ENV['X'] || 'hunter2' %>": "<%= ... %>", "a: x<%= login('hunter2') %>y<%= ENV['X'] %>z": "x<%= ... %>y<%= ENV['X'] %>z", "a: *<%= x %>": "*<%= ... %>",
		"a: 5<%# hunter2 %>0": "5<%= ... %>0", "a: 5<% hunter2 %>0": "", "a: x<%%y": "x<%%y", "a: |\n  <%= ENV['X'] %>": "",
	} {
		d := parsed(t, source)
		require.Equal(t, want, d.Shown(lastValue(d.Root())), source)
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
	require.True(t, d.Divides(4))
	require.False(t, d.Divides(3))
	require.False(t, d.Divides(11))
}
