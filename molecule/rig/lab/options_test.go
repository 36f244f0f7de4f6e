package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckValues(t *testing.T) {
	accepted := []string{"a", "b"}
	require.NoError(t, CheckValues("--x", []string{"b", "a"}, accepted))
	for value, values := range map[string][]string{`""`: nil, `"c"`: {"a", "c"}, `"a"`: {"a", "a"}} {
		require.EqualError(t, CheckValues("--x", values, accepted), "--x: value "+value+" is not accepted; accepted: a, b, each once")
	}
}
