package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A worker is a host by its name in the inventory.
type worker struct {
	hosts.Host
	name string
	down bool
}

// fleet is the three workers, each with a Redis of its own, reached by ssh as production is.
type fleet struct {
	options
	program string // sidekiq-role
	scratch string // where it is run, beside the inventory
	workers []worker
}

const inventory = "workers.yml"

func newFleet(o options) (*fleet, error) {
	program, err := filepath.Abs("bin/sidekiq-role")
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "apply")
	if err != nil {
		return nil, err
	}
	f := &fleet{options: o, program: program, scratch: scratch}
	for _, name := range []string{"worker1", "worker2", "worker3"} {
		f.workers = append(f.workers, worker{Host: hosts.Host{Name: "apply-" + name}, name: name})
	}
	return f, nil
}

func (f *fleet) writeInventory() error {
	each := map[string]hosts.Vars{}
	for _, w := range f.workers {
		each[w.name] = hosts.Vars{"ansible_host": w.Address}
	}
	return hosts.WriteInventory(filepath.Join(f.scratch, inventory), each, hosts.Vars{
		"ansible_user":                 "ubuntu",
		"ansible_ssh_private_key_file": f.key(),
		"ansible_ssh_common_args":      "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
	})
}

func (f *fleet) key() string { return filepath.Join(f.scratch, "key") }

// each does something with all workers at once.
func (f *fleet) each(do func(*worker) error) error {
	errs := make([]error, len(f.workers))
	var all sync.WaitGroup
	for i := range f.workers {
		all.Go(func() { errs[i] = do(&f.workers[i]) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (f *fleet) stop() {
	if f.keep {
		fmt.Printf("\nThe hosts stay; hint: molecule/host stop NAME, for %s, %s and %s\n", f.workers[0].Name, f.workers[1].Name, f.workers[2].Name)
		return
	}
	if err := errors.Join(f.each(func(w *worker) error { return w.Stop() }), os.RemoveAll(f.scratch)); err != nil {
		fmt.Fprintln(os.Stderr, "apply:", err)
	}
}

// boot starts the workers and deploys the application to each.
func (f *fleet) boot(ctx context.Context) error {
	image, err := hosts.Image(ctx, f.suite, "ssh")
	if err != nil {
		return err
	}
	public, err := hosts.NewKey(ctx, f.key())
	if err != nil {
		return err
	}
	if err := f.each(func(w *worker) error { return w.start(ctx, image, public) }); err != nil {
		return err
	}
	return f.writeInventory()
}

// --- a worker

func (w *worker) start(ctx context.Context, image, publicKey string) error {
	var err error
	if w.Host, err = hosts.Start(ctx, w.Name, image); err != nil {
		return err
	}
	if err := w.RunScript(ctx, "molecule/story/open.sh", publicKey); err != nil {
		return err
	}
	return w.Deploy(ctx)
}

// mistype deploys a release in which a person has made a mistake.
func (w worker) mistype(ctx context.Context) error {
	return w.release(ctx, `printf '\n%s\n' 'Sidkiq.configure_server { |config| config.death_handlers << ->(job, error) { warn "#{job}: #{error}" } }' >>/usr/local/src/demo/app.rb`)
}

// mend deploys one without it, and restarts Sidekiq as the deploy user may.
func (w worker) mend(ctx context.Context) error {
	if err := w.release(ctx, `sed -i 's/^Sidkiq/Sidekiq/' /usr/local/src/demo/app.rb`); err != nil {
		return err
	}
	_, err := w.Run(ctx, "runuser", "-u", "deploy", "--", "sudo", "-n", "systemctl", "restart", "sidekiq")
	return err
}

func (w worker) release(ctx context.Context, change string) error {
	_, err := w.Run(ctx, "sh", "-euc", change+"\n/usr/local/src/install")
	return err
}

// proof is what the worker itself says when it is asked as `make demo` does: systemd, Redis, sudo and Ruby. It is an error if anything is
// not as it should be.
func (w worker) proof(ctx context.Context) (map[string]string, error) {
	script, err := os.Open("molecule/proof.rb")
	if err != nil {
		return nil, err
	}
	defer script.Close()
	out, err := w.RunWith(ctx, script, "ruby", "-")
	return rowsOfProof("  " + out), err // hosts.Run trims what it returns
}

// rowOfProof is a line of molecule/proof.rb: ok, what, and what was seen.
var rowOfProof = regexp.MustCompile(`(?m)^  ok +(\S.*?) {2,}(.*)$`)

func rowsOfProof(text string) map[string]string {
	rows := map[string]string{}
	for _, m := range rowOfProof.FindAllStringSubmatch(text, -1) {
		rows[m[1]] = m[2]
	}
	return rows
}

// state is all that apply might change on the worker: two texts are the same when nothing did.
func (w worker) state(ctx context.Context) (string, error) {
	return w.Run(ctx, "sh", "-euc", `
		find /etc /opt/demo/shared/config -printf '%p %M %U:%G %T@ %l\n' | sort
		find /etc /opt/demo/shared/config -type f -exec sha256sum {} + | sort
		systemctl show --property=MainPID,NRestarts,InvocationID sidekiq.service redis-server.service`)
}

// states are those of some workers.
func states(ctx context.Context, workers ...worker) ([]string, error) {
	var all []string
	for _, w := range workers {
		state, err := w.state(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, state)
	}
	return all, nil
}

// untouched fails where a worker is not as it was.
func untouched(ctx context.Context, before []string, workers ...worker) error {
	after, err := states(ctx, workers...)
	if err != nil {
		return err
	}
	for i, w := range workers {
		if after[i] != before[i] {
			return fmt.Errorf("%s was changed: %s", w.name, firstDifference(before[i], after[i]))
		}
		saw(w.name, "files and processes are as they were")
	}
	return nil
}

// firstDifference names the first lines that two texts do not have in common.
func firstDifference(before, after string) string {
	one, two := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range min(len(one), len(two)) {
		if one[i] != two[i] {
			return fmt.Sprintf("%q became %q", one[i], two[i])
		}
	}
	return fmt.Sprintf("%d lines became %d", len(one), len(two))
}
