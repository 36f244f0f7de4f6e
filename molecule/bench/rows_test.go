package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRolesAreComparedAboveAnEmptyPlay(t *testing.T) {
	near := []contender{
		{label: "ours", empty: ms(100), first: ms(400), again: ms(150)},
		{label: "theirs", empty: ms(200), first: ms(800), again: ms(700)},
		{label: "missing", reason: "no such package"},
	}
	table := &table{}
	table.roles([][]contender{near})
	require.Equal(t, [][5]string{
		{"**The whole role on a fresh host, above an empty play, with sudo**"},
		{"ours", "300 ms", ""},
		{"theirs", "600 ms", "ours is 0.50 × this"},
		{"missing", "not run: no such package", ""},
		{"**The whole role, nothing to change, above an empty play, with sudo**"},
		{"ours", "50 ms", ""},
		{"theirs", "500 ms", "ours is 0.10 × this"},
		{"missing", "not run: no such package", ""},
	}, table.rows)
}

func TestTasksAreComparedWithSshAndRaw(t *testing.T) {
	table := &table{}
	table.tasks([]map[string]samples{{"ssh": ms(10), "raw": ms(30), "db_pool": ms(33)}, {"ssh": ms(50), "raw": ms(75), "db_pool": ms(75)}})
	require.Equal(t, [5]string{"`ssh host true`, over the open connection", "10 ms", "", "50 ms", ""}, table.rows[1])
	require.Equal(t, [5]string{"`db_pool`", "33 ms", "3.30 × ssh, 1.10 × raw", "75 ms", "1.50 × ssh, 1.00 × raw"}, table.rows[3])
}
