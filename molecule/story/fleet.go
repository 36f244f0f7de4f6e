package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// fleet is three workers of one Redis, which is on a host of its own.
type fleet struct {
	*narrator
	options
	scratch string
	store   hosts.Host
	workers []hosts.Host
}

func tellFleet(ctx context.Context, n *narrator, o options) error {
	f := &fleet{narrator: n, options: o}
	var err error
	if f.scratch, err = os.MkdirTemp("", "fleet"); err != nil {
		return err
	}
	defer os.RemoveAll(f.scratch)
	defer f.stop()
	return n.chapters(ctx, []chapter{
		{"Three hosts work on the queues of one Redis", f.start},
		{"Each is restarted in turn, the others work on", f.roll},
		{"One does not come up: the play stops there, two thirds still work", f.fail},
	})
}

func (f *fleet) stop() {
	for _, h := range append(f.workers, f.store) {
		if f.keep {
			f.say("%s stays; hint: molecule/host stop %s", h.Name, h.Name)
		} else if err := h.Stop(); err != nil {
			f.say("%v", err)
		}
	}
}

// --- chapters

func (f *fleet) start(ctx context.Context) error {
	image, err := hosts.Image(ctx, f.suite, "host")
	if err != nil {
		return err
	}
	if f.store, err = hosts.Start(ctx, "story-redis", image); err != nil {
		return err
	}
	// Reachable for containers alone: no port of this machine leads to it.
	if _, err := f.store.Run(ctx, "sh", "-euc", `
		sed -i 's/^bind .*/bind 0.0.0.0/; s/^protected-mode .*/protected-mode no/' /etc/redis/redis.conf
		systemctl start redis-server.service`); err != nil {
		return err
	}
	if err := f.store.Copy(ctx, "molecule/soak.rb", "/usr/local/src/"); err != nil {
		return err
	}
	for _, name := range []string{"story-1", "story-2", "story-3"} {
		h, err := hosts.Start(ctx, name, image)
		f.workers = append(f.workers, h)
		if err != nil {
			return err
		}
		if err := h.Deploy(ctx); err != nil {
			return err
		}
	}
	if err := f.writeInventory(); err != nil {
		return err
	}
	if out, err := f.play(ctx); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return f.sawProcesses(ctx)
}

func (f *fleet) roll(ctx context.Context) error {
	jobs := f.enqueue(ctx, "roll")
	before, err := f.pids(ctx)
	if err != nil {
		return err
	}
	watched, stop := f.watch(ctx, "roll")
	out, err := f.play(ctx, "--extra-vars", "sidekiq_concurrency=6")
	stop()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	after, err := f.pids(ctx)
	if err != nil {
		return err
	}
	for i, h := range f.workers {
		if before[i] == after[i] {
			return fmt.Errorf("%s was not restarted: process %s", h.Name, after[i])
		}
		f.saw(h.Name, "process %s, then %s", before[i], after[i])
	}
	w := <-watched
	if w.err != nil {
		return w.err
	}
	if w.fewest < len(f.workers)-1 {
		return fmt.Errorf("only %d processes were there at one time", w.fewest)
	}
	f.saw("meanwhile", "never fewer than %d processes; %d jobs done, the longest time without one %s", w.fewest, w.done, short(w.pause))
	return f.enough(ctx, jobs)
}

// fail breaks the application on the second host: its Sidekiq cannot be restarted.
func (f *fleet) fail(ctx context.Context) error {
	jobs := f.enqueue(ctx, "fail")
	broken := f.workers[1]
	if _, err := broken.Run(ctx, "sh", "-euc", "echo 'raise \"a broken release\"' >>/opt/demo/current/app.rb"); err != nil {
		return err
	}
	before, err := f.pids(ctx)
	if err != nil {
		return err
	}
	out, err := f.play(ctx, "--extra-vars", "sidekiq_concurrency=5")
	if err == nil {
		return fmt.Errorf("the play went well: %s", out)
	}
	if !strings.Contains(out, "a broken release") {
		return fmt.Errorf("the error does not say why: %s", out)
	}
	f.saw("the play", "failed on %s: the error has the journal's `a broken release`", broken.Name)
	after, err := f.pids(ctx)
	if err != nil {
		return err
	}
	if after[0] == before[0] || after[0] == "0" || after[2] != before[2] {
		return fmt.Errorf("processes were %v, and are %v", before, after)
	}
	f.saw(f.workers[0].Name, "restarted, before it failed: process %s, then %s", before[0], after[0])
	f.saw(f.workers[2].Name, "untouched: process %s", after[2])
	return f.enough(ctx, jobs)
}

