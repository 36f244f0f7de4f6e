// Package mutate changes conditions of the code that changes hosts, one at a time, and checks that the tests notice.
package mutate

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type options struct {
	changed      []string // packages; conditions are changed in those of this project that they import, too
	testers      []string // packages whose tests run
	seed         int64
	count, least int
	only         string
}

// Command returns the command `rig mutate`.
func Command() *cobra.Command {
	o := options{
		changed: []string{"./modules/db_pool", "./modules/sudoers_entry", "./modules/systemd_sidekiq"}, // the modules that change hosts
		// Not modules/program: its tests build a binary in which nothing is changed.
		testers: []string{"./modules/lib/...", "./modules/db_pool", "./modules/sidekiq_info", "./modules/sudoers_entry", "./modules/systemd_sidekiq"},
	}
	c := &cobra.Command{
		Use: "mutate", Short: "Change conditions of the code one at a time, and count how many changes the tests notice",
		Long: "Change conditions of the modules that change hosts, and of the packages that they import, one at a time, and run the tests of the package and of\n" +
			"those that import it, until one fails. The same seed chooses the same conditions of the same source. No file of the project is changed. The tests\n" +
			"run as root, in a mount namespace where only the directory for temporary files can be written.",
		Example: "  REQUIRE_ORACLES=1 rig mutate --only modules/lib/atomicfile/lock.go:66",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), os.Stdout, o) },
	}
	c.Flags().Int64Var(&o.seed, "seed", 1, "seed by which conditions are chosen")
	c.Flags().IntVar(&o.count, "count", 50, "number of changes")
	c.Flags().IntVar(&o.least, "least", 45, "number of changes that the tests have to notice")
	c.Flags().StringVar(&o.only, "only", "", "change only conditions whose PACKAGE/FILE.go:LINE begins with this; --least does not apply")
	return c
}

func run(ctx context.Context, out io.Writer, o options) error {
	mutants, err := allMutants(ctx, o.changed)
	if err != nil {
		return err
	}
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return !strings.HasPrefix(m.name(), o.only) })
	if len(mutants) == 0 {
		return fmt.Errorf("no condition at %q; accepted: PACKAGE/FILE.go:LINE of a package that changes hosts", o.only)
	}
	shuffle(mutants, o.seed)
	packages, err := listPackages(ctx, o.testers...)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	missed, tried, err := try(ctx, out, tests{packages, scratch, map[string]time.Duration{}}, mutants, o.count)
	if err != nil {
		return err
	}
	found := tried - len(missed)
	fmt.Fprintf(out, "found %d of %d\n", found, tried)
	for _, m := range missed {
		fmt.Fprintf(out, "not found: %v\n", m)
	}
	if found < o.least && o.only == "" {
		return fmt.Errorf("the tests noticed %d of %d changes; accepted: at least %d", found, tried, o.least)
	}
	return nil
}

// allMutants returns the mutants of packages, and of those of this project that they import, in the order of their files.
func allMutants(ctx context.Context, packages []string) ([]mutant, error) {
	imported, err := listPackages(ctx, append([]string{"-deps"}, packages...)...)
	if err != nil {
		return nil, err
	}
	project, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, p := range imported {
		dir, err := filepath.Rel(project, p.Dir)
		if err != nil || strings.HasPrefix(dir, "..") { // of another project
			continue
		}
		for _, file := range p.GoFiles {
			found, err := mutantsOf(p.ImportPath, filepath.Join(dir, file))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	slices.SortStableFunc(all, func(a, b mutant) int { return strings.Compare(a.file, b.file) })
	return all, nil
}

func shuffle(mutants []mutant, seed int64) {
	rand.New(rand.NewSource(seed)).Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
}

// try tries mutants until that many compiled, and returns those that no test noticed.
func try(ctx context.Context, out io.Writer, t tests, mutants []mutant, count int) (missed []mutant, tried int, err error) {
	for _, m := range mutants {
		if tried == count {
			break
		}
		began := time.Now()
		test, compiles, err := t.notice(ctx, m)
		if err != nil {
			return nil, 0, err
		}
		if !compiles {
			continue
		}
		tried++
		result := "found by " + test
		if test == "" {
			missed = append(missed, m)
			result = "not found"
		}
		fmt.Fprintf(out, "%v: %s, %.0f s\n", m, result, time.Since(began).Seconds())
	}
	return missed, tried, nil
}
