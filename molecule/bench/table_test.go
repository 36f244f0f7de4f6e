package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	table := table{head: "Medians."}
	table.section("One task")
	table.row("`raw`", "30 ms", "4.00 x ssh")
	require.Equal(t, `Medians.

| | | compared | 20 ms away | compared |
|---|--:|---|--:|---|
| **One task** |  |  |  |  |
| `+"`raw`"+` | 30 ms | 4.00 x ssh |  |  |
`, table.String())
}
