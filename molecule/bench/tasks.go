package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonresults "github.com/apenella/go-ansible/v2/pkg/execute/result/json"
)

// The names of tasks/round.yml, and what they are in the table.
var single = []struct{ task, label string }{
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

// measureTasks has the times of single tasks by their names.
func (l *lab) measureTasks(ctx context.Context, h host, rounds int) (map[string]samples, error) {
	if err := l.plainModules(); err != nil {
		return nil, err
	}
	call := slices.Concat([]string{"ssh"}, l.sshArguments(), []string{"-p", strconv.Itoa(h.port), "root@" + h.Address})
	p := play{hosts: []host{h}, user: "root", env: l.modules(), vars: map[string]any{"bench_ssh": strings.Join(call, " ")}}
	// The first round brings about what the others find done.
	if _, err := l.playRounds(ctx, p, "tasks/round.yml", 1); err != nil {
		return nil, err
	}
	o, err := l.playRounds(ctx, p, "tasks/round.yml", rounds+1)
	if err != nil {
		return nil, err
	}
	if o.changed() > 0 {
		return nil, fmt.Errorf("%d tasks had something to change", o.changed())
	}
	times, err := o.byTask()
	if err != nil {
		return nil, err
	}
	for name := range times {
		times[name] = times[name][1:] // in the first round Ansible loads what it needs
	}
	times["ssh"], err = o.ssh()
	return times, err
}

// playRounds runs a play that is one round written down so many times: a loop costs something of its own.
func (l *lab) playRounds(ctx context.Context, p play, tasks string, rounds int) (outcome, error) {
	text := "- hosts: all\n  gather_facts: false\n  tasks:\n" +
		strings.Repeat("    - import_tasks: "+l.beside(tasks)+"\n", rounds)
	p.playbook = filepath.Join(l.dir, "rounds.yml")
	if err := os.WriteFile(p.playbook, []byte(text), 0o600); err != nil {
		return outcome{}, err
	}
	return l.play(ctx, p)
}

// ssh has the times that the tasks Run ssh took themselves: microseconds, one a line.
func (o outcome) ssh() (times samples, failed error) {
	o.each(func(task jsonresults.AnsiblePlaybookJSONResultsPlayTask) {
		if task.Task.Name != "Run ssh" {
			return
		}
		for _, result := range task.Hosts {
			for _, line := range result.StdoutLines {
				us, err := strconv.Atoi(fmt.Sprint(line))
				if err != nil {
					failed = err
				}
				times = append(times, time.Duration(us)*time.Microsecond)
			}
		}
	})
	return times, failed
}

// plainModules makes the collection bench.plain of the binaries: under this name no action plugin comes between.
func (l *lab) plainModules() error {
	modules := filepath.Join(l.dir, "collections/ansible_collections/bench/plain/plugins/modules")
	if err := os.MkdirAll(modules, 0o700); err != nil {
		return err
	}
	err := os.Symlink(l.ours("bin/modules/db_pool"), filepath.Join(modules, "db_pool"))
	if os.IsExist(err) {
		return nil
	}
	return err
}
