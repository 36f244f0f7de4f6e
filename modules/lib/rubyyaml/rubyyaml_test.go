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

// expressions that are evaluated, with A=7, B=" ", C="12abc", RAILS_ENV=production set.
var expressions = []string{
	`ENV["A"]`, `ENV['A']`, `ENV["NONE"]`, `ENV.fetch("A")`, `ENV.fetch("NONE", 5)`, `ENV.fetch("NONE", "5")`, `ENV.fetch("NONE", nil)`,
	`ENV.fetch("NONE") { 5 }`, `ENV.fetch("A") { 5 }`, `ENV.fetch("NONE"){ENV["A"]}`, `ENV.fetch("NONE") { ENV.fetch("ALSO", 3).to_i }`,
	`ENV["NONE"] || 5`, `ENV["A"] || 5`, `ENV["B"] || 5`, `ENV["B"].presence || 5`, `ENV["NONE"].presence || "20"`, `ENV["A"].presence || 5`,
	`ENV["NONE"].to_i`, `ENV["C"].to_i`, `ENV["A"].to_i`, `(ENV["NONE"] || 5).to_i`, `Integer(ENV.fetch("NONE", 30))`, `Integer(ENV["A"])`,
	`Integer(ENV["C"])`, `Integer(ENV["NONE"])`, `ENV["NONE"] || ENV["ALSO"] || 10_000`, `"text"`, `'text'`, `""`, `nil`, `7.to_s`,
	`ENV.fetch("NONE", ENV["A"])`, `ENV.fetch("NONE", ENV.fetch("ALSO") { "x" })`, ` ( 5 ) `, `ENV["A"].to_s.to_i()`, "ENV[\"NONE\"] ||\n 5", `0`,
	`ENV["A"] ? 1 : 2`, `ENV["NONE"] ? 1 : 2`, `Sidekiq.server? ? 25 : 5`, `defined?(Sidekiq) && Sidekiq.server? ? ENV.fetch("A", 1).to_i : 5`, `!ENV["A"] ? 1 : 2`,
	`ENV["A"].to_i + 1`, `ENV["A"].to_i * 2 - 1`, `2 + 3 * 4`, `(2 + 3) * 4`, `10 - 3 - 2`, `7 / 2`, `ENV["C"].to_i / 5`, `7 % 3`, `0 - 7 / 2`, `(0 - 7) / 2`, `(0 - 7) % 3`, `1 / 0`,
	`[1, ENV["A"].to_i * ENV["C"].to_i].max`, `[3, 1, 2].min`, `[1, 2].sum`, `ENV.key?("A") ? 1 : 0`, `ENV.has_key?("NONE") ? 1 : 0`, `ENV["A"]&.to_i`, `ENV["NONE"]&.to_i || 4`,
	`ENV["A"] == "7" ? "yes" : "no"`, `ENV["A"] != "7"`, `3 < 4`, `4 <= 3 || 5 > 4`, `1 == 1 && 2`, `false || nil`, `true && false`, `nil.nil?`, `"".empty?`, `" x ".strip`,
	`ENV["NONE"].to_i.nonzero? || 9`, `ENV["A"].to_i.positive?`, `0.zero?`, `ENV["B"].present?`, `ENV["B"].blank?`, `nil.blank?`, `0.blank?`,
	`"x" if ENV["A"]`, `"x" if ENV["NONE"]`, `"x" unless ENV["A"]`, `5 unless ENV["NONE"]`, `ENV["A"] if ENV["A"] && ENV["C"]`, `"a" + "b"`, `"a" + 1`, `1 + "a"`, `nil + 1`, `1 < nil`, `1 == "1"`,
	`Rails.env`, `Rails.env.production?`, `Rails.env.test? ? 1 : 2`, `Rails.env == "production" ? 30 : 5`, `"a" == "a"`, `nil || false || 0`, `1 ? nil : 2`, `ENV["A"]-ENV["C"]`, `ENV["A"].to_i-1`,
	`ENV.fetch "NONE", 5`, `ENV.fetch "A"`, `ENV.fetch 'NONE', ENV["A"] || 3`, `(ENV.fetch "NONE", "5").to_i`, `ENV.fetch("NONE") { |name| 5 }`, `ENV.fetch("A") { |_x| 5 }`,
	`Integer(ENV["A"], 10)`, `Integer(ENV.fetch("NONE", "6"), 10)`, `Integer(ENV["C"], 10)`, `ENV.fetch "NONE", 5 if ENV["A"]`,
	`ENV.fetch("A", ENV.fetch("NONE"))`, `ENV.fetch("A") { ENV.fetch("NONE") }`,
	`true.to_i`, `Integer(true)`, `ENV["NONE"].strip`, `ENV.fetch("NONE") { Rails.env.production? ? 20 : 5 }`,
}

