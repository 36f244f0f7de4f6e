package databaseyml

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzRaisePool(f *testing.F) {
	for _, k := range cases(f) {
		f.Add(k.in, k.environment, k.database, uint16(k.size))
	}
	f.Fuzz(func(t *testing.T, source []byte, environment, database string, n uint16) {
		size := int(n) + 1
		edit, err := raise(source, nothing, environment, database, size)
		if err != nil {
			require.IsType(t, &Refusal{}, err)
			return
		}
		requireOnlyThePoolChanged(t, source, edit, environment, database, size)
	})
}

func requireOnlyThePoolChanged(t *testing.T, source []byte, edit *Edit, environment, database string, size int) {
	again, err := raise(edit.Text, nothing, environment, database, size)
	require.NoError(t, err)
	require.False(t, again.Changed(), "the second run changes the file again")
	require.Equal(t, edit.After, again.Before)
	if !edit.Changed() {
		require.Equal(t, string(source), string(edit.Text))
		require.GreaterOrEqual(t, edit.Before.Size, size)
		return
	}
	require.Less(t, edit.Before.Size, size)
	require.Equal(t, size, edit.After.Size)
	before, err := Parse(source, nothing)
	require.NoError(t, err)
	after, err := Parse(edit.Text, nothing)
	require.NoError(t, err)
	for _, key := range before.root.Keys() {
		if key.Name == environment {
			continue
		}
		was, wasErr := before.Pool(key.Name, "")
		is, isErr := after.Pool(key.Name, "")
		require.Equal(t, wasErr == nil, isErr == nil)
		require.Equal(t, was.Size, is.Size, "another environment changed")
	}
}

func BenchmarkRaisePool(b *testing.B) {
	source := []byte(readCase(b, "testdata/inherited.txtar").in)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := raise(source, nothing, "production", "", 25); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGrowth shows the time per byte of large files, which must stay about the same.
func BenchmarkGrowth(b *testing.B) {
	for _, sections := range []int{100, 1000, 10000} {
		var text strings.Builder
		text.WriteString("default: &default\n  pool: 5\n  adapter: postgresql\n")
		for i := range sections {
			fmt.Fprintf(&text, "env%d:\n  <<: *default\n  database: app_%d\n", i, i)
		}
		b.Run(fmt.Sprintf("%dkB", text.Len()/1000), func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, err := raise([]byte(text.String()), nothing, "env7", "", 25); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
