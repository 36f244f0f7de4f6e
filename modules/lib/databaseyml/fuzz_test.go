package databaseyml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzApply demands that a file is refused, or that exactly the asked values changed, in our own reading.
func FuzzApply(f *testing.F) {
	for _, k := range cases(f) {
		f.Add(k.in, k.request.Environment, strings.Join(k.request.Databases, ""), uint16(k.request.Size), uint8(0))
		f.Add(k.in, k.request.Environment, strings.Join(k.request.Databases, ""), uint16(k.request.Size), uint8(1))
		f.Add(k.in, k.request.Environment, "", uint16(3), uint8(6))
	}
	for _, of := range growing {
		f.Add([]byte(of(500)), "production", "", uint16(25), uint8(0))
	}
	f.Fuzz(func(t *testing.T, source []byte, environment, database string, n uint16, flags uint8) {
		q := Request{Environment: environment, Size: int(n) + 1, Lower: flags&2 != 0, Others: flags&4 != 0}
		if database != "" {
			q.Databases = []string{database}
		}
		if flags&1 != 0 {
			q.ERB = Overrule
		}
		original := string(source)
		result, err := Apply(source, nothing, q)
		require.Equal(t, original, string(source), "the source was written to")
		if err != nil {
			require.IsType(t, &Refusal{}, err)
			return
		}
		requireOnlyPoolsChanged(t, source, result, q)
	})
}

func requireOnlyPoolsChanged(t *testing.T, source []byte, result *Result, q Request) {
	again, err := Apply(result.Text, nothing, q)
	require.NoError(t, err)
	require.False(t, again.Changed(), "the second run changes the file again")
	if !result.Changed() {
		require.Equal(t, string(source), string(result.Text))
	}
	for i, e := range result.Edits {
		require.Equal(t, e.After.Size, again.Edits[i].Before.Size)
		require.GreaterOrEqual(t, e.After.Size, q.Size)
		if e.Changed() {
			require.Equal(t, q.Size, e.After.Size)
		}
		if !q.Lower && e.Before.Size > 0 {
			require.GreaterOrEqual(t, e.After.Size, e.Before.Size, "a pool was lowered")
		}
	}
	requireOtherEnvironmentsKept(t, source, result, q)
	requireOnlyTheLinesTold(t, source, result)
}

func requireOtherEnvironmentsKept(t *testing.T, source []byte, result *Result, q Request) {
	before, err := parse(source, nothing)
	require.NoError(t, err)
	after, err := parse(result.Text, nothing)
	require.NoError(t, err)
	for _, r := range before.readings {
		if q.Others {
			return
		}
		for _, key := range r.root.Keys() {
			if key.Name == q.Environment {
				continue
			}
			was, wasErr := before.look(key.Name, "")
			is, isErr := after.look(key.Name, "")
			require.Equal(t, wasErr == nil, isErr == nil)
			require.Equal(t, was.Size, is.Size, "another environment changed")
		}
	}
}

func BenchmarkApply(b *testing.B) {
	source := readCase(b, "testdata/inherited.txtar").in
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Apply(source, nothing, production(25)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGrowth shows the time per byte of large files, up to 1 MB, which must stay about the same. Larger ones exceed
// the limit of merges.
func BenchmarkGrowth(b *testing.B) {
	for _, sections := range []int{200, 2000, 20000} {
		var text strings.Builder
		text.WriteString("default: &default\n  pool: 5\n  adapter: postgresql\n")
		for i := range sections {
			fmt.Fprintf(&text, "env%d:\n  <<: *default\n  database: app_%d # é\n", i, i)
		}
		b.Run(fmt.Sprintf("%dkB", text.Len()/1000), func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, err := Apply([]byte(text.String()), nothing, Request{Environment: "env7", Size: 25}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
