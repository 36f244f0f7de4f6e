// Package crash tests that the role can be killed at any time.
package crash

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

var modules = []string{"db_pool", "sudoers_entry", "systemd_sidekiq"}

type options struct {
	points string
	only   string
	suite  string
	keep   bool
}

// Command returns the command `rig crash`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "crash", Short: "Test that the role can be killed at any time",
		Long: `Run the role on a throwaway host with a booted systemd and a real Sidekiq, and kill one of its modules before a system call that changes something.
After each kill sudo must work, and every file must be the old one or the new one. Then the next run of the role must succeed, the one after that
must change nothing, and Sidekiq must run and fetch jobs. Stop at the first fault.`,
		Example: "  rig crash --points all\n  rig crash --only systemd_sidekiq/change/7",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return crash(c.Context(), o) },
	}
	c.Flags().StringVar(&o.points, "points", "15", "number of kills, spread evenly, or all")
	c.Flags().StringVar(&o.only, "only", "", "run only these kills, as MODULE[/SITUATION[/CALL]]")
	c.Flags().StringVar(&o.suite, "suite", "trixie", "Debian suite")
	c.Flags().BoolVar(&o.keep, "keep", false, "keep the host")
	c.MarkFlagsMutuallyExclusive("points", "only")
	return c
}

// parsePoints returns 0 for all.
func parsePoints(text string) (int, error) {
	if text == "all" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("--points: value %q is not accepted; accepted: all, a number from 1", text)
	}
	return n, nil
}

func crash(ctx context.Context, o options) (err error) {
	points, err := parsePoints(o.points)
	if err != nil {
		return err
	}
	if o.only != "" {
		if err := checkOnly(o.only); err != nil {
			return err
		}
	}
	if err := lab.CheckValues("--suite", []string{o.suite}, lab.Suites); err != nil {
		return err
	}
	l, err := lab.New(ctx, "crash", o.keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	t := &target{Lab: l}
	if err := t.start(ctx, o.suite); err != nil {
		return err
	}
	rows, err := t.countCalls(ctx)
	if err != nil {
		return err
	}
	kills := choose(rows, points)
	if o.only != "" {
		if kills, err = find(rows, o.only); err != nil {
			return err
		}
	}
	for i, k := range kills {
		began := time.Now()
		call, err := t.try(ctx, k)
		if err != nil {
			return fmt.Errorf("killed at %s (%s): %w", k.path(), call, err)
		}
		t.Say("%d of %d: %s, %s: %s; %.0f s", i+1, len(kills), k.path(), call, k.row.last, time.Since(began).Seconds())
	}
	fmt.Print("\n", table(o.suite, rows))
	return nil
}
