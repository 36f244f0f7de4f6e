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

// adhoc are the arguments of ansible for one module.
func (w worker) adhoc(module, args string) []string {
	return []string{"--inventory", w.inventory, "all", "-M", "bin/modules", "-m", module, "-a", args}
}

// ask runs one module by plain ansible, and reads its answer.
func (w worker) ask(ctx context.Context, answer any, module, args string) error {
	out, err := hosts.Run(ctx, nil, "ansible", w.adhoc(module, args)...)
	if err != nil {
		return err
	}
	_, text, found := strings.Cut(out, "=> ")
	if !found {
		return fmt.Errorf("no answer of %s in %s", module, out)
	}
	return json.Unmarshal([]byte(text), answer)
}

// undone tells, for a crowd of EntryJobs, how many are done where not all are.
func (w worker) undone(ctx context.Context, c crowd, enqueued int) (string, error) {
	done, err := w.query(ctx, "SELECT count(DISTINCT number) FROM entries WHERE phase = '"+c.phase+"'")
	if err != nil || done == strconv.Itoa(enqueued) {
		return "", err
	}
	return done + " are", nil
}

// releases tells how many EntryJobs of a phase each release has done.
func (w worker) releases(ctx context.Context, phase string) (map[string]int, error) {
	out, err := w.query(ctx, "SELECT release, count(DISTINCT number) FROM entries WHERE phase = '"+phase+"' GROUP BY release")
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
