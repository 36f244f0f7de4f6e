package rubyyaml

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

var variables = map[string]string{"A": "7", "B": " ", "C": "12abc", "D": " 25 ", "E": "-0_7"}

func environ(name string) (string, bool) {
	value, set := variables[name]
	return value, set
}

// forms are evaluated with the variables above.
var forms = []string{
	`ENV["A"]`, `ENV['A']`, `ENV[ "A" ]`, `ENV["NONE"]`, `ENV.fetch("A")`, `ENV.fetch("NONE")`, `ENV.fetch("NONE", 5)`, `ENV.fetch("NONE", "5")`, `ENV.fetch("NONE", nil)`,
	`ENV.fetch("A", 5)`, `ENV.fetch("NONE") { 5 }`, `ENV.fetch("A") { 5 }`, `ENV.fetch("NONE"){ENV["A"]}`, `ENV.fetch("NONE") { ENV.fetch("ALSO", 3).to_i }`,
	`ENV.fetch("NONE", ENV["A"])`, `ENV.fetch("NONE", ENV.fetch("ALSO") { "x" })`, `ENV.fetch("A", ENV.fetch("NONE"))`, `ENV.fetch("A") { ENV.fetch("NONE") }`,
	"ENV.fetch(\n\"NONE\",\n 5\n)", "ENV.fetch('NONE') {\n 5\n}", `ENV.fetch("NONE") { 5 }.to_s`, `ENV["NONE"] || 5`, `ENV["A"] || 5`, `ENV["B"] || 5`, `ENV["A"]||5`,
	"ENV[\"NONE\"] ||\n 5", `ENV["NONE"] || ENV["ALSO"] || 10_000`, `ENV["A"] || ENV.fetch("NONE")`, `ENV["NONE"] || ENV.fetch("NONE")`, `ENV.fetch("NONE") || 5`,
	`ENV["B"].presence || 5`, `ENV["NONE"].presence || "20"`, `ENV["A"].presence || 5`, `"".presence || 1`, `0.presence`, `nil.presence || 2`,
	`ENV["NONE"].to_i`, `ENV["A"].to_i`, `ENV["B"].to_i`, `ENV["C"].to_i`, `ENV["D"].to_i`, `ENV["E"].to_i`, `(ENV["NONE"] || 5).to_i`, `ENV["A"].to_s.to_i`, "ENV['A']\n  .to_i", `7.to_s`, `nil.to_s`, `nil.to_i`,
	`Integer(ENV.fetch("NONE", 30))`, `Integer(ENV["A"])`, `Integer(ENV["C"])`, `Integer(ENV["D"])`, `Integer(ENV["NONE"])`, `Integer("x")`, `Integer(nil)`, `Integer("1_0")`,
	`"text"`, `'text'`, `""`, `nil`, `0`, `12`, `10_000`, ` ( 5 ) `, `((ENV["NONE"] || "5"))`,
}

func TestEvaluate_FormsAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	for _, code := range forms {
		var want *string
		ruby.Ask(t, map[string]any{"erb": "<%=" + code + "%>", "variables": variables}, &want)
		got, err := evaluate(code, environ)
		require.NotErrorIs(t, err, ErrRuby, code)
		if want == nil {
			require.Error(t, err, code)
			continue
		}
		require.NoError(t, err, code)
		require.Equal(t, *want, got, code)
	}
}

func TestEvaluate_Errors(t *testing.T) {
	for code, want := range map[string]string{
		`ENV.fetch("NONE")`:              "the variable NONE is not set, and ENV.fetch has no default",
		`Integer(ENV["NONE"])`:           "the variable NONE is not set, and Integer() requires it",
		`Integer(ENV["C"])`:              "C is not a number",
		`Integer(ENV["C"].presence)`:     "C is not a number",
		`Integer(ENV.fetch("C") { 5 })`:  "C is not a number",
		`Integer(ENV["NONE"] || "five")`: "the default in the ERB tag is not a number",
		`"99999999999999999999".to_i`:    "the default in the ERB tag is not a number",
	} {
		_, err := evaluate(code, environ)
		require.EqualError(t, err, want, code)
	}
}

