package databaseyml_test

import (
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml/databasetest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// FuzzApply requires that a file is refused, or that only the requested pools change, as read by the rules.
func FuzzApply(f *testing.F) {
	for _, k := range databasetest.Cases(f) {
		database := strings.Join(k.Request.Databases, "")
		f.Add(k.In, k.Request.Environment, database, uint16(k.Request.Size), uint8(0))
		f.Add(k.In, k.Request.Environment, database, uint16(k.Request.Size), uint8(1))
		f.Add(k.In, k.Request.Environment, "", uint16(3), uint8(6))
	}
	for _, of := range growing {
		f.Add([]byte(of(500)), "production", "", uint16(25), uint8(0))
	}
	f.Fuzz(func(t *testing.T, source []byte, environment, database string, n uint16, flags uint8) {
		q := databaseyml.Request{Environment: environment, Size: int(n) + 1, Replace: flags&1 != 0, Lower: flags&2 != 0, Others: flags&4 != 0}
		if database != "" {
			q.Databases = []string{database}
		}
		k := databasetest.Case{In: source, Request: q, Rails: databasetest.Version{7, int(flags) % 3}}
		original := string(source)
		result, err := k.Apply(rules(k))
		require.Equal(t, original, string(source), "the source was written to")
		if err != nil {
			require.IsType(t, &databaseyml.Refusal{}, err)
			return
		}
		requireOnlyPoolsChanged(t, k, result)
	})
}

func requireOnlyPoolsChanged(t *testing.T, k databasetest.Case, result *databaseyml.Result) {
	q := k.Request
	if !result.Changed() {
		require.Equal(t, string(k.In), string(result.Text))
	}
	databasetest.RequireReportedLines(t, k.In, result)
	for _, e := range result.Edits {
		require.GreaterOrEqual(t, e.After, q.Size)
		if !q.Lower {
			require.GreaterOrEqual(t, e.After, e.Before, "a pool was lowered")
		}
	}
	after := k
	after.In, after.Variables = result.Text, environAfter(k, result)
	again, err := after.Apply(rules(after))
	require.NoError(t, err)
	require.False(t, again.Changed(), "a second run changes the file again")
	for _, other := range []string{"development", "test", "staging", "default", "shared"} {
		if other == q.Environment || q.Others || len(result.Variables) > 0 {
			continue
		}
		k.Request.Environment, after.Request.Environment = other, other
		was, wasErr := rules(k).Ask(databaseyml.Change{})
		is, isErr := rules(after).Ask(databaseyml.Change{})
		require.Equal(t, wasErr == nil, isErr == nil)
		require.Equal(t, was, is, "another environment changed")
	}
}

// growing generate files of about n bytes for which time or memory could grow faster than n.
var growing = map[string]func(n int) string{
	"sections":           fill("d: &d\n  adapter: x\nproduction: {pool: 1}\n", "k{i}:\n  <<: *d\n"),
	"keys":               fill("production:\n  adapter: x\n", "  k{i}: v\n"),
	"same key":           fill("production:\n  adapter: x\n", "  k: v\n"),
	"one line":           fill("production: {pool: 1, ", "k{i}: v,", "}"),
	"one scalar":         fill("production:\n  adapter: ", "a "),
	"one line of ERB":    fill("production:\n  adapter: ", "<%=x%>", "\n"),
	"comments":           fill("production:\n  adapter: x\n", "# a\n\n  k{i}: v # b\n"),
	"list":               fill("production:\n  adapter: x\nlist:\n", "-\n"),
	"anchors":            fill("production:\n  adapter: x\n", "k{i}: &a\n  x: 1\n"),
	"aliases":            fill("d: &d {adapter: x}\nproduction: {pool: 1}\n", "k{i}: *d\n"),
	"aliases of aliases": fill("b0: &a0 [x, x]\nproduction: {pool: 1}\n", "b{i+1}: &a{i+1} [*a{i}, *a{i}]\n"),
	"merges":             fill("d: &d\n  adapter: x\nproduction:\n", "  <<: *d\n"),
	"chain of merges":    fill("b0: &a0\n  adapter: x\nproduction: {pool: 1}\n", "b{i+1}: &a{i+1}\n  <<: *a{i}\n  x{i}: 1\n"),
	"ERB keys":           fill("production:\n  adapter: x\n", "  k{i}<%=x%>: 1\n"),
	"ERB values":         fill("production:\n  adapter: x\n", "  k{i}: <%= ENV['X'] %>\n"),
	"ERB code":           fill("production:\n  adapter: x\n", "<% x %>\n"),
	"ERB conditions":     fill("production:\n  adapter: x\n<% if ENV['X'] %>\n", "<% elsif ENV['X'] %>\n", "<% end %>\n"),
	"ERB loop":           fill("production:\n  adapter: x\n<% 2.times do %>\n", "  k{i}: <%=x%>\n", "<% end %>\n"),
	"one code tag":       fill("<% ", "x;", " %>\nproduction:\n  adapter: x\n"),
	"a large merge, repeated": func(n int) string {
		return fill("d: &d\n", "  k{i}: v\n")(n/2) + fill("production:\n  adapter: x\n", "  <<: *d\n")(n/2)
	},
	"large merges of sections": func(n int) string {
		return fill("d: &d\n", "  k{i}: v\n")(n/2) + fill("production: {pool: 1}\n", "k{i}: {<<: *d}\n")(n/2)
	},
	"merges that ERB names": func(n int) string {
		return fill("d: &d {x: 1}\nproduction:\n  adapter: x\n", "  k{i}: v\n")(n/2) + fill("", "  <<: *<%=x%>\n")(n/2)
	},
	"pool of many tags": fill("production:\n  adapter: x\n  pool: ", "<%= ENV['X{i}'] && 1 %>", "\n"),
	"nested lists":      nested("[", "]"),
	"nested mappings":   nested("{a: ", "}"),
	"nested blocks":     nested("- ", ""),
	"nested keys":       nested("? ", ""),
}

// fill repeats a line up to n bytes, with {i} replaced by its number and {i+1} by the next one.
func fill(before, line string, after ...string) func(n int) string {
	return func(n int) string {
		var text strings.Builder
		text.WriteString(before)
		for i := 0; text.Len() < n; i++ {
			text.WriteString(strings.ReplaceAll(strings.ReplaceAll(line, "{i}", strconv.Itoa(i)), "{i+1}", strconv.Itoa(i+1)))
		}
		return text.String() + strings.Join(after, "")
	}
}

func nested(opening, closing string) func(n int) string {
	return func(n int) string {
		depth := n / len(opening+closing)
		return "production:\n  adapter: x\nnested:\n  " + strings.Repeat(opening, depth) + strings.Repeat(closing, depth) + "\n"
	}
}

// tryApply applies the rules to a file that may be refused.
func tryApply(t testing.TB, source string) {
	if _, err := applyRules([]byte(source), production(25)); err != nil {
		require.IsType(t, &databaseyml.Refusal{}, err)
	}
}

// allocated returns the total memory that tryApply allocates. Unlike the time, it does not depend on the host.
func allocated(t *testing.T, source string) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tryApply(t, source)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A file of twice the size may take three times the memory; quadratic growth would take four times.
func TestApply_LinearMemory(t *testing.T) {
	for name, of := range growing {
		t.Run(name, func(t *testing.T) {
			tryApply(t, of(1<<10)) // compiles regular expressions
			small, large := allocated(t, of(12<<10)), allocated(t, of(24<<10))
			require.LessOrEqual(t, float64(large)/float64(small), 3.0, "%d and %d bytes", small, large)
			require.Less(t, large, uint64(100<<20))
		})
	}
}

// The deepest nesting in the largest accepted file (atomicfile.MaxConfiguration) must not crash the program. With SOAK=2
// all other files of that size are tested, too.
func TestApply_LargestFile(t *testing.T) {
	for name, of := range growing {
		if !strings.HasPrefix(name, "nested") && testenv.Rounds(1) == 1 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tryApply(t, of(64<<10))
		})
	}
}