var variables = map[string]string{"A": "7", "B": " ", "C": "12abc", "RAILS_ENV": "production"}

func environ(name string) (string, bool) {
	value, set := variables[name]
	return value, set
}

func TestExpression_AsRuby(t *testing.T) {
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

func TestParseExpression_RefusesOtherRuby(t *testing.T) {
	for _, code := range []string{
		"", "x", "Rails.root", "Etc.nprocessors", "`hostname`", `ENV`, `ENV[name]`, `ENV["A]`, `ENV["#{x}"]`, `ENV["A"] ?1:2`, `ENV["A"] +1`,
		`ENV.fetch("A") { |x| x }`, `ENV.fetch("A") { |x, y| 5 }`, `ENV.fetch("A", 5) { 6 }`, `Integer(ENV["A"], 16)`, `ENV.key? "A"`, "ENV.fetch\n'A'", `010`, `0x10`, `1.5`, `-5`, `1_`, `1__0`,
		`5 5`, `(5`, `5)`, `"a" "b"`, `ENV["A"] || `, `ENV["A"].to_i *2`, `ENV["A"].to_i -1`, `ENV["A"].to_i(16)`, `[1, 2].first`, `ENV ["A"]`, `ENV.fetch ("A").to_i`, `ENV.key? ("A")`, `Integer (5)`, `ENV["A"].nil?==true`, `[].max`, `5 # comment`, `Integer 5`, `99999999999999999999`,
		"5\n+ 3", "5\n- 3", "ENV.fetch('A')\n{ 5 }", "'x'\nif ENV['A']", `Sidekiq.redis`, `defined?(Puma) ? 1 : 2`, `Rails.env.local?`, `ENV["A"] and 5`, `not 5`, `5 if`, `true ? 1`, `ENV["A"].foo?`,
		`ENV["A"].to_i.fdiv(2)`, `ENV["A"] =~ 5`, `1 <=> 2`, `1..2`, `1 << 2`, `:a`, `{a: 1}`, `->{ 5 }`,
		strings.Repeat("(", 100000),
	} {
		_, err := parseExpression(code)
		require.ErrorIs(t, err, ErrRuby, "%.40q", code)
	}
}

// randomExpression consists of parts of the grammar, and sometimes of others.
func randomExpression(random *rand.Rand, depth int) string {
	leaves := []string{`ENV["A"]`, `ENV["NONE"]`, `ENV["C"]`, `ENV.fetch("A", 3)`, `ENV.fetch("NONE") { 4 }`, `5`, `0`, `12`, `"text"`, `""`, `nil`, `true`, `false`,
		`Sidekiq.server?`, `Rails.env.production?`, `ENV.key?("A")`, `Integer(ENV["A"])`}
	if depth == 0 {
		return leaves[random.IntN(len(leaves))]
	}
	sub := func() string { return randomExpression(random, random.IntN(depth)) }
	switch random.IntN(7) {
	case 0:
		return sub() + " ? " + sub() + " : " + sub()
	case 1:
		return "(" + sub() + ")"
	case 2:
		return "[" + sub() + ", " + sub() + "].max"
	case 3:
		return "!" + sub()
	case 4:
		methods := []string{".to_i", ".to_s", ".presence", ".present?", ".blank?", ".nil?", "&.to_i", ".nonzero?", ".strip", ".empty?"}
		return sub() + methods[random.IntN(len(methods))]
	default:
		operators := []string{" || ", " && ", " == ", " != ", " < ", " >= ", " + ", " - ", " * ", " / ", " % ", "+", "||", " -", "\n+ ", "\n|| ", " if ", " unless "}
		return sub() + operators[random.IntN(len(operators))] + sub()
	}
}

func TestExpression_RandomAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(7, 8))
	compared := 0
	for range testenv.Rounds(5000) {
		code := randomExpression(random, 3)
		expression, err := parseExpression(code)
		if err != nil {
			continue
		}
		got, err := expression.evaluate(environ)
		if err != nil {
			continue
		}
		var want *string
		ruby.Ask(t, map[string]any{"erb": "<%=" + code + "%>", "variables": variables}, &want)
		require.NotNil(t, want, code)
		require.Equal(t, *want, got, code)
		compared++
	}
	require.Greater(t, compared, 500)
}

