package rubyyaml

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

const oracle = "testdata/oracle.rb"

// randomText consists of parts that can begin or end a tag.
func randomText(random *rand.Rand) string {
	pieces := []string{"<%", "<%=", "<%#", "<%%", "%>", "%%>", "%", ">", "<", "=", " x ", "\n", "a: ", "<%-", "-%>", "-", "  ", "\r\n", "\t"}
	var text strings.Builder
	for range random.IntN(12) {
		text.WriteString(pieces[random.IntN(len(pieces))])
	}
	return text.String()
}

// found has the result of Ruby's scanner: text, and tags with their code.
func found(source string, trim bool) ([][2]string, bool) {
	tags, failure := scanTags([]byte(source), trim)
	if failure != nil {
		return nil, false
	}
	markers := map[tagKind]string{outputTag: "<%=", codeTag: "<%", commentTag: "<%#"}
	all, kept, at := [][2]string{}, "", 0
	for _, t := range tags {
		kept += source[at:t.start]
		at = t.end
		if t.kind == literalTag {
			kept += "<%"
			continue
		}
		all, kept = append(all, [2]string{"", kept}, [2]string{markers[t.kind], t.code}), ""
	}
	return append(all, [2]string{"", kept + source[at:]}), true
}

func TestScanTags_AsRuby(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(1, 2))
	compared := 0
	for i := range testenv.Rounds(2000) {
		text, trim := randomText(random), i%2 == 0
		got, ok := found(text, trim)
		if !ok {
			continue
		}
		var want [][2]string
		ruby.Ask(t, map[string]any{"tags": text, "trim": trim}, &want)
		require.Equal(t, want, got, "%q, trim %t", text, trim)
		compared++
	}
	require.Greater(t, compared, 300)
}

// randomProgram returns a template with code tags.
func randomProgram(random *rand.Rand, depth int) string {
	var text strings.Builder
	for range 1 + random.IntN(3) {
		switch kind := random.IntN(8); {
		case depth > 0 && kind == 0:
			fmt.Fprintf(&text, "<%% if true %%>%s<%% end %%>", randomProgram(random, depth-1))
		case depth > 0 && kind == 1:
			fmt.Fprintf(&text, "<%% 1.times do %%>\n%s<%% end %%>\n", randomProgram(random, depth-1))
		case kind == 2:
			fmt.Fprintf(&text, "<%% x = %d %%>", random.IntN(9))
		case kind == 3:
			fmt.Fprintf(&text, "k%d: <%%= 'v' %%>\n", random.IntN(100))
		case kind == 4:
			text.WriteString("<%# end %>")
		case kind == 5:
			text.WriteString("<%%")
		default:
			fmt.Fprintf(&text, "t%d\n", random.IntN(100))
		}
	}
	return text.String()
}

// If every branch runs and every loop runs once, the rendered text is the same as Ruby's.
func TestRender_RandomAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(9, 10))
	for range testenv.Rounds(400) {
		source := randomProgram(random, 3)
		tags, failure := scanTags([]byte(source), false)
		require.Nil(t, failure, source)
		text, failure := render([]byte(source), tags)
		require.Nil(t, failure, source)
		got, err := text.expand(string(text.bytes), environ)
		require.NoError(t, err, source)
		var want *string
		ruby.Ask(t, map[string]any{"erb": source}, &want)
		require.NotNil(t, want, source)
		require.Equal(t, *want, got, source)
	}
}

// randomYAML has mappings that merge each other in any order, with duplicate keys.
func randomYAML(random *rand.Rand) string {
	var text strings.Builder
	for section := range 4 {
		fmt.Fprintf(&text, "s%d: &s%d\n  base: %d\n", section, section, section)
		for range random.IntN(5) {
			switch key := fmt.Sprintf("k%d", random.IntN(3)); {
			case section > 0 && random.IntN(3) == 0:
				fmt.Fprintf(&text, "  <<: *s%d\n", random.IntN(section))
			case section > 1 && random.IntN(4) == 0:
				fmt.Fprintf(&text, "  <<: [*s%d, *s%d]\n", random.IntN(section), random.IntN(section))
			case random.IntN(6) == 0:
				fmt.Fprintf(&text, "  \"<<\": {%s: %d}\n", key, random.IntN(100))
			case random.IntN(6) == 0:
				fmt.Fprintf(&text, "  <<: %s\n", key)
			default:
				fmt.Fprintf(&text, "  %s: %d\n", key, random.IntN(100))
			}
		}
	}
	return text.String()
}

