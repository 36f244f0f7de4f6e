package environ

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDiff(t *testing.T) {
	before := map[string]string{"GONE": "1", "SAME": "2", "CHANGED": "3"}
	after := map[string]string{"SAME": "2", "CHANGED": "hush", "NEW": "", "A": "5"}
	require.Equal(t, "+A=(hidden)\n-CHANGED=(hidden)\n+CHANGED=(hidden)\n-GONE=(hidden)\n+NEW=(hidden)\n", Diff(before, after))
	require.Equal(t, "+A=(hidden)\n", Diff(nil, map[string]string{"A": "1"}))
	require.Empty(t, Diff(after, after))
}