func TestParseCode(t *testing.T) {
	statement := code{}
	ends := func(closer string) code { return code{kind: codeEnd, closer: closer} }
	loops := func(closer string) code { return code{kind: codeLoop, closer: closer} }
	for source, want := range map[string]code{
		` require "uri" `: statement, ` require_relative '../x' `: statement, `require("uri")`: statement, ` name = ENV["X"] || "app" `: statement, ``: statement,
		"\n  threads = ENV.fetch('X', 5).to_i\n": statement, ` x = 5 if y `: statement, ` x = if y then 1 else 2 end `: statement, ` x = Foo.bar(1) { |y| y + 1 } `: statement,
		"\n  # a comment\n  x = %w[if end]\n": statement, ` def port(x) x ? 1 : 2 end `: statement, "def a\n  return 5 if b\n  c.each { |d| next unless d }\nend": statement,
		` x = case y when 1 then 2 else 3 end `: statement, ` raise "no" unless ENV["X"] `: statement, ` x = {if: 1, end: 2} `: statement, ` a.if; b&.end; C::Begin `: statement,
		` x = y =~ /end if/ ? 1 : 2 `: statement, ` x = "a" unless defined?(Y) `: statement, ` x == 5 `: statement, ` begin; a; rescue; b; end `: statement, ` x = :end `: statement, "x = [ 1,\n 2 ]": statement,
		` if x `: {kind: codeIf, condition: "x"}, ` if ENV["X"] == "y" then `: {kind: codeIf, condition: `ENV["X"] == "y"`}, `unless a && b`: {kind: codeIf, condition: "a && b", negated: true},
		` if RUBY_PLATFORM =~ /darwin/ `: {kind: codeIf, condition: "RUBY_PLATFORM =~ /darwin/"}, ` if x.any? { |y| y } `: {kind: codeIf, condition: "x.any? { |y| y }"},
		" case ENV['X']\n  when 'a' ": {kind: codeIf, condition: "'a'", choice: true}, ` case x when 1, 2 then `: {kind: codeIf, condition: "1, 2", choice: true}, ` when "b" `: {kind: codeElsif, condition: `"b"`, choice: true},
		` elsif y `: {kind: codeElsif, condition: "y"}, ` else `: {kind: codeElse}, ` end `: ends("end"), `}`: ends("}"), ` end;`: ends("end"),
		` 3.times do |i| `: loops("end"), ` %w[a b].each do |x| `: loops("end"), ` x.each { |a, (b, c)| `: loops("}"), ` a.each_with_index do |x, i|`: loops("end"), ` x.each do`: loops("end"),
	} {
		got, ok := parseCode(source)
		require.True(t, ok, "%q", source)
		require.Equal(t, want, got, "%q", source)
	}
	for _, source := range []string{
		` x = [ `, ` # comment`, ` x = 5 # comment`, ` if x; y `, ` end; if x `, ` else; x `, ` end.foo `, ` case x `, ` case when 1 `, ` case x when 1; y `, ` when `, ` while x `, ` x.map do |y| `, ` foo = lambda do |x| `, ` proc { |x| `,
		` next if x `, ` break `, ` return `, ` _erbout << "x" `, ` eval("x") `, ` x = <<~Y `, ` begin `, ` def x `, ` x = "#{y}" `, ` if `, ` if x then y `, ` 2.times do |i| x `, ` x.each do |i| if i `,
		` for x in y `, ` until x `, ` x = ?a `, ` if x and case y `, ` end end `, ` ) `, ` x = ( `, ` until x; end `, ` loop do `, ` x.tap do |y| `, ` ENV.each do |k, v| y = `, ` throw :x `, ` x = "a `, ` foo /x/ `,
		` y = 1.. if x `, ` 1.. end `, ` self ... else `, "x\n=begin\nif\n=end\n", ` é = 5 `, ` in x `, ` rescue `, ` class X `, ` { `, ` def x = 5 `,
	} {
		_, ok := parseCode(source)
		require.False(t, ok, "%q", source)
	}
}

