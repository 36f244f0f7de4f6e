package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A fault is something that happens to a worker sooner or later.
type fault struct {
	name   string
	happen func(context.Context) (event, error)
	// mend takes back what would hinder the next one.
	mend func(context.Context) error

	seen string
	back time.Duration
}

// An event is a fault that has happened: what an administrator sees of it, the moment from which the way back is timed, and the main process that
// has to be another then; "" where it may be the same.
type event struct {
	seen   string
	since  time.Time
	before string
}

// suffer lets every fault happen to a healthy worker, and times how long it takes until the main process beats in Redis and takes jobs again. Then
// a job has to be done.
func (g *guide) suffer(ctx context.Context) error {
	g.faults = g.allFaults()
	for i := range g.faults {
		f := &g.faults[i]
		if err := g.one(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		g.saw(f.name, "%s; heartbeat back after %s", f.seen, short(f.back))
	}
	return g.writeFaults()
}

// allFaults come in an order in which none hinders the next.
func (g *guide) allFaults() []fault {
	return []fault{
		{name: "the host boots", happen: g.boot},
		{name: "Redis is away for 15 s", happen: g.loseRedis},
		{name: "the process is killed (`kill -9`)", happen: g.kill},
		{name: "a job takes all memory", happen: g.outOfMemory},
		{name: "shared/log is full, and Sidekiq is restarted", happen: g.fullDisk, mend: g.emptyDisk},
		{name: "a deployment fails halfway", happen: g.failHalfway},
		{name: "a release does not boot; `deploy:rollback`", happen: g.brokenRelease},
		{name: "a deployment is broken off; `sidekiq:restart`", happen: g.brokenOff},
	}
}

func (g *guide) one(ctx context.Context, f *fault) error {
	e, err := f.happen(ctx)
	if err != nil {
		return err
	}
	b, err := g.worker.awaitBeat(ctx, e.since, e.before)
	if err != nil {
		return err
	}
	f.seen, f.back = e.seen, b.at.Sub(e.since)
	if err := g.doesJob(ctx); err != nil || f.mend == nil {
		return err
	}
	return f.mend(ctx)
}

// doesJob fails when one job is not done in half a minute.
func (g *guide) doesJob(ctx context.Context) error {
	phase := fmt.Sprintf("proof-%d", time.Now().UnixNano())
	if err := g.worker.push(ctx, "EntryJob", phase, 1, 0); err != nil {
		return err
	}
	return await(ctx, 30*time.Second, "a job done", func() (bool, error) {
		done, err := g.worker.query(ctx, "SELECT count(*) FROM entries WHERE phase = '"+phase+"'")
		return done == "1", err
	})
}

// --- what happens

func (g *guide) boot(ctx context.Context) (event, error) {
	if err := g.worker.Shutdown(ctx); err != nil {
		return event{}, err
	}
	since := time.Now()
	if err := g.worker.Boot(ctx); err != nil {
		return event{}, err
	}
	return event{"it comes up with the host", since, ""}, g.reach()
}

func (g *guide) loseRedis(ctx context.Context) (event, error) {
	before, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return event{}, err
	}
	if _, err := g.worker.Run(ctx, "systemctl", "stop", "redis-server"); err != nil {
		return event{}, err
	}
	time.Sleep(15 * time.Second)
	since := time.Now()
	if _, err := g.worker.Run(ctx, "systemctl", "start", "redis-server"); err != nil {
		return event{}, err
	}
	after, err := g.worker.show(ctx, "MainPID")
	if after != before {
		return event{"another process has come up", since, ""}, err
	}
	return event{"the same process waits for it", since, ""}, err
}

func (g *guide) kill(ctx context.Context) (event, error) {
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return event{}, err
	}
	since := time.Now()
	if _, err := g.worker.Run(ctx, "kill", "-KILL", pid); err != nil {
		return event{}, err
	}
	seen, err := g.journal(ctx, since, "Main process exited")
	return event{seen, since, pid}, err
}

func (g *guide) outOfMemory(ctx context.Context) (event, error) {
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return event{}, err
	}
	if err := g.limitMemory(ctx, "1g"); err != nil {
		return event{}, err
	}
	begun := time.Now()
	if err := g.worker.push(ctx, "GreedyJob"); err != nil {
		return event{}, err
	}
	seen, err := g.journal(ctx, begun, "Main process exited")
	since := time.Now()
	return event{seen, since, pid}, errors.Join(err, g.limitMemory(ctx, "20g"))
}

// limitMemory is for the host as a whole: the kernel ends the process that has most.
func (g *guide) limitMemory(ctx context.Context, most string) error {
	_, err := hosts.Run(ctx, nil, "docker", "update", "--memory", most, "--memory-swap", most, g.worker.Name)
	return err
}

const logs = "/opt/demo/shared/log"

// fullDisk fills a file system that is the log's own, while the worker runs; the worker that is restarted meets it full.
func (g *guide) fullDisk(ctx context.Context) (event, error) {
	if _, err := g.worker.Run(ctx, "sh", "-euc", `
		systemctl stop sidekiq
		mount -t tmpfs -o size=256k,uid=$(id -u deploy),gid=$(id -g deploy),mode=0755 log "$0"
		systemctl start sidekiq
		dd if=/dev/zero of="$0/fill" 2>/dev/null && exit 1
		df --output=avail "$0" | grep -qx ' *0'`, logs); err != nil {
		return event{}, err
	}
	begun := time.Now()
	if err := g.doesJob(ctx); err != nil {
		return event{}, err
	}
	seen, err := g.journal(ctx, begun, "No space left on device")
	if err != nil {
		return event{}, err
	}
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return event{}, err
	}
	since := time.Now()
	_, err = g.workstation.ssh(ctx, "sudo -n systemctl restart sidekiq")
	return event{"jobs are done, before and after; " + seen, since, pid}, err
}

