package limited

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuffer(t *testing.T) {
	b := Buffer{Most: 5}
	for _, text := range []string{"abc", "def", "ghi"} {
		n, err := fmt.Fprint(&b, text)
		require.NoError(t, err)
		require.Equal(t, 3, n)
	}
	require.Equal(t, "abcde", string(b.Bytes()))
}