// randomProgram is a template whose text depends on the variables V0 to V2.
func randomProgram(random *rand.Rand, depth int) string {
	var text strings.Builder
	condition := func() string { return fmt.Sprintf(`ENV["V%d"]`, random.IntN(3)) }
	for range 1 + random.IntN(3) {
		switch kind := random.IntN(10); {
		case depth > 0 && kind == 0:
			fmt.Fprintf(&text, "<%% if %s %%>%s<%% end %%>", condition(), randomProgram(random, depth-1))
		case depth > 0 && kind == 1:
			fmt.Fprintf(&text, "<%% unless %s %%>\n%s<%% else %%>%s<%% end %%>\n", condition(), randomProgram(random, depth-1), randomProgram(random, depth-1))
		case depth > 0 && kind == 2:
			fmt.Fprintf(&text, "<%% if %s then %%>%s<%% elsif %s %%>%s<%% end %%>", condition(), randomProgram(random, depth-1), condition(), randomProgram(random, depth-1))
		case depth > 0 && kind == 3:
			fmt.Fprintf(&text, "<%% %d.times do |i| %%>%s<%% end %%>", random.IntN(3), randomProgram(random, depth-1))
		case depth > 0 && kind == 8:
			fmt.Fprintf(&text, "<%% case %s\nwhen nil %%>%s<%% when '1' %%>%s<%% else %%>%s<%% end %%>", condition(), randomProgram(random, depth-1), randomProgram(random, depth-1), randomProgram(random, depth-1))
		case depth > 0 && kind == 4:
			fmt.Fprintf(&text, "<%% [1].each { |i| %%>%s<%% } %%>", randomProgram(random, depth-1))
		case kind == 5:
			fmt.Fprintf(&text, "<%% x = %d if %s %%>", random.IntN(9), condition())
		case kind == 6:
			fmt.Fprintf(&text, "k%d: <%%= 'v' %%>\n", random.IntN(100))
		case kind == 7:
			text.WriteString("<%# end %>")
		default:
			fmt.Fprintf(&text, "t%d\n", random.IntN(100))
		}
	}
	return text.String()
}

func TestReadings_RandomAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(9, 10))
	compared, several := 0, 0
	for range testenv.Rounds(400) {
		source := randomProgram(random, 3)
		readings, err := Readings([]byte(source), NoTrim)
		if err != nil {
			require.Regexp(t, "can go too many ways|decides within a loop", err.Error(), source)
			continue
		}
		var texts []string
		for _, r := range readings {
			text, err := r.text.expand(string(r.text.bytes), environ)
			require.NoError(t, err)
			texts = append(texts, text)
		}
		for bits := range 8 {
			set := map[string]string{}
			for v := range 3 {
				if bits&(1<<v) != 0 {
					set[fmt.Sprintf("V%d", v)] = "1"
				}
			}
			var want *string
			ruby.Ask(t, map[string]any{"erb": source, "variables": set}, &want)
			require.NotNil(t, want, source)
			require.Contains(t, texts, *want, source)
			compared++
		}
		if len(readings) > 1 {
			several++
		}
	}
	require.Greater(t, compared, 800)
	require.Greater(t, several, 50)
}

