package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// guide is one application, from its repository to its worker.
type guide struct {
	*narrator
	options
	scratch     string
	worker      worker
	workstation workstation
	faults      []fault
}

func tellGuide(ctx context.Context, n *narrator, o options) error {
	g := &guide{narrator: n, options: o}
	var err error
	if g.scratch, err = os.MkdirTemp("", "story"); err != nil {
		return err
	}
	defer os.RemoveAll(g.scratch)
	defer g.stop()
	return n.chapters(ctx, []chapter{
		{"Two hosts: one for the application, one where it is made", g.start},
		{"The application is configured for Sidekiq", g.configure},
		{"Capistrano knows of Sidekiq", g.capify},
		{"Sidekiq is a service, on a host where nothing was ever deployed", g.serve},
		{"The deploy user may restart it with sudo, and do nothing else", g.sudo},
		{"The first `cap production deploy` brings Sidekiq up", g.deployFirst},
		{"The database pool is tuned", g.tune},
		{"/sidekiq/busy, after the role", g.unlessShort(g.lookAtPage)},
		{"`cap production deploy`, again, and back, while jobs run", g.deployAgain},
		{"/sidekiq/busy, after the deployments", g.unlessShort(g.keepPage)},
		{"Always running", g.unlessShort(g.suffer)},
	})
}

func (g *guide) unlessShort(tell func(context.Context) error) func(context.Context) error {
	if !g.short {
		return tell
	}
	return func(context.Context) error {
		g.saw("left out", "-short")
		return nil
	}
}

func (g *guide) stop() {
	if g.keep {
		g.say("The hosts stay: %s, %s; hint: molecule/host stop NAME", g.worker.Name, g.workstation.Name)
		return
	}
	for _, h := range []hosts.Host{g.worker.Host, g.workstation.Host} {
		if err := h.Stop(); err != nil {
			g.say("%v", err)
		}
	}
}

func (g *guide) key() string { return filepath.Join(g.scratch, "key") }

// reach tells Ansible and Capistrano where the worker is.
func (g *guide) reach() error {
	g.workstation.target = g.worker.Address
	g.worker.inventory = filepath.Join(g.scratch, "inventory.json")
	return hosts.WriteInventory(g.worker.inventory, map[string]hosts.Vars{g.worker.Name: {
		"ansible_host":                 g.worker.Address,
		"ansible_user":                 "ubuntu", // who may use sudo
		"ansible_ssh_private_key_file": g.key(),
		// A container's key is new each time.
		"ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
	}}, nil)
}

// --- chapters

func (g *guide) start(ctx context.Context) error {
	public, err := hosts.NewKey(ctx, g.key())
	if err != nil {
		return err
	}
	image, err := hosts.Image(ctx, g.suite, "postgres")
	if err != nil {
		return err
	}
	if g.worker.Host, err = hosts.Start(ctx, "story-worker", image); err != nil {
		return err
	}
	if err := g.worker.RunScript(ctx, "molecule/shared/authorize.sh", public); err != nil {
		return err
	}
	if err := g.worker.Copy(ctx, "molecule/soak.rb", "/usr/local/src/"); err != nil {
		return err
	}
	if g.workstation, err = startWorkstation(ctx, g.suite, g.key()); err != nil {
		return err
	}
	if err := g.reach(); err != nil {
		return err
	}
	version, err := g.workstation.Run(ctx, "cap", "--version")
	if err != nil {
		return err
	}
	systemd, err := g.worker.Run(ctx, "systemctl", "--version")
	if err != nil {
		return err
	}
	g.saw("the application's host", "Debian %s, %s", g.suite, firstLine(systemd))
	g.saw("where it is made", "%s", version)
	return nil
}

func (g *guide) configure(ctx context.Context) error {
	for _, folder := range []string{"molecule/rails/.", "molecule/postgres/app/.", "molecule/story/capistrano/."} {
		if err := g.workstation.Copy(ctx, folder, workTree); err != nil {
			return err
		}
	}
	commit, err := g.workstation.commit(ctx, "An application with Sidekiq", "printf '%s\\n' /log /tmp >.gitignore")
	if err != nil {
		return err
	}
	g.saw("repository", "%s, commit %s", g.workstation.repository(), commit)
	for _, file := range []string{"Gemfile", "config/routes.rb", "config/sidekiq.yml"} {
		line, err := g.workstation.inTree(ctx, "grep", "--ignore-case", "--max-count=1", "--regexp=sidekiq\"$", "--regexp=mount", "--regexp=concurrency", file)
		if err != nil {
			return err
		}
		g.saw(file, "%s", line)
	}
	return nil
}

func (g *guide) capify(ctx context.Context) error {
	const tasks = "lib/capistrano/tasks/sidekiq.rake"
	local := filepath.Join(g.scratch, "sidekiq.rake")
	if _, err := hosts.Run(ctx, nil, "bin/sidekiq-role", "capistrano", "--output", local); err != nil {
		return err
	}
	if _, err := g.workstation.inTree(ctx, "mkdir", "-p", path.Dir(tasks)); err != nil {
		return err
	}
	if err := g.workstation.Copy(ctx, local, path.Join(workTree, tasks)); err != nil {
		return err
	}
	commit, err := g.workstation.commit(ctx, "Capistrano makes Sidekiq quiet and restarts it", "true")
	if err != nil {
		return err
	}
	g.saw("sidekiq-role capistrano", "%s, commit %s", tasks, commit)
	out, err := g.workstation.inTree(ctx, "cap", "--tasks", "sidekiq")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		task, what, _ := strings.Cut(strings.TrimSpace(line), "#")
		g.saw(strings.TrimSpace(task), "%s", strings.TrimSpace(what))
	}
	return nil
}

