package rubyyaml

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/modules/rubyyaml/rubytest"
)

const oracle = "testdata/oracle.rb"

var markers = map[tagKind]string{outputTag: "<%=", codeTag: "<%", commentTag: "<%#"}

// randomText is made of what can begin or end a tag.
func randomText(random *rand.Rand) string {
	pieces := []string{"<%", "<%=", "<%#", "<%%", "%>", "%%>", "%", ">", "<", "=", " x ", "\n", "a: "}
	var text strings.Builder
	for range random.IntN(12) {
		text.WriteString(pieces[random.IntN(len(pieces))])
	}
	return text.String()
}

func TestTagsAreThoseThatRubyFinds(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(1, 2))
	compared := 0
	for range 3000 {
		text := randomText(random)
		tags, fault := scanTags([]byte(text))
		if fault != nil {
			continue
		}
		var want [][2]string
		ruby.Ask(t, map[string]string{"tags": text + " "}, &want)
		got := [][2]string{}
		for _, tag := range tags {
			if tag.kind != literalTag {
				got = append(got, [2]string{markers[tag.kind], tag.code})
			}
		}
		require.Equal(t, want, got, "%q", text)
		compared++
	}
	require.Greater(t, compared, 1000)
}

// expressions that are evaluated, with A=7, B=" ", C="12abc" set.
var expressions = []string{
	`ENV["A"]`, `ENV['A']`, `ENV["NONE"]`, `ENV.fetch("A")`, `ENV.fetch("NONE", 5)`, `ENV.fetch("NONE", "5")`, `ENV.fetch("NONE", nil)`,
	`ENV.fetch("NONE") { 5 }`, `ENV.fetch("A") { 5 }`, `ENV.fetch("NONE"){ENV["A"]}`, `ENV.fetch("NONE") { ENV.fetch("ALSO", 3).to_i }`,
	`ENV["NONE"] || 5`, `ENV["A"] || 5`, `ENV["B"] || 5`, `ENV["B"].presence || 5`, `ENV["NONE"].presence || "20"`, `ENV["A"].presence || 5`,
	`ENV["NONE"].to_i`, `ENV["C"].to_i`, `ENV["A"].to_i`, `(ENV["NONE"] || 5).to_i`, `Integer(ENV.fetch("NONE", 30))`, `Integer(ENV["A"])`,
	`Integer(ENV["C"])`, `Integer(ENV["NONE"])`, `ENV["NONE"] || ENV["ALSO"] || 10_000`, `"text"`, `'text'`, `""`, `nil`, `7.to_s`,
	`ENV.fetch("NONE", ENV["A"])`, `ENV.fetch("NONE", ENV.fetch("ALSO") { "x" })`, ` ( 5 ) `, `ENV["A"].to_s.to_i()`, "ENV[\"NONE\"] ||\n 5", `0`,
}

var variables = map[string]string{"A": "7", "B": " ", "C": "12abc"}

func environ(name string) (string, bool) {
	value, set := variables[name]
	return value, set
}

func TestExpressionsGiveWhatRubyGives(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	for _, code := range expressions {
		var want *string
		ruby.Ask(t, map[string]any{"erb": "<%=" + code + "%>", "variables": variables}, &want)
		expression, err := parseExpression(code)
		require.NoError(t, err, code)
		got, err := expression.evaluate(environ)
		if want == nil {
			require.Error(t, err, code)
			continue
		}
		require.NoError(t, err, code)
		require.Equal(t, *want, got, code)
	}
}

func TestOtherRubyIsNotEvaluated(t *testing.T) {
	for _, code := range []string{
		"", "x", "Rails.env", "Etc.nprocessors", "`hostname`", `ENV`, `ENV[name]`, `ENV["A]`, `ENV["#{x}"]`, `ENV["A"] ? 1 : 2`, `ENV["A"] + 1`,
		`ENV.fetch("A") { |x| 5 }`, `ENV.fetch("A", 5) { 6 }`, `ENV.fetch "A", 5`, `ENV.key?("A")`, `ENV["A"]&.to_i`, `010`, `0x10`, `1.5`, `-5`,
		`5 5`, `(5`, `5)`, `"a" "b"`, `ENV["A"] || `, `ENV["A"].to_i * 2`, `ENV["A"].to_i(16)`, `[1, 2].max`, `5 # comment`, `Integer 5`, `99999999999999999999`,
		strings.Repeat("(", 100000),
	} {
		_, err := parseExpression(code)
		require.ErrorIs(t, err, ErrRuby, "%.40q", code)
	}
}