func TestReadings_RefusesFaultyCode(t *testing.T) {
	for source, want := range map[string]string{
		"a: 1\n<% end %>\n":      "line 2: this ERB code tag ends what was not begun",
		"a: 1\n<% else %>\n":     "line 2: this ERB code tag ends what was not begun",
		"a: &<%= x %>\n  b: 1\n": "line 1: the name of an anchor comes from ERB, and any alias may mean it",
		"<% 2.times do |i| %>\n<% if i > 0 %>a: 1<% end %>\n<% end %>":              "line 2: an ERB code tag decides within a loop",
		"a: 1\n<% if x %>\nb: 2\n":                                                  "line 2: what this ERB code tag begins never ends",
		"<% if x %>\n<% } %>":                                                       "line 2: this ERB code tag does not fit what was begun",
		"<% x.each { |y| %>\n<% end %>":                                             "line 2: this ERB code tag does not fit what was begun",
		"<% if x %>\n<% else %>\n<% else %>\n<% end %>":                             "line 3: this ERB code tag does not fit what was begun",
		"a: 1\n<% foo.bar do |x| %>\n<% end %>":                                     "line 2: an ERB code tag (<% %>) may decide what the file says",
		strings.Repeat("<% if ENV['X'] %>", 51):                                     "line 1: ERB code tags open more than 50 blocks in each other",
		strings.Repeat("<% if x %>a: 1<% end %>\n", 7) + strings.Repeat("#", 40000): "its ERB code tags (<% %>) can go too many ways",
		strings.Repeat("<% if a.b %>x: 1\n<% end %>\n", 100):                        "its ERB code tags (<% %>) can go too many ways",
	} {
		_, err := Readings([]byte(source), NoTrim)
		require.EqualError(t, err, want)
	}
	_, err := Readings([]byte("x: 1\n<% foo do %>y: 2<% end %>"), NoTrim)
	require.EqualError(t, err, "line 2: an ERB code tag (<% %>) may decide what the file says")
}

// The same condition on the environment has one outcome, unless the environment is changed.
func TestReadings_Number(t *testing.T) {
	const twice = "<% if ENV['A'] %>x: 1\n<% end %><% if ENV['A'] %>y: 1\n<% end %>"
	for source, want := range map[string]int{
		"a: 1\n":                       1,
		twice:                          2,
		"<% ENV['A'] = 'x' %>" + twice: 4,
		"<% if ENV['A'] %>x: 1\n<% end %><% case ENV['B'] when ENV['A'] %>y: 1\n<% end %>": 4,
		strings.Repeat("<% if ENV['X'] %>", 50) + strings.Repeat("<% end %>", 50):          2,
	} {
		readings, err := Readings([]byte(source), NoTrim)
		require.NoError(t, err, source)
		require.Len(t, readings, want, source)
	}
}

func TestReadings_CodeChangesEnvironment(t *testing.T) {
	for source, want := range map[string]bool{
		`x = ENV["A"]`: false, `x = 5 if ENV["A"]`: false, `x = ENV["A"] || 5`: false, `ENV["A"] == "b"`: false, `ENV.fetch("A", 5)`: false, `ENV.key?("A")`: false, `x = 5`: false,
		`ENV["A"] = "b"`: true, `ENV["A"] ||= "b"`: true, `ENV["A"] &&= nil`: true, `ENV.delete("A")`: true, `ENV.update(x)`: true, `x = ENV`: true, `ENV[x] = 1`: true, `ENV["A"] += "b"`: true, `ENV["A"] << "b"`: false,
	} {
		require.Equal(t, want, changesEnvironment(tag{kind: codeTag, code: source}), source)
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
		"a: |\n  text": "", "a: &b c": "", "a: !!str c": "", "a: two\n  lines": "", "a: 'two\n  lines'": "", "a: [1]": "", "a:": "",
	} {
		doc, err := document([]byte(source))
		require.NoError(t, err, source)
		start, end, ok := doc.Span(lastValue(doc.Root()))
		require.Equal(t, want != "", ok, source)
		require.Equal(t, want, source[start:end], source)
	}
}

// document returns the most complete reading.
func document(source []byte) (*Document, error) {
	readings, err := Readings(source, NoTrim)
	if err != nil {
		return nil, err
	}
	return readings[0].Document()
}

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
		strings.Repeat("<% if x %>", 50) + strings.Repeat("<% end %>", 50), "<% " + strings.Repeat("(", 500) + strings.Repeat(")", 500) + " %>"} {
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
			require.LessOrEqual(t, end, len(doc.Source()))
			require.Equal(t, doc.Line(n), doc.LineAt(start))
		}
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
