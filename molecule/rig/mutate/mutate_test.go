package mutate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestMutantsOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.go")
	for source, want := range map[string][]string{
		`if a {`:                        {`if !(a) {`},
		`if x == y {`:                   {`if !(x == y) {`},
		`for (x < y) {`:                 {`for (!(x < y)) {`, `for (x <= y) {`},
		`for {`:                         nil,
		`for range 3 {`:                 nil,
		`switch { case a, x >= y: }; {`: {`switch { case !(a), x >= y: }; {`, `switch { case a, !(x >= y): }; {`, `switch { case a, x > y: }; {`},
		`switch x { case y: }; {`:       nil,
		`a = x > y; {`:                  {`a = !(x > y); {`, `a = x >= y; {`},
		`a = a && !b; {`:                {`a = !(a) && !b; {`, `a = a || !b; {`, `a = a && !(!b); {`},
		`if (a || b) && f(x <= y) {`: {`if (!(a) || b) && f(x <= y) {`, `if (a && b) && f(x <= y) {`, `if (a || !(b)) && f(x <= y) {`,
			`if (a || b) || f(x <= y) {`, `if (a || b) && !(f(x <= y)) {`, `if (a || b) && f(!(x <= y)) {`, `if (a || b) && f(x < y) {`},
	} {
		before, after := "package p\n\nfunc g(x, y int, a, b bool) {\n\t", "\n\t}\n}\n"
		require.NoError(t, os.WriteFile(path, []byte(before+source+after), 0o600))
		mutants, err := mutantsOf("p", path)
		require.NoError(t, err, source)
		var got []string
		for _, m := range mutants {
			require.Equal(t, 4, m.line, source)
			text, err := m.source()
			require.NoError(t, err, source)
			line, isRest := strings.CutPrefix(string(text), before)
			line, isWhole := strings.CutSuffix(line, after)
			require.True(t, isRest && isWhole, "only the line is changed: %s", text)
			got = append(got, line)
		}
		require.Equal(t, want, got, source)
	}
}

func TestChoose_SeedDecides(t *testing.T) {
	chosen := func(seed int64) []mutant {
		all, err := choose(t.Context(), options{changed: []string{"."}, seed: seed})
		require.NoError(t, err)
		return all
	}
	require.Equal(t, chosen(1), chosen(1))
	require.NotEqual(t, chosen(1), chosen(2))
	require.ElementsMatch(t, chosen(1), chosen(2))
	_, err := choose(t.Context(), options{changed: []string{"."}, only: "none.go"})
	require.EqualError(t, err, `--only: no condition at "none.go"; accepted: PACKAGE/FILE.go:LINE of a package that changes hosts`)
}

// project has two packages with tests; one imports the other.
var project = map[string]string{
	"go.mod": "module example.com/p\n",
	"a/a.go": `package a

func Positive(n int) bool { return n > 0 }

func Even(n int) bool { return n%2 == 0 }

var _ = map[bool]string{1 == 1: "a key", 1 != 1: "another"}
`,
	"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestPositive(t *testing.T) {\n\tif !Positive(1) {\n\t\tt.Fatal()\n\t}\n}\n",
	"b/b.go":      "package b\n\nimport \"example.com/p/a\"\n\nfunc Odd(n int) bool { return !a.Even(n) }\n",
	"b/b_test.go": "package b\n\nimport \"testing\"\n\nfunc TestOdd(t *testing.T) {\n\tif !Odd(1) {\n\t\tt.Fatal()\n\t}\n}\n",
}

func TestRun(t *testing.T) {
	testenv.NeedRoot(t, "only root can mount directories")
	t.Chdir(t.TempDir())
	for name, text := range project {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	var out strings.Builder
	err := run(t.Context(), &out, options{changed: []string{"./a"}, testers: []string{"./..."}, count: 4})
	require.EqualError(t, err, "the tests found 2 of 3 changes; accepted: nine of ten")
	lines := strings.Split(regexp.MustCompile(`, \d+ s\n`).ReplaceAllString(out.String(), "\n"), "\n")
	require.ElementsMatch(t, []string{
		"a/a.go:3: n > 0 became !(n > 0): found by a TestPositive",
		"a/a.go:3: > became >=: not found",
		"a/a.go:5: n%2 == 0 became !(n%2 == 0): found by b TestOdd",
		"found 2 of 3",
		"not found: a/a.go:3: > became >=",
		"",
	}, lines)

	require.NoError(t, os.WriteFile("b/b.go", []byte(strings.Replace(project["b/b.go"], "!", "", 1)), 0o600))
	err = run(t.Context(), &out, options{changed: []string{"./b"}, testers: []string{"./b"}, count: 4})
	require.ErrorContains(t, err, "tests of example.com/p/b without a change: exit status 1: --- FAIL: TestOdd")

	require.NoError(t, os.WriteFile("a/a.go", []byte(project["a/a.go"]+"var x int = true\n"), 0o600))
	require.ErrorContains(t, run(t.Context(), &out, options{changed: []string{"./a"}, testers: []string{"./a"}, count: 4}), "no change compiles")
	require.ErrorContains(t, run(t.Context(), &out, options{}), `--count: value "0" is not accepted`)
}