// --- the play

func (f *fleet) inventory() string { return filepath.Join(f.scratch, "inventory.json") }

func (f *fleet) writeInventory() error {
	each := map[string]hosts.Vars{}
	for _, h := range f.workers {
		each[h.Name] = hosts.Vars{"ansible_connection": "community.docker.docker", "ansible_user": "ubuntu"}
	}
	return hosts.WriteInventory(f.inventory(), each, hosts.Vars{
		"sidekiq_environment":  hosts.Vars{"REDIS_URL": "redis://" + f.store.Address + ":6379/0"},
		"sidekiq_manage_redis": "never",
		// As soon as it is known that it does not boot.
		"sidekiq_start_timeout": 30,
	})
}

// play gives Ansible's output also where it failed.
func (f *fleet) play(ctx context.Context, more ...string) (string, error) {
	log := filepath.Join(f.scratch, "play.log")
	_, err := hosts.Run(ctx, nil, "sh", append([]string{
		"-c", `log=$0; ANSIBLE_ROLES_PATH=roles ansible-playbook "$@" molecule/story/rolling.yml >"$log" 2>&1`, log, "--inventory", f.inventory(),
	}, more...)...)
	text, unread := os.ReadFile(log)
	return string(text), errors.Join(err, unread)
}

func (f *fleet) pids(ctx context.Context) ([]string, error) {
	var all []string
	for _, h := range f.workers {
		pid, err := worker{Host: h}.show(ctx, "MainPID")
		if err != nil {
			return nil, err
		}
		all = append(all, pid)
	}
	return all, nil
}

// --- Redis

func (f *fleet) sawProcesses(ctx context.Context) error {
	out, err := redis(ctx, f.store, "SMEMBERS", "processes")
	if err != nil {
		return err
	}
	all := strings.Fields(out)
	if len(all) != len(f.workers) {
		return fmt.Errorf("%d processes beat: %s", len(all), out)
	}
	f.saw("processes in Redis", "%s", strings.Join(all, ", "))
	return nil
}

// enqueue begins a crowd of jobs that take up to two seconds.
func (f *fleet) enqueue(ctx context.Context, phase string) crowd {
	return enqueue(ctx, f.store, phase, 8, 2, "SoakJob")
}

func (f *fleet) enough(ctx context.Context, jobs crowd) error {
	enqueued, err := jobs.enough(ctx, undoneSoakJobs)
	if err != nil {
		return err
	}
	f.saw("jobs", "%d enqueued, %d done, none lost", enqueued, enqueued)
	return nil
}

// undoneSoakJobs are the numbers that are missing.
func undoneSoakJobs(ctx context.Context, c crowd, _ int) (string, error) {
	missing, err := redis(ctx, c.store, "SDIFF", "soak:"+c.phase+":enqueued", "soak:"+c.phase+":done")
	return strings.Join(strings.Fields(missing), " "), err
}

// watched is what was seen of Redis from one time to another.
type watched struct {
	fewest int // processes
	done   int // jobs
	pause  time.Duration
	err    error
}

// watch looks at Redis until it is stopped.
func (f *fleet) watch(ctx context.Context, phase string) (<-chan watched, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	seen := make(chan watched, 1)
	go func() {
		w := watched{fewest: len(f.workers)}
		first, last, since := -1, -1, time.Now()
		for ctx.Err() == nil && w.err == nil {
			processes, err := redisNumber(context.WithoutCancel(ctx), f.store, "SCARD", "processes")
			runs, more := redisNumber(context.WithoutCancel(ctx), f.store, "GET", "soak:"+phase+":runs")
			if w.err = err; err == nil {
				w.err = more
			}
			w.fewest = min(w.fewest, processes)
			if first < 0 {
				first = runs
			}
			if runs != last {
				last, since = runs, time.Now()
			}
			w.pause = max(w.pause, time.Since(since))
			w.done = last - first
			time.Sleep(100 * time.Millisecond)
		}
		seen <- w
	}()
	return seen, stop
}
