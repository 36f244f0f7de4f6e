package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A worker is the host on which Sidekiq runs the application, and its address for Ansible.
type worker struct {
	hosts.Host
	inventory string
}

// A beat is what Redis knows of the process that systemd calls the main one.
type beat struct {
	pid   string
	at    time.Time
	quiet bool
}

//go:embed beat.sh
var beatScript string

var errNoBeat = errors.New("no beat of the main process is in Redis")

// beat fails where the host, systemd or Redis does not answer, and where the process has not yet beaten.
func (w worker) beat(ctx context.Context) (beat, error) {
	out, err := w.RunWith(ctx, strings.NewReader(beatScript), "sh")
	if err != nil {
		return beat{}, err
	}
	pid, rest, _ := strings.Cut(out, "\n")
	newest := beat{pid: pid}
	for line := range strings.Lines(rest) {
		identity, at, quiet := "", 0.0, ""
		if _, err := fmt.Sscan(line, &identity, &at, &quiet); err != nil || !strings.Contains(identity, ":"+pid+":") {
			continue
		}
		if t := time.Unix(0, int64(at*1e9)); t.After(newest.at) {
			newest.at, newest.quiet = t, quiet == "true"
		}
	}
	if newest.at.IsZero() {
		return newest, errNoBeat
	}
	return newest, nil
}

// awaitBeat returns when the main process, which is another than before, has beaten since then and takes jobs.
func (w worker) awaitBeat(ctx context.Context, since time.Time, before string) (beat, error) {
	var b beat
	err := await(ctx, 2*time.Minute, "heartbeat", func() (bool, error) {
		var err error
		b, err = w.beat(ctx)
		return err == nil && b.at.After(since) && b.pid != before && !b.quiet, err
	})
	return b, err
}

func (w worker) show(ctx context.Context, property string) (string, error) {
	return w.Run(ctx, "systemctl", "show", "--value", "--property="+property, "sidekiq.service")
}

// release is the folder of the release in which the main process runs. Only its own user may always look there.
func (w worker) release(ctx context.Context) (string, error) {
	pid, err := w.show(ctx, "MainPID")
	if err != nil {
		return "", err
	}
	return w.Run(ctx, "runuser", "-u", "deploy", "--", "readlink", "/proc/"+pid+"/cwd")
}

func (w worker) redis(ctx context.Context, args ...string) (string, error) {
	return w.Run(ctx, "redis-cli", append([]string{"--raw"}, args...)...)
}

// query asks the application's database, over the socket as the deploy user.
func (w worker) query(ctx context.Context, sql string) (string, error) {
	return w.Run(ctx, "runuser", "-u", "deploy", "--", "psql", "--no-align", "--tuples-only", "--dbname=demo", "--command="+sql)
}

// pool is the number of connections that the application may have, as Rails reads it.
func (w worker) pool(ctx context.Context) (string, error) {
	out, err := w.Run(ctx, "runuser", "-u", "deploy", "--", "env", "-C", "/opt/demo/current", "HOME=/home/deploy", "RAILS_ENV=production",
		"bundle", "exec", "ruby", "-r", "./config/environment", "-e", "puts ActiveRecord::Base.connection_pool.size")
	return out[strings.LastIndex(out, "\n")+1:], err
}

// push enqueues a job as any client does, without the application.
func (w worker) push(ctx context.Context, class string, args ...any) error {
	text, err := json.Marshal(map[string]any{"class": class, "args": append([]any{}, args...)})
	if err != nil {
		return err
	}
	_, err = w.Run(ctx, "ruby", "-r", "sidekiq", "-r", "json", "-e",
		"Sidekiq.logger.level = Logger::WARN; Sidekiq::Client.push(JSON.parse(ARGV.first))", string(text))
	return err
}

// role runs the role as the README tells, and returns what Ansible printed.
func (w worker) role(ctx context.Context, more ...string) (string, error) {
	return hosts.Run(ctx, nil, "bin/sidekiq-role", append([]string{"apply", "--inventory", w.inventory, "--project", "demo", "--"}, more...)...)
}

// ask runs one module by plain ansible, and reads its answer.
func (w worker) ask(ctx context.Context, answer any, module, args string) error {
	out, err := hosts.Run(ctx, nil, "ansible", "--inventory", w.inventory, "all", "-M", "bin/modules", "-m", module, "-a", args)
	if err != nil {
		return err
	}
	_, text, found := strings.Cut(out, "=> ")
	if !found {
		return fmt.Errorf("no answer of %s in %s", module, out)
	}
	return json.Unmarshal([]byte(text), answer)
}

// A crowd is many numbered EntryJobs, enqueued one after the other until there are enough.
type crowd struct {
	worker worker
	phase  string
	ended  chan error
}

func (w worker) enqueue(ctx context.Context, phase string, rate, longest float64) crowd {
	c := crowd{worker: w, phase: phase, ended: make(chan error, 1)}
	go func() {
		_, err := w.Run(ctx, "ruby", "/usr/local/src/soak.rb", phase, strconv.FormatFloat(rate, 'g', -1, 64), strconv.FormatFloat(longest, 'g', -1, 64), "EntryJob")
		c.ended <- err
	}()
	return c
}

// enough ends the enqueueing and returns how many jobs there were, all of them done. One that is not done after two minutes is lost.
func (c crowd) enough(ctx context.Context) (int, error) {
	w := c.worker
	if _, err := w.redis(ctx, "SET", "soak:"+c.phase+":enough", "yes"); err != nil {
		return 0, err
	}
	if err := <-c.ended; err != nil {
		return 0, err
	}
	out, err := w.redis(ctx, "SCARD", "soak:"+c.phase+":enqueued")
	if err != nil {
		return 0, err
	}
	enqueued, err := strconv.Atoi(out)
	if err != nil {
		return 0, err
	}
	return enqueued, await(ctx, 2*time.Minute, fmt.Sprintf("all %d jobs done", enqueued), func() (bool, error) {
		done, err := w.query(ctx, "SELECT count(DISTINCT number) FROM entries WHERE phase = '"+c.phase+"'")
		if err != nil {
			return false, err
		}
		return done == out, fmt.Errorf("%s are", done)
	})
}

// releases tells how many of the jobs each release has done, the oldest first.
func (c crowd) releases(ctx context.Context) (map[string]int, error) {
	out, err := c.worker.query(ctx, "SELECT release, count(DISTINCT number) FROM entries WHERE phase = '"+c.phase+"' GROUP BY release")
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	for line := range strings.Lines(out) {
		release, count, _ := strings.Cut(strings.TrimSpace(line), "|")
		if all[release], err = strconv.Atoi(count); err != nil {
			return nil, err
		}
	}
	return all, nil
}