func TestOnlyHarmlessCodeIsLetThrough(t *testing.T) {
	for code, harmless := range map[string]bool{
		` require "uri" `: true, ` require_relative '../x' `: true, `require("uri")`: true, ` name = ENV["X"] || "app" `: true,
		"\n  threads = ENV.fetch('X', 5).to_i\n": true,
		` if x `:                                 false, ` end `: false, ` x = 5 if y `: false, ` x = [ `: false, ` x == 5 `: false, ` x =~ y `: false, ` x = Foo.bar `: false,
		` require "#{x}" `: false, ` require "a"; if b `: false, `X = 5`: false, `# comment`: false, ` x = 5 # comment`: false, ` false and `: false, ``: false,
	} {
		require.Equal(t, harmless, tag{kind: codeTag, code: code}.harmless(), code)
	}
}

// randomYAML is mappings that merge each other in all orders, with keys that are set twice.
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

func TestMergesFollowPsych(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		text := randomYAML(random)
		var want map[string]map[string]any
		ruby.Ask(t, map[string]string{"yaml": text}, &want)
		require.NotNil(t, want, text)
		doc, err := Parse([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, plain(t, doc), text)
	}
}

// plain is a document of two levels as Go values.
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

func TestSpansAreWhereThingsStandInTheSource(t *testing.T) {
	for source, want := range map[string]string{
		"a: value": "value", "a: 'x''y' # c": "'x''y'", `a: "x\"y"`: `"x\"y"`, "a: é日本 # c": "é日本", "'é': b": "b",
		"a: <%= x %>": "<%= x %>", "a: b<%= x %>c<%= y %>": "b<%= x %>c<%= y %>", "a: <%= x\n y %> # c": "<%= x\n y %>",
		"# <%= x %> é\na: b": "b", "<%# gone %>a: b": "b", "a: 50<%%": "50<%%", "a: <%% b": "<%% b",
		"x: &x 1\ny: *x": "*x", "a: *<%= x %>": "*<%= x %>", "x: {y: 1, z: two}": "two", "# \u2028a: b\u0085c: d": "d",
		"a: |\n  text": "", "a: &b c": "", "a: !!str c": "", "a: two\n  lines": "", "a: 'two\n  lines'": "", "a: [1]": "", "a:": "",
	} {
		doc, err := Parse([]byte(source))
		require.NoError(t, err, source)
		start, end, ok := doc.Span(lastValue(doc.Root()))
		require.Equal(t, want != "", ok, source)
		require.Equal(t, want, source[start:end], source)
	}
}

// lastValue is the last value of the mapping n, or of the last mapping in it.
func lastValue(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.MappingNode {
		n = n.Content[len(n.Content)-1]
	}
	return n
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: <%= x %>\n", "<% x = 5 %>\na: &b [*b]\n", "a: *<%= x %>\n", "? a\n: <%# x %> b\r\n", "<<: {a: 1}\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		doc, err := Parse(source)
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

// visit demands that the spans of all scalars lie in the source in the order of the file.
func visit(t *testing.T, doc *Document, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode {
		if start, end, ok := doc.Span(n); ok {
			require.Less(t, start, end)
			require.LessOrEqual(t, end, len(doc.Source()))
			require.Equal(t, doc.Line(n), doc.LineAt(start))
		}
	}
	for _, child := range n.Content {
		visit(t, doc, child)
	}
}

// An unquoted password that starts with a star is an alias for YAML, and its parser would name it.
func TestAPasswordThatLooksLikeAnAliasIsNotShown(t *testing.T) {
	_, err := Parse([]byte("production:\n  password: *hunter2\n"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	require.Contains(t, err.Error(), "put a value that starts with * into quotes")
}
