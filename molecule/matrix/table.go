package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A table has a row for each thing that is tried and a column for each core. Nothing gets into it but by these methods.
type table struct {
	mutex sync.Mutex
	rows  []string
	cores []string
	cells map[string]*cell // by row and core
}

type cell struct {
	passed, failed []string // hosts
	text           string   // instead of both
}

func newTable(rows, cores []string) *table {
	return &table{rows: rows, cores: cores, cells: map[string]*cell{}}
}

func (t *table) cell(row, core string) *cell {
	if !slices.Contains(t.rows, row) || !slices.Contains(t.cores, core) {
		panic("the table has no " + row + " with " + core)
	}
	key := row + "\n" + core
	if t.cells[key] == nil {
		t.cells[key] = &cell{}
	}
	return t.cells[key]
}

// tried is what came of one cell at one host.
func (t *table) tried(row, core, host string, passed bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	c := t.cell(row, core)
	if passed {
		c.passed = append(c.passed, host)
	} else {
		c.failed = append(c.failed, host)
	}
}

// note is for cells that nothing was tried in.
func (t *table) note(row, core, text string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.cell(row, core).text = text
}

// failures are the cells that failed, and those that nobody filled.
func (t *table) failures() []string {
	all := []string{}
	for _, row := range t.rows {
		for _, core := range t.cores {
			if text := t.cell(row, core).String(); strings.Contains(text, "**") {
				all = append(all, fmt.Sprintf("%s, %s: %s", core, row, strings.ReplaceAll(text, "**", "")))
			}
		}
	}
	return all
}

func (c cell) String() string {
	slices.Sort(c.failed)
	switch {
	case len(c.failed) > 0:
		return strings.TrimSpace("**failed** " + strings.Join(c.failed, ", "))
	case len(c.passed) > 0:
		return "ok"
	case c.text != "":
		return c.text
	default:
		return "**not run**: broken off"
	}
}

func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| ansible-core | %s |\n", strings.Join(t.cores, " | "))
	fmt.Fprintf(&b, "|---%s|\n", strings.Repeat("|---", len(t.cores)))
	for _, row := range t.rows {
		fmt.Fprintf(&b, "| %s", row)
		for _, core := range t.cores {
			fmt.Fprintf(&b, " | %s", t.cell(row, core))
		}
		b.WriteString(" |\n")
	}
	return b.String()
}
