package matrix

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// A table has a row for each test and a column for each core.
type table struct {
	mutex sync.Mutex
	rows  []string
	cores []string
	cells map[[2]string]*cell
}

type cell struct {
	passed bool
	failed []string // hosts
	note   string
}

// newTable creates all cells, so that a misspelt row panics.
func newTable(rows, cores []string) *table {
	t := &table{rows: rows, cores: cores, cells: map[[2]string]*cell{}}
	for _, row := range rows {
		for _, core := range cores {
			t.cells[[2]string{row, core}] = &cell{}
		}
	}
	return t
}

// add records the result of a test on a host.
func (t *table) add(row, core, host string, err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	c := t.cells[[2]string{row, core}]
	switch {
	case err == nil:
		c.passed = true
	case errors.As(err, new(lab.NotRun)):
		c.note = err.Error()
	default:
		c.failed = append(c.failed, host)
	}
}

// note sets the text of a cell without a test.
func (t *table) note(row, core, text string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.cells[[2]string{row, core}].note = text
}

func (c cell) String() string {
	slices.Sort(c.failed)
	switch {
	case len(c.failed) > 0:
		return strings.TrimSpace("**failed** " + strings.Join(c.failed, ", "))
	case c.passed:
		return "ok"
	case c.note != "":
		return c.note
	default:
		return "**not run**: interrupted"
	}
}

// failures returns the cells that failed or are empty, or an error if no test passed.
func (t *table) failures() (all []string) {
	passed := false
	for _, row := range t.rows {
		for _, core := range t.cores {
			passed = passed || t.cells[[2]string{row, core}].passed
			if text := t.cells[[2]string{row, core}].String(); strings.Contains(text, "**") {
				all = append(all, fmt.Sprintf("%s, %s: %s", core, row, strings.ReplaceAll(text, "**", "")))
			}
		}
	}
	if !passed && all == nil {
		all = []string{"no test has run"}
	}
	return all
}

func (t *table) String() string {
	lines := lab.Table{append([]string{"ansible-core"}, t.cores...)}
	for _, row := range t.rows {
		line := []string{row}
		for _, core := range t.cores {
			line = append(line, t.cells[[2]string{row, core}].String())
		}
		lines = append(lines, line)
	}
	return lines.String()
}