// A stack overflow ends a Go program and cannot be recovered. A sixteenth of Go's maximum stack is enough for any nesting.
func TestApply_DeepNesting(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(64 << 20))
	deep := func(opening, closing string) string {
		return strings.Repeat(opening, 30000) + "1" + strings.Repeat(closing, 30000)
	}
	for _, source := range []string{
		"production: " + deep("[", "]"), "production: " + deep("{a: ", "}"), deep("- ", ""), deep("? ", ""), deep("<% if a %>\n", "<% end %>\n"),
		"production:\n  pool: <%= " + deep("(", ")") + " %>\n", "production:\n  pool: <%= " + deep("[", "]") + " %>\n", "production:\n  pool: <%= " + deep("!", "") + " %>\n",
		"production:\n  pool: <%= " + deep("ENV.fetch('A') { ", " }") + " %>\n", "production:\n  pool: <%= " + deep(`"#{`, `}"`) + " %>\n",
	} {
		_, err := applyRules([]byte(source), production(5))
		require.IsType(t, &databaseyml.Refusal{}, err, "%.60s", source)
	}
}

// BenchmarkWorst measures the time per byte of files of the maximum size and of half of it.
func BenchmarkWorst(b *testing.B) {
	for name, of := range growing {
		for _, size := range []int{32 << 10, 64 << 10} {
			b.Run(name+"/"+strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
				source := of(size)
				b.SetBytes(int64(len(source)))
				for b.Loop() {
					tryApply(b, source)
				}
			})
		}
	}
}
