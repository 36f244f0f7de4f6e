package main

import (
	"fmt"
	"strings"
)

// table is what is printed: under a head, sections of rows.
type table struct {
	head string
	rows [][5]string
}

func (t *table) section(title string) { t.row("**" + title + "**") }

// row takes up to five cells: what, time, beside what, time from afar, beside what.
func (t *table) row(cells ...string) {
	var r [5]string
	copy(r[:], cells)
	t.rows = append(t.rows, r)
}

func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| | | compared | %s away | compared |\n|---|--:|---|--:|---|\n", t.head, show(away))
	for _, r := range t.rows {
		b.WriteString("| " + strings.Join(r[:], " | ") + " |\n")
	}
	return b.String()
}