func TestEvaluate_RefusesOtherRuby(t *testing.T) {
	for _, code := range []string{
		"", "x", "Rails.root", "Rails.env", "Sidekiq.server? ? 25 : 5", "Etc.nprocessors", "`hostname`", `ENV`, `ENV[name]`, `ENV["A]`, `ENV["#{x}"]`, `ENV["\n"]`, `ENV["A"] ? 1 : 2`, `ENV["A"].to_i + 1`,
		`ENV.fetch("A") { |x| x }`, `ENV.fetch("A", 5) { 6 }`, `Integer(ENV["A"], 16)`, `ENV.key?("A")`, "ENV.fetch\n('A')", `ENV.fetch "A", 5`, `010`, `0x10`, `1.5`, `-5`, `1_`, `1__0`,
		`5 5`, `(5`, `5)`, `()`, `"a" "b"`, `ENV["A"] || `, `|| 5`, `ENV["A"] ||= 5`, `ENV["A"].to_i(16)`, `ENV["A"].to_i?`, `[1, 2].max`, `ENV ["A"]`, `ENV.fetch ("A").to_i`, `Integer (5)`, `Integer 5`, `5 # comment`, `5; 6`,
		"ENV['A']\n|| 5", "ENV.fetch('A')\n{ 5 }", "ENV.fetch('A'\n, 5)", "5\n6", `ENV["A"] if ENV["A"]`, `ENV["A"]&.to_i`, `ENV["A"].strip`, `nil?`, `true`, `defined?(Sidekiq)`, `:a`, `{a: 1}`,
		strings.Repeat("(", 100000),
	} {
		_, err := evaluate(code, environ)
		require.ErrorIs(t, err, ErrRuby, "%.40q", code)
	}
}

// randomForm combines parts of the forms, and sometimes other code.
func randomForm(random *rand.Rand, depth int) string {
	leaves := []string{`ENV["A"]`, `ENV["NONE"]`, `ENV["B"]`, `ENV["C"]`, `ENV["D"]`, `ENV.fetch("A")`, `ENV.fetch("NONE")`, `5`, `0`, `12`, `"text"`, `" 3 "`, `""`, `nil`}
	if depth == 0 {
		return leaves[random.IntN(len(leaves))]
	}
	sub := func() string { return randomForm(random, random.IntN(depth)) }
	switch random.IntN(6) {
	case 0:
		return "(" + sub() + ")"
	case 1:
		return `ENV.fetch("NONE", ` + sub() + ")"
	case 2:
		return `ENV.fetch("NONE") { ` + sub() + " }"
	case 3:
		return "Integer(" + sub() + ")"
	case 4:
		methods := []string{".to_i", ".to_s", ".presence", "\n.to_s", ".\nto_i", " .to_s"}
		return sub() + methods[random.IntN(len(methods))]
	default:
		operators := []string{" || ", "||", " ||", "|| ", "\n|| ", " ||\n", " "}
		return sub() + operators[random.IntN(len(operators))] + sub()
	}
}

func TestEvaluate_RandomAsRuby(t *testing.T) {
	ruby := rubytest.Start(t, oracle)
	random := rand.New(rand.NewPCG(7, 8))
	compared, raised := 0, 0
	for range testenv.Rounds(5000) {
		code := randomForm(random, 3)
		got, err := evaluate(code, environ)
		if err == ErrRuby {
			continue
		}
		var want *string
		ruby.Ask(t, map[string]any{"erb": "<%=" + code + "%>", "variables": variables}, &want)
		if err != nil {
			require.Nil(t, want, code)
			raised++
			continue
		}
		require.NotNil(t, want, code)
		require.Equal(t, *want, got, code)
		compared++
	}
	require.Greater(t, compared, 1000)
	require.Greater(t, raised, 100)
}

func TestInteger(t *testing.T) {
	for text, want := range map[string]int{"25": 25, "25 ": 25, "\t25\n": 25, "+5": 5, "-5": -5, "1_000": 1000, "0": 0} {
		n, ok := Integer(text)
		require.True(t, ok, "%q", text)
		require.Equal(t, want, n, "%q", text)
	}
	for _, text := range []string{"", " ", "abc", "25x", "2 5", "010", "0x10", "1__0", "99999999999999999999"} {
		_, ok := Integer(text)
		require.False(t, ok, "%q", text)
	}
}

func TestOnlyNumbers(t *testing.T) {
	for code, want := range map[string]bool{
		`ENV["SECRET"]`: true, `ENV.fetch("X", 5)`: true, `ENV.fetch("X") { "5" } || ""`: true, `Integer(ENV["X"] || 5).to_s`: true,
		`ENV["X"] || "hunter2"`: false, `ENV.fetch("X", "hunter2")`: false, `"hunter2"`: false, `login("x")`: false, `ENV["X"] # hunter2`: false,
	} {
		require.Equal(t, want, onlyNumbers(code), code)
	}
}

func TestChangesEnvironment(t *testing.T) {
	for code, want := range map[string]bool{
		`x = ENV["A"]`: false, `x = 5 if ENV["A"]`: false, `x = ENV["A"] || 5`: false, `ENV["A"] == "b"`: false, `ENV.fetch("A", 5)`: false, `ENV.key?("A")`: false, `x = 5`: false, `ENV[ "A" ]`: false,
		`ENV["A"] = "b"`: true, `ENV["A"] ||= "b"`: true, `ENV["A"] &&= nil`: true, `ENV.delete("A")`: true, `ENV.update(x)`: true, `x = ENV`: true, `ENV[x] = 1`: true, `ENV["A"] += "b"`: true, `ENV["A"] << "b"`: false,
	} {
		require.Equal(t, want, changesEnvironment(code), code)
	}
}
