// Command bench measures what the modules and the role cost beside what they are compared with, on throwaway hosts that are reached by
// ssh, and prints one Markdown table. It is run from the project's folder, with ansible-playbook in PATH: `make bench`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
	"github.com/curationexperts/ansible-sidekiq/molecule/marked"
)

// away is the time to a distant host and back.
const away = 20 * time.Millisecond

var parts = []string{"tasks", "role", "latency", "hosts", "cost"}

// options are those of the command line.
type options struct {
	run           []string
	rounds, roles int
	readme        string
}

func (o options) has(part string) bool { return slices.Contains(o.run, part) }

func main() {
	o, err := parseOptions()
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = bench(ctx, o)
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
	}
	if err != nil {
		say("%v", err)
		os.Exit(1)
	}
}

func say(format string, words ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", words...) }

func parseOptions() (o options, err error) {
	chosen := flag.String("run", strings.Join(parts, ","), "parts to run; latency is that of tasks and role")
	flag.IntVar(&o.rounds, "rounds", 15, "rounds of single tasks")
	flag.IntVar(&o.roles, "roles", 5, "rounds of whole roles, and over many hosts")
	flag.StringVar(&o.readme, "readme", "", "file into which the table is written as well, between its two markers")
	flag.Parse()
	o.run = strings.Split(*chosen, ",")
	for _, part := range o.run {
		if !slices.Contains(parts, part) {
			return o, fmt.Errorf("part %q: accepted are %s", part, strings.Join(parts, ", "))
		}
	}
	if o.rounds < 1 || o.roles < 1 {
		return o, fmt.Errorf("-rounds and -roles: at least 1 is accepted")
	}
	if o.readme != "" && len(o.run) < len(parts) {
		return o, fmt.Errorf("-readme wants all parts; hint: leave -run out")
	}
	return o, nil
}

// bench prints what was measured, and cleans up whatever happens.
func bench(ctx context.Context, o options) (err error) {
	project, err := os.Getwd()
	if err != nil {
		return err
	}
	l, err := newLab(ctx, project)
	if err != nil {
		return err
	}
	defer func() {
		say("cleaning up")
		if failed := l.close(); err == nil {
			err = failed
		}
	}()
	if err := warnOfLoad(); err != nil {
		return err
	}
	t := &table{}
	if t.head, err = head(ctx, o); err != nil {
		return err
	}
	if err := l.measure(ctx, o, t); err != nil {
		return err
	}
	fmt.Print(t)
	if o.readme == "" {
		return nil
	}
	return marked.Write(o.readme, "bench", t.String())
}

// warnOfLoad tells when others are at work: what is measured then says little.
func warnOfLoad() error {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	var load float64
	if _, err := fmt.Sscan(string(text), &load); err != nil {
		return fmt.Errorf("/proc/loadavg: %w", err)
	}
	if load > 0.5*float64(runtime.NumCPU()) {
		say("this machine is busy (load average %.1f): the figures will be too large and unsteady", load)
	}
	return nil
}

// head says where and when.
func head(ctx context.Context, o options) (string, error) {
	version, err := hosts.Run(ctx, nil, "ansible-playbook", "--version")
	if err != nil {
		return "", fmt.Errorf("%w; hint: run molecule/setup venv, and put .venv/bin into PATH", err)
	}
	version, _, _ = strings.Cut(version, "\n")
	return fmt.Sprintf("%s, %d cores, %s, Debian trixie; medians of %d rounds in turn, of %d for whole roles and many hosts.",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), strings.Trim(strings.ReplaceAll(version, "ansible-playbook [core", "ansible-core"), "]"),
		o.rounds, o.roles), nil
}

func (l *lab) measure(ctx context.Context, o options, t *table) error {
	if o.has("tasks") || o.has("role") || o.has("cost") {
		if err := l.measureTarget(ctx, o, t); err != nil {
			return err
		}
	}
	if !o.has("hosts") {
		return nil
	}
	fleets, err := l.measureFleet(ctx, o.roles)
	if err == nil {
		t.fleets(fleets)
	}
	return err
}

// measureTarget does all that is done with one host.
func (l *lab) measureTarget(ctx context.Context, o options, t *table) error {
	h, err := l.start(ctx)
	if err != nil {
		return err
	}
	distances := []host{h}
	if o.has("latency") {
		r, err := newRelay(h.String(), away/2)
		if err != nil {
			return err
		}
		defer r.close()
		distances = append(distances, host{hosts.Host{Name: h.Name, Address: "127.0.0.1"}, r.port()})
	}
	if o.has("tasks") {
		if err := l.tasksPart(ctx, h, distances, o.rounds, t); err != nil {
			return err
		}
	}
	if o.has("role") {
		if err := l.rolePart(ctx, h, distances, o.roles, t); err != nil {
			return err
		}
	}
	if !o.has("cost") {
		return nil
	}
	costs, err := l.measureCost(ctx, h, o.rounds)
	if err == nil {
		t.costs(costs)
	}
	return err
}

func (l *lab) tasksPart(ctx context.Context, h host, distances []host, rounds int, t *table) error {
	var times []map[string]samples
	for _, from := range distances {
		if err := l.reset(ctx, h); err != nil {
			return err
		}
		say("single tasks, %s, %d rounds", from, rounds)
		measured, err := l.measureTasks(ctx, from, rounds)
		if err != nil {
			return err
		}
		for _, s := range single {
			say("%s: %s", s.label, measured[s.task].spread())
		}
		times = append(times, measured)
	}
	t.tasks(times)
	return nil
}

func (l *lab) rolePart(ctx context.Context, h host, distances []host, rounds int, t *table) error {
	all, err := l.contenders(ctx, h)
	if err != nil {
		return err
	}
	var results [][]contender
	for _, from := range distances {
		say("whole roles, %s, %d rounds", from, rounds)
		measured, err := l.measureRole(ctx, h, from, all, rounds)
		if err != nil {
			return err
		}
		results = append(results, measured)
	}
	t.roles(results)
	return nil
}
