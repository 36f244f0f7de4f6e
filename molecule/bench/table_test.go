package main

import (
	"errors"
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

func TestTableGoesBetweenTheMarkers(t *testing.T) {
	got, err := between("a\n<!-- bench -->\nold\n<!-- /bench -->\nz\n", "new\n")
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- bench -->\nnew\n<!-- /bench -->\nz\n", got)
	for _, text := range []string{"", "<!-- bench -->\n", "<!-- /bench -->\n<!-- bench -->\n"} {
		_, err := between(text, "new\n")
		require.ErrorContains(t, err, "no <!-- bench -->")
	}
}

func TestLastLineFitsIntoACell(t *testing.T) {
	require.Equal(t, "ERROR: a / b", lastLine(errors.New("pip: exit status 1: WARNING\nERROR: a | b\n")))
	require.Equal(t, "one", lastLine(errors.New("one")))
}