func (g *guide) emptyDisk(ctx context.Context) error {
	if _, err := g.worker.Run(ctx, "sh", "-euc", `systemctl stop sidekiq; umount "$0"; systemctl start sidekiq`, logs); err != nil {
		return err
	}
	_, err := g.worker.awaitBeat(ctx, time.Now(), "")
	return err
}

// failHalfway deploys a commit whose gems are not there. Capistrano makes Sidekiq quiet, and ends when it runs again.
func (g *guide) failHalfway(ctx context.Context) (event, error) {
	release, err := g.worker.release(ctx)
	if err != nil {
		return event{}, err
	}
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return event{}, err
	}
	if _, err := g.workstation.commit(ctx, "A mistake", `echo 'gem "no-such-gem"' >>Gemfile`); err != nil {
		return event{}, err
	}
	since := time.Now()
	if out, err := g.workstation.cap(ctx, "deploy"); err == nil {
		return event{}, fmt.Errorf("it does not fail: %s", out)
	}
	seen := fmt.Sprintf("cap fails after %s, the release before works on", short(time.Since(since)))
	if _, err := g.workstation.commit(ctx, "As before", "git revert --no-commit HEAD"); err != nil {
		return event{}, err
	}
	after, err := g.worker.release(ctx)
	if err == nil && after != release {
		err = fmt.Errorf("it runs in %s, before in %s", after, release)
	}
	return event{seen, since, pid}, err
}

// brokenRelease deploys a release whose Sidekiq does not boot, and goes back: to the one before by name, since Capistrano takes the one that a failed
// deployment has left for it.
func (g *guide) brokenRelease(ctx context.Context) (event, error) {
	release, err := g.worker.release(ctx)
	if err != nil {
		return event{}, err
	}
	if _, err := g.workstation.commit(ctx, "A mistake", `echo 'raise "does not boot" if Sidekiq.server?' >>config/environment.rb`); err != nil {
		return event{}, err
	}
	begun := time.Now()
	if out, err := g.workstation.cap(ctx, "deploy"); err == nil {
		return event{}, fmt.Errorf("it does not fail: %s", out)
	}
	if _, err := g.journal(ctx, begun, "does not boot"); err != nil {
		return event{}, err
	}
	since := time.Now()
	if _, err := g.workstation.cap(ctx, "deploy:rollback", "ROLLBACK_RELEASE="+path.Base(release)); err != nil {
		return event{}, err
	}
	_, err = g.workstation.commit(ctx, "As before", "git revert --no-commit HEAD")
	return event{"cap fails, the journal says why", since, ""}, err
}

// brokenOff ends Capistrano in the middle of a deployment: nobody is left who would restart a Sidekiq that is quiet.
func (g *guide) brokenOff(ctx context.Context) (event, error) {
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return event{}, err
	}
	if _, err := g.workstation.commit(ctx, "A slow migration", "echo 'sleep 60' >>Rakefile"); err != nil {
		return event{}, err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := g.workstation.inTree(ctx, "sh", "-c", "echo $$ >/run/cap.pid; exec cap production deploy")
		ended <- err
	}()
	if err := await(ctx, time.Minute, "quiet", func() (bool, error) {
		b, err := g.worker.beat(ctx)
		return b.quiet, err
	}); err != nil {
		return event{}, err
	}
	if _, err := g.workstation.Run(ctx, "sh", "-euc", "kill -KILL $(cat /run/cap.pid)"); err != nil {
		return event{}, err
	}
	if err := <-ended; err == nil {
		return event{}, errors.New("the deployment went well")
	}
	if _, err := g.workstation.commit(ctx, "As before", "git revert --no-commit HEAD"); err != nil {
		return event{}, err
	}
	if err := g.worker.push(ctx, "EntryJob", "waits", 1, 0); err != nil {
		return event{}, err
	}
	seen, err := g.warning(ctx, "is quiet")
	if err != nil {
		return event{}, err
	}
	since := time.Now()
	_, err = g.workstation.cap(ctx, "sidekiq:restart")
	return event{seen, since, pid}, err
}

// --- what is seen

// journal is the line that the unit's journal has from then on, without what was before the message.
func (g *guide) journal(ctx context.Context, since time.Time, wanted string) (string, error) {
	seen := ""
	err := await(ctx, time.Minute, fmt.Sprintf("%q in the journal", wanted), func() (bool, error) {
		out, err := g.worker.Run(ctx, "journalctl", "--unit=sidekiq", "--output=cat", "--no-pager", fmt.Sprintf("--since=@%d", since.Unix()))
		for line := range strings.Lines(out) {
			if strings.Contains(line, wanted) {
				seen = strings.TrimSpace(line)
				return true, nil
			}
		}
		return false, err
	})
	return fmt.Sprintf("journal: `%s`", seen), err
}

// warning is the line with which sidekiq_info warns of something. Of a process that was killed Redis knows for a while yet, as if it worked.
func (g *guide) warning(ctx context.Context, wanted string) (string, error) {
	seen := ""
	err := await(ctx, time.Minute, fmt.Sprintf("a warning of %q", wanted), func() (bool, error) {
		out, err := exec.CommandContext(ctx, "ansible", g.worker.adhoc("sidekiq_info", "app_root=/opt/demo/current")...).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if text, found := strings.CutPrefix(line, "[WARNING]: "); found && strings.Contains(text, wanted) {
				seen = strings.TrimSpace(text)
				return true, nil
			}
		}
		return false, errors.Join(err, errors.New(hosts.Tail(string(out))))
	})
	return "sidekiq_info: `" + seen + "`", err
}
