// Package matrix tests the role and each module with all supported versions of ansible-core and all connections, on
// hosts without Python.
package matrix

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// Rows of the table, in addition to those of the ways.
const (
	pythonRow = "Python on the controller"
	roleRow   = "the role on a fresh host: `--check`, first run; finally `sidekiq_state: absent`"
	againRow  = "the role again: no change, one remote call per task"
	plainRow  = "plain binaries, `ansible -M bin/modules`"
	localRow  = "local connection"
	armRow    = "arm64 under qemu, ssh as root"
	manyRow   = "20 hosts at once, no binary there"
	cacheRow  = "a corrupted cache entry is replaced, never executed"
	pairRow   = "two playbooks at once on a fresh host"
)

func rows() []string {
	all := []string{pythonRow, roleRow, againRow}
	for _, w := range ways {
		all = append(all, w.title)
	}
	return append(all, plainRow, localRow, armRow, manyRow, cacheRow, pairRow)
}

type options struct {
	cores, suites []string
	readme        string
	keep          bool
}

// Command returns the command `rig matrix`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "matrix", Short: "Test the role and each module with all supported versions of ansible-core", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), o) },
	}
	c.Flags().StringSliceVar(&o.cores, "cores", versions(), "versions of ansible-core")
	c.Flags().StringSliceVar(&o.suites, "suites", lab.Suites, "Debian suites of the hosts")
	c.Flags().StringVar(&o.readme, "readme", "", "document whose section matrix is replaced with the table; requires all versions and suites")
	c.Flags().BoolVar(&o.keep, "keep", false, "keep logs and hosts also after success")
	return c
}

func (o options) validate() error {
	for _, check := range []struct {
		option           string
		values, accepted []string
	}{{"--cores", o.cores, versions()}, {"--suites", o.suites, lab.Suites}} {
		if err := lab.CheckValues(check.option, check.values, check.accepted); err != nil {
			return err
		}
		if o.readme != "" && len(check.values) < len(check.accepted) {
			return fmt.Errorf("--readme requires all values; hint: omit %s", check.option)
		}
	}
	return lab.CheckSection(o.readme, "matrix")
}

// matrix has the table, and the hosts that all versions share.
type matrix struct {
	*lab.Lab
	table   *table
	targets []host
	many    []host
	arm     host
	armErr  error // why there is no host with arm64
}

func run(ctx context.Context, o options) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	l, err := lab.New(ctx, "matrix", o.keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	m := &matrix{Lab: l, table: newTable(rows(), o.cores)}
	began := time.Now()
	if err := m.startHosts(ctx, o.suites); err != nil {
		return err
	}
	for _, c := range cores {
		if slices.Contains(o.cores, c.version) {
			if err := m.column(ctx, c); err != nil {
				return err
			}
		}
	}
	text := fmt.Sprintf("\n%s\n%s, in %d minutes on %d cores.\n\n", m.table, time.Now().Format(time.DateOnly), int(time.Since(began).Minutes()+0.5), runtime.NumCPU())
	fmt.Print(text)
	if o.readme != "" {
		if err := lab.WriteSection(o.readme, "matrix", text); err != nil {
			return err
		}
	}
	if failures := m.table.failures(); len(failures) > 0 {
		m.Keep()
		return fmt.Errorf("%d cells failed; logs in %s\n  %s", len(failures), m.Path("logs"), strings.Join(failures, "\n  "))
	}
	return nil
}

// column fills the column of one version.
func (m *matrix) column(ctx context.Context, c core) error {
	began := time.Now()
	python, err := c.install(ctx)
	if errors.As(err, new(lab.NotRun)) {
		for _, row := range m.table.rows {
			m.table.add(row, c.version, "", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	m.table.note(pythonRow, c.version, python)
	if err := m.visitTargets(ctx, c); err != nil {
		return err
	}
	last := m.targets[len(m.targets)-1]
	for _, cell := range []struct {
		row  string
		test func(context.Context, controller) error
	}{
		{localRow, testLocal},
		{armRow, func(ctx context.Context, c controller) error { return m.testArm(ctx, c) }},
		{manyRow, func(ctx context.Context, c controller) error { return testMany(ctx, c, m.many) }},
		{cacheRow, func(ctx context.Context, c controller) error { return testCache(ctx, c, last) }},
		{pairRow, func(ctx context.Context, c controller) error { return testPair(ctx, c, last) }},
	} {
		err := cell.test(ctx, controller{m.Lab, c, last.inventory})
		m.table.add(cell.row, c.version, "", err)
		if err != nil {
			m.Say("%s, %s: %v", c.version, cell.row, err)
		}
	}
	m.Say("%s done in %.0f s", c.version, time.Since(began).Seconds())
	return ctx.Err()
}

// visitTargets tests all targets at the same time.
func (m *matrix) visitTargets(ctx context.Context, c core) error {
	var all sync.WaitGroup
	errs := make([]error, len(m.targets))
	for i, h := range m.targets {
		all.Go(func() {
			if errs[i] = h.reset(ctx, ways); errs[i] != nil {
				return
			}
			v := newVisit(controller{m.Lab, c, h.inventory}, h)
			v.run(ctx)
			for row, err := range v.results {
				m.table.add(row, c.version, h.title, err)
				if err != nil {
					m.Say("%s, %s, %s: %v", c.version, h.title, row, err)
				}
			}
		})
	}
	all.Wait()
	for _, w := range ways {
		if !w.isIn(c) {
			m.table.add(w.title, c.version, "", lab.NotRun{Reason: "this core has none"})
		}
	}
	return errors.Join(errs...)
}