func (g *guide) serve(ctx context.Context) error {
	if _, err := g.worker.Run(ctx, "test", "!", "-e", "/opt/demo"); err != nil {
		return err
	}
	if _, err := g.worker.role(ctx); err != nil {
		return err
	}
	for _, want := range []struct{ property, value string }{{"UnitFileState", "enabled"}, {"ActiveState", "inactive"}, {"ConditionResult", "no"}} {
		found, err := g.worker.show(ctx, want.property)
		if err != nil {
			return err
		}
		if found != want.value {
			return fmt.Errorf("%s is %q, not %q", want.property, found, want.value)
		}
		g.saw(want.property, "%s", found)
	}
	g.saw("Sidekiq", "waits for the first deployment")
	return nil
}

func (g *guide) sudo(ctx context.Context) error {
	if _, err := g.workstation.ssh(ctx, "sudo -n systemctl restart sidekiq"); err != nil {
		return err
	}
	g.saw("sudo -n systemctl restart sidekiq", "done, though there is nothing to run yet")
	for _, command := range []string{
		"id", "systemctl restart ssh", "systemctl restart sidekiq ssh", "systemctl edit sidekiq", "systemctl status sidekiq",
		"systemctl daemon-reload", "systemctl enable sidekiq", "systemctl disable sidekiq", "systemctl", "sh", "visudo", "tee /etc/sudoers.d/x", "-u postgres psql", "-s",
	} {
		if out, err := g.workstation.ssh(ctx, "sudo -n "+command+" </dev/null"); err == nil {
			return fmt.Errorf("sudo -n %s is allowed: %s", command, out)
		} else if said := hosts.LastLine(err); !strings.Contains(said, "sudo: ") {
			return fmt.Errorf("sudo -n %s was not refused by sudo: %w", command, err)
		}
		g.saw("sudo -n "+command, "refused")
	}
	return nil
}

func (g *guide) deployFirst(ctx context.Context) error {
	if err := g.worker.Copy(ctx, "molecule/postgres/app/.", "/usr/local/src/demo"); err != nil {
		return err
	}
	if _, err := g.worker.Run(ctx, "/usr/local/src/demo/bin/setup"); err != nil {
		return err
	}
	g.saw("on the host, by hand", "a database, shared/config/database.yml, shared/.env.production")
	since := time.Now()
	if err := g.deploy(ctx, "deploy"); err != nil {
		return err
	}
	b, err := g.worker.awaitBeat(ctx, since, "0")
	if err != nil {
		return err
	}
	g.saw("heartbeat", "process %s, the one of systemd", b.pid)
	return nil
}

// deploy runs a task of Capistrano, and looks whether the worker has come up by it in the release that it made.
func (g *guide) deploy(ctx context.Context, task string) error {
	before, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := g.workstation.cap(ctx, task); err != nil {
		return err
	}
	g.saw("cap production "+task, "%s", short(time.Since(began)))
	return g.runsCurrent(ctx, before)
}

// runsCurrent tells whether the main process is another than before, and runs what current leads to.
func (g *guide) runsCurrent(ctx context.Context, before string) error {
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return err
	}
	release, err := g.worker.release(ctx)
	if err != nil {
		return err
	}
	current, err := g.worker.Run(ctx, "readlink", "--canonicalize", "/opt/demo/current")
	if err != nil {
		return err
	}
	revision, err := g.worker.Run(ctx, "cut", "-c1-7", current+"/REVISION")
	if err != nil {
		return err
	}
	if pid == "0" || pid == before || release != current {
		return fmt.Errorf("process %s, before %s, runs in %s, and current is %s", pid, before, release, current)
	}
	g.saw("Sidekiq", "process %s, before %s; release %s of commit %s", pid, before, path.Base(release), revision)
	return nil
}

func (g *guide) tune(ctx context.Context) error {
	before, err := g.worker.pool(ctx)
	if err != nil {
		return err
	}
	pid, err := g.worker.show(ctx, "MainPID")
	if err != nil {
		return err
	}
	if _, err := g.worker.role(ctx); err != nil {
		return err
	}
	after, err := g.worker.pool(ctx)
	if err != nil {
		return err
	}
	if before != "5" || after != "25" {
		return fmt.Errorf("the application had a pool of %s and has one of %s", before, after)
	}
	g.saw("the application's database pool", "%s, then %s for 25 threads", before, after)
	if err := g.runsCurrent(ctx, pid); err != nil {
		return err
	}
	out, err := g.worker.role(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(out, "1 host: 1 unchanged") {
		return fmt.Errorf("the role changes something the second time: %s", out)
	}
	g.saw("the role, once more", "unchanged")
	return nil
}

// deployAgain deploys twice and goes back, with jobs all the time, and looks which release did how many of them.
func (g *guide) deployAgain(ctx context.Context) error {
	jobs := enqueue(ctx, g.worker.Host, "deploy", 5, 4, "EntryJob")
	for _, task := range []string{"deploy", "deploy", "deploy:rollback"} {
		if task == "deploy" {
			if _, err := g.workstation.commit(ctx, "Another version", "date --iso-8601=ns >VERSION"); err != nil {
				return err
			}
		}
		if err := g.deploy(ctx, task); err != nil {
			return err
		}
	}
	enqueued, err := jobs.enough(ctx, g.worker.undone)
	if err != nil {
		return err
	}
	by, err := g.worker.releases(ctx, jobs.phase)
	if err != nil {
		return err
	}
	if len(by) < 3 {
		return fmt.Errorf("three releases were to do jobs, not %v", by)
	}
	for _, release := range slices.Sorted(maps.Keys(by)) {
		g.saw("release "+release, "%d jobs", by[release])
	}
	g.saw("jobs", "%d enqueued, %d done, none lost", enqueued, enqueued)
	return nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
