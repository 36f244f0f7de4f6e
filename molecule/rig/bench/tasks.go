package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// singleTasks are the names in playbooks/tasks/round.yml, with labels for the table.
var singleTasks = []struct{ name, label string }{
	{"ssh", "`ssh host true`, over the open connection"},
	{"raw", "`raw: true`, the least that a task costs"},
	{"db_pool", "`db_pool`"},
	{"first", "`db_pool`, the first time on a host"},
	{"sudoers_entry", "`sudoers_entry`"},
	{"systemd_sidekiq", "`systemd_sidekiq`"},
	{"sidekiq_info", "`sidekiq_info`"},
	{"lineinfile", "`lineinfile` for the same line, pipelined"},
	{"plain", "`db_pool` as a plain binary module"},
}

func (b *bench) measureTasks(ctx context.Context, h host, distances []host, rounds int) error {
	var times []map[string]samples
	for _, from := range distances {
		if err := b.reset(ctx, h); err != nil {
			return err
		}
		b.Say("single tasks, %s:%d, %d rounds", from.Address, from.port, rounds)
		measured, err := b.timeTasks(ctx, from, rounds)
		if err != nil {
			return err
		}
		for _, s := range singleTasks {
			b.Say("%s: %s", s.label, measured[s.name])
		}
		times = append(times, measured)
	}
	b.addTasks(times)
	return nil
}

func (b *bench) addTasks(times []map[string]samples) {
	b.section("One task, nothing to change, as root")
	for _, s := range singleTasks {
		cells := []string{s.label}
		for _, measured := range times {
			took := measured[s.name].median()
			compared := ""
			if s.name != "ssh" {
				compared = ratio(took, measured["ssh"].median()) + " × ssh, " + ratio(took, measured["raw"].median()) + " × raw"
			}
			cells = append(cells, show(took), compared)
		}
		b.row(cells...)
	}
}

// timeTasks returns the times of single tasks by name.
func (b *bench) timeTasks(ctx context.Context, h host, rounds int) (map[string]samples, error) {
	if err := b.plainModules(); err != nil {
		return nil, err
	}
	p := play{hosts: []host{h}, user: "root", env: lab.ModulePaths(), vars: lab.Vars{
		"bench_ssh": fmt.Sprintf("ssh %s -p %d root@%s", b.sshArguments(), h.port, h.Address),
	}}
	var err error
	if p.book, err = b.rounds("round.yml", 1); err != nil { // so that the others change nothing
		return nil, err
	}
	if _, err := b.play(ctx, p); err != nil {
		return nil, err
	}
	if p.book, err = b.rounds("round.yml", rounds+1); err != nil {
		return nil, err
	}
	o, err := b.unchanged(ctx, p)
	if err != nil {
		return nil, err
	}
	times, err := o.times()
	if err != nil {
		return nil, err
	}
	times["ssh"], err = o.sshTimes()
	return times, err
}

// sshTimes returns the times that the tasks `Run ssh` print, in microseconds.
func (o outcome) sshTimes() (times samples, err error) {
	for _, task := range o.tasks() {
		if task.Task.Name != "Run ssh" {
			continue
		}
		for _, result := range task.Hosts {
			for _, line := range result.StdoutLines {
				us, err := strconv.ParseFloat(fmt.Sprint(line), 64)
				if err != nil {
					return nil, err
				}
				times = append(times, us/1e6)
			}
		}
	}
	return times, nil
}

// plainModules makes the collection bench.plain with db_pool as a binary module, without an action plugin.
func (b *bench) plainModules() error {
	binary, err := filepath.Abs("bin/modules/db_pool")
	if err != nil {
		return err
	}
	modules := b.Path("collections/ansible_collections/bench/plain/plugins/modules")
	if err := os.MkdirAll(modules, 0o700); err != nil {
		return err
	}
	if err := os.Symlink(binary, filepath.Join(modules, "db_pool")); !os.IsExist(err) {
		return err
	}
	return nil
}
