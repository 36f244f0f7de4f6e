package databaseyml

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// growing generate files of about n bytes, for which a parser could use more than proportional time or memory.
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

// fill makes text of n bytes by repeating a line, in which {i} is its number and {i+1} the next.
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

// apply processes a file as db_pool and systemd_sidekiq do.
func apply(t testing.TB, source string) {
	q := production(25)
	_, applied := Apply([]byte(source), nothing, q)
	_, read := Pools([]byte(source), nothing, q.Environment)
	_, evaluated := Variables([]byte(source), nothing, q)
	for _, err := range []error{applied, read, evaluated} {
		if err != nil {
			require.IsType(t, &Refusal{}, err)
		}
	}
}

// allocated returns the total memory that apply allocates. Unlike its time, that does not depend on the host.
func allocated(t *testing.T, source string) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	apply(t, source)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A file of twice the size may take three times the memory; quadratic growth would take four times.
func TestApply_LinearMemory(t *testing.T) {
	for name, of := range growing {
		t.Run(name, func(t *testing.T) {
			apply(t, of(1<<10)) // compiles regular expressions
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
			apply(t, of(64<<10))
		})
	}
}

// BenchmarkWorst measures the time per byte for files of half the largest size and of the largest.
func BenchmarkWorst(b *testing.B) {
	for name, of := range growing {
		for _, size := range []int{32 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				source := of(size)
				b.SetBytes(int64(len(source)))
				for b.Loop() {
					apply(b, source)
				}
			})
		}
	}
}