func TestMapping_MergesAsPsych(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(3, 4))
	for range testenv.Rounds(500) {
		text := randomYAML(random)
		var want map[string]map[string]any
		ruby.Ask(t, map[string]string{"yaml": text}, &want)
		require.NotNil(t, want, text)
		doc, err := document([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, plain(t, doc), text)
	}
}

// plain converts a document of two levels to Go values.
func plain(t *testing.T, doc *Document) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	root, err := doc.Mapping(doc.Root())
	require.NoError(t, err)
	for _, section := range root.Keys() {
		values, err := doc.Mapping(Deref(root.At(section).Value))
		require.NoError(t, err)
		all[section.Name] = map[string]any{}
		for _, key := range values.Keys() {
			var value any
			require.NoError(t, values.At(key).Value.Decode(&value))
			if number, ok := value.(int); ok {
				value = float64(number)
			}
			all[section.Name][key.Name] = value
		}
	}
	return all
}

func TestDocument_Spans(t *testing.T) {
	for source, want := range map[string]string{
		"a: value": "value", "a: 'x''y' # c": "'x''y'", `a: "x\"y"`: `"x\"y"`, "a: é日本 # c": "é日本", "'é': b": "b",
		"a: <%= x %>": "<%= x %>", "a: b<%= x %>c<%= y %>": "b<%= x %>c<%= y %>", "a: <%= x\n y %> # c": "<%= x\n y %>",
		"# <%= x %> é\na: b": "b", "<%# gone %>a: b": "b", "a: 50<%%": "50<%%", "a: <%% b": "<%% b",
		"x: &x 1\ny: *x": "*x", "a: *<%= x %>": "*<%= x %>", "x: {y: 1, z: two}": "two", "# \u2028a: b\u0085c: d": "d",
		"a: <% if x %>5<% end %>": "5", "a: <% if x %>5<% else %>10<% end %>": "",
		"a: |\n  text": "", "a: &b c": "", "a: !!str c": "", "a: two\n  lines": "", "a: 'two\n  lines'": "", "a: [1]": "", "a:": "",
	} {
		doc, err := document([]byte(source))
		require.NoError(t, err, source)
		start, end, ok := doc.Span(lastValue(doc.Root()))
		require.Equal(t, want != "", ok, source)
		require.Equal(t, want, source[start:end], source)
	}
}

func document(source []byte) (*Document, error) { return Parse(source, NoTrim) }

// lastValue returns the last value of the mapping n, or of the last mapping in it.
func lastValue(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.MappingNode {
		n = n.Content[len(n.Content)-1]
	}
	return n
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: <%= x %>\n", "<% x = 5 %>\na: &b [*b]\n", "a: *<%= x %>\n", "? a\n: <%# x %> b\r\n", "<<: {a: 1}\n",
		strings.Repeat("[", 30_000), strings.Repeat("- ", 30_000), strings.Repeat("{a: ", 300) + strings.Repeat("}", 300), strings.Repeat("? ", 300),
		"a: &a [x]\n" + strings.Repeat("b: &a [*a, *a]\n", 50), "a: &a {b: 1}\nc:\n" + strings.Repeat("  <<: *a\n", 50),
		"a: " + strings.Repeat("<%= x %>", 50), "a: &a {b: 1}\nc:\n  d: 1\n" + strings.Repeat("  <<: *<%= x %>\n", 50),
		"a: <%= x %><% y %>\n<%= z %>\n", "a: <%= " + strings.Repeat("(", 400) + "5" + strings.Repeat(")", 400) + " %>"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		doc, err := document(source)
		if err != nil {
			require.Nil(t, doc)
			require.IsType(t, &Refusal{}, err)
			require.LessOrEqual(t, err.(*Refusal).Line, len(lineStarts(source)))
			return
		}
		if doc.Root() != nil {
			visit(t, doc, doc.Root())
		}
	})
}

// visit requires that the spans of all scalars are in the source, in order.
func visit(t *testing.T, doc *Document, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode {
		if start, end, ok := doc.Span(n); ok {
			require.Less(t, start, end)
			require.LessOrEqual(t, end, len(doc.source))
			require.Equal(t, doc.Line(n), doc.LineAt(start))
			require.NotEmpty(t, doc.Shown(n))
		}
		_, err := doc.Text(n, environ)
		require.True(t, err == nil || !strings.Contains(err.Error(), "\n"))
		require.NotContains(t, doc.Variables(n), "")
	}
	for _, child := range n.Content {
		visit(t, doc, child)
	}
}

// YAML parses an unquoted password that starts with a star as an alias, which its error would contain.
func TestRefusal_HidesPassword(t *testing.T) {
	_, err := document([]byte("production:\n  password: *hunter2\n"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	require.Contains(t, err.Error(), "put a value that starts with * into quotes")
}
