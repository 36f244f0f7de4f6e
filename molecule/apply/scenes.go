package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/molecule/marked"
)

// A scene is a step of the program. Its error is what was not as it should be.
type scene struct {
	title string
	play  func(context.Context) error
}

func (f *fleet) scenes() []scene {
	return []scene{
		{"Three hosts with an application, one with a mistake in it", f.begin},
		{"apply at a terminal: two come up, one fails", f.first},
		{"apply in a pipe: the two are left alone", f.again},
		{"apply on some: -- --limit", f.limited},
		{"The mistake is mended: apply, then verify", f.mended},
		{"verify shows a change by hand, and leaves it", f.drifted},
		{"verify without a host that is down", f.gone},
		{"apply puts all right, verify agrees", f.right},
	}
}

func (f *fleet) begin(ctx context.Context) error {
	if err := f.boot(ctx); err != nil {
		return err
	}
	if err := f.workers[1].mistype(ctx); err != nil {
		return err
	}
	saw("hosts", "%d, without a service for Sidekiq; %s: `Sidkiq`", len(f.workers), f.workers[1].name)
	return nil
}

func (f *fleet) first(ctx context.Context) error {
	r, err := f.atTerminal(ctx, "apply")
	if err != nil {
		return err
	}
	if err := f.failsOnSecond(ctx, r, "changed"); err != nil {
		return err
	}
	if err := f.live(r); err != nil || f.picture == "" {
		return err
	}
	return f.paint(r)
}

// failsOnSecond is what is to be said as long as the mistake is there.
func (f *fleet) failsOnSecond(ctx context.Context, r run, others string) error {
	if err := r.want(2, "3 hosts: 2 "+others+", 1 failed", "uninitialized constant Sidkiq", "/app.rb:10:in ", "hint: the journal names the mistake"); err != nil {
		return err
	}
	if err := r.proven(ctx, others, f.workers[0], f.workers[2]); err != nil {
		return err
	}
	return f.down(ctx, r, f.workers[1])
}

// down compares the row of a worker that failed with the worker: systemd has no process that stays, Redis no heartbeat.
func (f *fleet) down(ctx context.Context, r run, w worker) error {
	row, err := r.row(w.name)
	if err != nil {
		return err
	}
	if row["RESULT"] != "failed" || row["SIDEKIQ"] != "failed" || row["HEARTBEAT"] != "not seen" {
		return fmt.Errorf("%s: the table has %v", w.name, row)
	}
	beats, err := w.Run(ctx, "redis-cli", "SCARD", "processes")
	if err != nil {
		return err
	}
	if _, up := w.Run(ctx, "systemctl", "is-active", "--quiet", "sidekiq.service"); up == nil || beats != "0" {
		return fmt.Errorf("%s: Sidekiq is up, or has left %s heartbeats", w.name, beats)
	}
	saw(w.name, "failed; mistake, file, line and hint are named; no heartbeat")
	return nil
}

// live fails unless all workers could be seen at work at one time, and nothing of that is left at the end.
func (f *fleet) live(r run) error {
	at := regexp.MustCompile(`(?m)^worker\d  \d/\d  .+  \d+ s$`)
	most := 0
	for _, shown := range r.frames {
		most = max(most, len(at.FindAllString(shown.text(), -1)))
	}
	switch {
	case most < len(f.workers):
		return fmt.Errorf("never more than %d hosts at work were seen", most)
	case at.MatchString(r.out):
		return errors.New("a line of progress is left")
	}
	saw("on the way", "%d pictures, %d hosts at work at one time", len(r.frames), most)
	return nil
}

// again is for others than the one with the mistake: it can be started no better than before.
func (f *fleet) again(ctx context.Context) error {
	well := []worker{f.workers[0], f.workers[2]}
	before, err := states(ctx, well...)
	if err != nil {
		return err
	}
	r, err := f.piped(ctx, "apply")
	if err != nil {
		return err
	}
	if err := errors.Join(f.failsOnSecond(ctx, r, "unchanged"), r.plain()); err != nil {
		return err
	}
	return untouched(ctx, before, well...)
}

func (f *fleet) limited(ctx context.Context) error {
	r, err := f.piped(ctx, "apply", "--", "--limit", "worker1,worker3")
	if err != nil {
		return err
	}
	if err := r.want(0, "2 hosts: 2 unchanged"); err != nil {
		return err
	}
	if strings.Contains(r.out, "worker2") {
		return fmt.Errorf("worker2 was not asked for: %s", r.out)
	}
	return r.proven(ctx, "unchanged", f.workers[0], f.workers[2])
}

func (f *fleet) mended(ctx context.Context) error {
	if err := f.workers[1].mend(ctx); err != nil {
		return err
	}
	r, err := f.piped(ctx, "apply")
	if err != nil {
		return err
	}
	if err := r.want(0, "3 hosts: 3 unchanged"); err != nil {
		return err
	}
	if err := r.proven(ctx, "unchanged", f.workers...); err != nil {
		return err
	}
	_, err = f.verified(ctx, 0, "3 hosts: 3 as they should be")
	return err
}

// verified runs verify, which has to leave all that run as they are, and returns what it shows.
func (f *fleet) verified(ctx context.Context, status int, texts ...string) (string, error) {
	before, err := states(ctx, f.running()...)
	if err != nil {
		return "", err
	}
	r, err := f.piped(ctx, "verify")
	if err != nil {
		return "", err
	}
	if err := errors.Join(r.want(status, texts...), r.plain()); err != nil {
		return "", err
	}
	return r.out, untouched(ctx, before, f.running()...)
}

// running leaves out a worker that is shut down.
func (f *fleet) running() []worker {
	var all []worker
	for _, w := range f.workers {
		if !w.down {
			all = append(all, w)
		}
	}
	return all
}

// drifted lowers the pool by hand. The process has the larger one, and need not be restarted.
func (f *fleet) drifted(ctx context.Context) error {
	if _, err := f.workers[0].Run(ctx, "sed", "-i", "s/^  pool: 7$/  pool: 3/", "/opt/demo/shared/config/database.yml"); err != nil {
		return err
	}
	shown, err := f.verified(ctx, 2, "-pool: 3", "+pool: 7", "3 -> 7 for 7 threads", "3 hosts: 2 as they should be, 1 differs")
	if err != nil || f.readme == "" {
		return err
	}
	return marked.Write(f.readme, "verify", "```\n"+shown+"```\n")
}

func (f *fleet) gone(ctx context.Context) error {
	last := &f.workers[2]
	if err := last.Shutdown(ctx); err != nil {
		return err
	}
	last.down = true
	_, err := f.verified(ctx, 4, "+pool: 7", "3 hosts: 1 as it should be, 1 differs, 1 unreachable")
	return err
}

func (f *fleet) right(ctx context.Context) error {
	last := &f.workers[2]
	if err := last.Boot(ctx); err != nil {
		return err
	}
	last.down = false
	if err := f.writeInventory(); err != nil { // its address may be another one
		return err
	}
	r, err := f.piped(ctx, "apply")
	if err != nil {
		return err
	}
	if err := r.want(0, "3 hosts: 2 unchanged, 1 changed"); err != nil {
		return err
	}
	if err := errors.Join(r.proven(ctx, "changed", f.workers[0]), r.proven(ctx, "unchanged", f.workers[1:]...)); err != nil {
		return err
	}
	_, err = f.verified(ctx, 0, "3 hosts: 3 as they should be")
	return err
}
