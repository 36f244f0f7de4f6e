// Package bench measures the modules and the role, and alternatives, on throwaway hosts over ssh.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// roundTrip is the round-trip time to a distant host.
const roundTrip = 20 * time.Millisecond

var parts = []string{"tasks", "role", "latency", "hosts", "cost"}

type options struct {
	run           []string
	rounds, roles int
	readme        string
}

func (o options) has(part string) bool { return slices.Contains(o.run, part) }

// Command returns the command `rig bench`.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "bench", Short: "Measure tasks and the role, and alternatives", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c.Context(), o) },
	}
	c.Flags().StringSliceVar(&o.run, "run", parts, "parts to run; latency repeats tasks and role with a distant host")
	c.Flags().IntVar(&o.rounds, "rounds", 15, "rounds of single tasks")
	c.Flags().IntVar(&o.roles, "roles", 5, "rounds of the parts role and hosts")
	c.Flags().StringVar(&o.readme, "readme", "", "document whose section bench is replaced with the table")
	return c
}

func (o options) validate() error {
	if err := lab.CheckValues("--run", o.run, parts); err != nil {
		return err
	}
	if o.has("latency") && !o.has("tasks") && !o.has("role") {
		return errors.New("--run: latency requires tasks or role")
	}
	for name, value := range map[string]int{"rounds": o.rounds, "roles": o.roles} {
		if value < 1 {
			return fmt.Errorf("--%s: value \"%d\" is not accepted; accepted: 1 or more", name, value)
		}
	}
	if o.readme != "" && len(o.run) < len(parts) {
		return errors.New("--readme requires all parts; hint: omit --run")
	}
	return lab.CheckSection(o.readme, "bench")
}

// bench collects the table. Its columns are: what, time, comparison, time of a distant host, comparison.
type bench struct {
	*lab.Lab
	table lab.Table
}

func (b *bench) section(title string) { b.row("**" + title + "**") }
func (b *bench) row(cells ...string)  { b.table = append(b.table, cells) }

func run(ctx context.Context, o options) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	head, err := head(ctx, o)
	if err != nil {
		return err
	}
	l, err := lab.New(ctx, "bench", false)
	if err != nil {
		return err
	}
	b := &bench{l, lab.Table{{"", ":", "compared", show(roundTrip) + " away:", "compared"}}}
	defer func() { err = errors.Join(err, b.disconnect(), b.Close()) }()
	if err := b.measure(ctx, o); err != nil {
		return err
	}
	text := head + "\n\n" + b.table.String()
	fmt.Print(text)
	if o.readme == "" {
		return nil
	}
	return lab.WriteSection(o.readme, "bench", text)
}

// head describes the measurement: date, versions, rounds.
func head(ctx context.Context, o options) (string, error) {
	version, err := lab.Run(ctx, nil, "ansible-playbook", "--version")
	if err != nil {
		return "", fmt.Errorf("%w; hint: molecule/scripts/setup venv", err)
	}
	version, _, _ = strings.Cut(version, "\n")
	version = strings.Trim(strings.TrimPrefix(version, "ansible-playbook [core "), "]")
	return fmt.Sprintf("%s, %d cores, ansible-core %s, Debian trixie; medians of %d rounds in turn, of %d for whole roles and many hosts.",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), version, o.rounds, o.roles), nil
}

func (b *bench) measure(ctx context.Context, o options) error {
	if o.has("tasks") || o.has("role") || o.has("cost") {
		if err := b.measureTarget(ctx, o); err != nil {
			return err
		}
	}
	if !o.has("hosts") {
		return nil
	}
	return b.measureHosts(ctx, o.roles)
}

// measureTarget runs the parts that require one host.
func (b *bench) measureTarget(ctx context.Context, o options) error {
	h, err := b.startTarget(ctx)
	if err != nil {
		return err
	}
	distances := []host{h}
	if o.has("latency") {
		r, err := newRelay(fmt.Sprintf("%s:%d", h.Address, h.port), roundTrip/2)
		if err != nil {
			return err
		}
		defer r.close()
		distances = append(distances, host{lab.Host{Name: h.Name, Address: "127.0.0.1"}, r.port()})
	}
	if o.has("tasks") {
		if err := b.measureTasks(ctx, h, distances, o.rounds); err != nil {
			return err
		}
	}
	if o.has("role") {
		if err := b.measureRoles(ctx, h, distances, o.roles); err != nil {
			return err
		}
	}
	if !o.has("cost") {
		return nil
	}
	return b.measureCost(ctx, h, o.rounds)
}
