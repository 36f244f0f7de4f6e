// Package mutate changes conditions of the code that changes hosts, one at a time, and checks that the tests fail.
package mutate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type options struct {
	changed []string // packages whose conditions are changed, with this project's packages that they import
	testers []string // packages whose tests run
	seed    int64
	count   int
	only    string
}

// Command returns the command `rig mutate`.
func Command() *cobra.Command {
	o := options{
		changed: []string{"./modules/db_pool", "./modules/sudoers_entry", "./modules/systemd_sidekiq"}, // the modules that change hosts
		// Not modules/program: its tests build an unchanged binary.
		testers: []string{"./modules/lib/...", "./modules/db_pool", "./modules/sidekiq_info", "./modules/sudoers_entry", "./modules/systemd_sidekiq"},
	}
	c := &cobra.Command{
		Use: "mutate", Short: "Change conditions of the code, one at a time, and count how many changes the tests find",
		Long: "Change conditions of the modules that change hosts, and of the packages that they import, one at a time, and run the tests of the package and of\n" +
			"those that import it, until one fails. The tests must find nine of ten changes. The same seed chooses the same conditions of the same source. The\n" +
			"tests run as root in a mount namespace, in which the directories that modules change are read-only. No file of the project is changed.",
		Example: "  REQUIRE_ORACLES=1 rig mutate --only modules/lib/atomicfile/lock.go:66",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), os.Stdout, o) },
	}
	c.Flags().Int64Var(&o.seed, "seed", 1, "seed by which conditions are chosen")
	c.Flags().IntVar(&o.count, "count", 50, "number of changes")
	c.Flags().StringVar(&o.only, "only", "", "change only conditions whose PACKAGE/FILE.go:LINE begins with this")
	return c
}

func run(ctx context.Context, out io.Writer, o options) error {
	if o.count < 1 {
		return fmt.Errorf("--count: value \"%d\" is not accepted; accepted: 1 or more", o.count)
	}
	mutants, err := choose(ctx, o)
	if err != nil {
		return err
	}
	t := tests{limits: map[string]time.Duration{}}
	if t.packages, err = listPackages(ctx, o.testers...); err != nil {
		return err
	}
	if t.scratch, err = os.MkdirTemp("", "mutate"); err != nil {
		return err
	}
	defer os.RemoveAll(t.scratch)
	if err := os.Chmod(t.scratch, 0o755); err != nil { // tests run programs as other users
		return err
	}
	tried, missed := 0, []mutant{}
	for _, m := range mutants {
		if tried == o.count {
			break
		}
		began := time.Now()
		result, err := t.run(ctx, m)
		if err != nil {
			return err
		}
		if result == doesNotCompile {
			continue
		}
		if tried++; result == notFound {
			missed = append(missed, m)
		}
		fmt.Fprintf(out, "%v: %s, %.0f s\n", m, result, time.Since(began).Seconds())
	}
	if tried == 0 {
		return errors.New("no change compiles; hint: run go build for the package")
	}
	found := tried - len(missed)
	fmt.Fprintf(out, "found %d of %d\n", found, tried)
	for _, m := range missed {
		fmt.Fprintf(out, "not found: %v\n", m)
	}
	if found*10 < tried*9 {
		return fmt.Errorf("the tests found %d of %d changes; accepted: nine of ten", found, tried)
	}
	return nil
}

// choose returns all mutants in the order of the seed, more than are tried, since some do not compile.
func choose(ctx context.Context, o options) ([]mutant, error) {
	packages, err := listPackages(ctx, append([]string{"-deps"}, o.changed...)...)
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, p := range packages {
		paths, err := p.files()
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			mutants, err := mutantsOf(p.ImportPath, path)
			if err != nil {
				return nil, err
			}
			all = append(all, mutants...)
		}
	}
	slices.SortStableFunc(all, func(a, b mutant) int { return strings.Compare(a.path, b.path) })
	all = slices.DeleteFunc(all, func(m mutant) bool { return !strings.HasPrefix(m.String(), o.only) })
	if len(all) == 0 {
		return nil, fmt.Errorf("--only: no condition at %q; accepted: PACKAGE/FILE.go:LINE of a package that changes hosts", o.only)
	}
	rand.New(rand.NewSource(o.seed)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, nil
}
