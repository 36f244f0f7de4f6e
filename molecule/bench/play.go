package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apenella/go-ansible/v2/pkg/execute"
	jsonresults "github.com/apenella/go-ansible/v2/pkg/execute/result/json"
	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// play is one call of ansible-playbook.
type play struct {
	playbook string
	hosts    []host
	user     string
	vars     map[string]any
	env      map[string]string
}

// outcome is how long the call took, and what its tasks did.
type outcome struct {
	took    time.Duration
	results *jsonresults.AnsiblePlaybookJSONResults
}

// environment is that of all calls: pipelined, since that is the best that Ansible's own modules have.
func (l *lab) environment() map[string]string {
	return map[string]string{
		"ANSIBLE_CONFIG":           filepath.Join(l.dir, "none.cfg"),
		"ANSIBLE_LOCAL_TEMP":       filepath.Join(l.dir, "local"),
		"ANSIBLE_STDOUT_CALLBACK":  "ansible.posix.json",
		"ANSIBLE_SSH_ARGS":         strings.Join(l.sshArguments(), " "),
		"ANSIBLE_PIPELINING":       "1",
		"ANSIBLE_FORKS":            "20",
		"ANSIBLE_ROLES_PATH":       l.ours("roles"),
		"ANSIBLE_COLLECTIONS_PATH": filepath.Join(l.dir, "collections"),
	}
}

// modules lets a play without the role use the role's modules.
func (l *lab) modules() map[string]string {
	return map[string]string{"ANSIBLE_LIBRARY": l.ours("roles/sidekiq/library"), "ANSIBLE_ACTION_PLUGINS": l.ours("roles/sidekiq/action_plugins")}
}

func (l *lab) play(ctx context.Context, p play) (outcome, error) {
	inventory, err := l.inventory(p)
	if err != nil {
		return outcome{}, err
	}
	env := l.environment()
	maps.Copy(env, p.env)
	var stdout, stderr bytes.Buffer
	command := playbook.NewAnsiblePlaybookCmd(
		playbook.WithPlaybooks(p.playbook),
		playbook.WithPlaybookOptions(&playbook.AnsiblePlaybookOptions{Inventory: inventory, ExtraVars: p.vars}),
	)
	start := time.Now()
	err = execute.NewDefaultExecute(execute.WithCmd(command), execute.WithEnvVars(env),
		execute.WithWrite(&stdout), execute.WithWriteError(&stderr)).Execute(ctx)
	o := outcome{took: time.Since(start)}
	if ctx.Err() != nil {
		return o, context.Cause(ctx)
	}
	results, unread := jsonresults.ParseJSONResultsStream(bytes.NewReader(stdout.Bytes()))
	if unread != nil || results.Stats == nil && err != nil {
		return o, fmt.Errorf("%s: %w: %s", filepath.Base(p.playbook), cmp.Or(err, unread), hosts.Tail(stdout.String()+stderr.String()))
	}
	o.results = results
	if err != nil {
		return o, fmt.Errorf("%s: %s", filepath.Base(p.playbook), cmp.Or(o.failure(), hosts.Tail(err.Error()+stderr.String())))
	}
	return o, nil
}

// inventory writes the hosts into a file.
func (l *lab) inventory(p play) (string, error) {
	all := map[string]any{}
	for _, h := range p.hosts {
		all[h.Name] = map[string]any{
			"ansible_host": h.Address, "ansible_port": h.port, "ansible_user": p.user,
			"ansible_python_interpreter": "/usr/bin/python3",
		}
	}
	text, err := yaml.Marshal(map[string]any{"all": map[string]any{"hosts": all}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(l.dir, "inventory.yml")
	return path, os.WriteFile(path, text, 0o600)
}

// each calls f for each task in turn.
func (o outcome) each(f func(jsonresults.AnsiblePlaybookJSONResultsPlayTask)) {
	for _, p := range o.results.Plays {
		for _, task := range p.Tasks {
			f(task)
		}
	}
}

// failure says what the first task that failed said.
func (o outcome) failure() (said string) {
	o.each(func(task jsonresults.AnsiblePlaybookJSONResultsPlayTask) {
		for name, result := range task.Hosts {
			if said == "" && (result.Failed || result.Unreachable) {
				said = fmt.Sprintf("task %q on %s: %v %v %v", task.Task.Name, name, result.Msg, result.Stdout, result.Stderr)
			}
		}
	})
	return hosts.Tail(said)
}

// changed is the number of tasks that changed something.
func (o outcome) changed() (sum int) {
	for _, stats := range o.results.Stats {
		sum += stats.Changed
	}
	return sum
}

// byTask has the times of all tasks of one name, which follows Run, in the order of the play. They are what a person waits: from the
// start of the task to the last host's answer.
func (o outcome) byTask() (map[string]samples, error) {
	times := map[string]samples{}
	var failed error
	o.each(func(task jsonresults.AnsiblePlaybookJSONResultsPlayTask) {
		took, err := duration(task.Task.Duration)
		if err != nil {
			failed = fmt.Errorf("task %q: %w", task.Task.Name, err)
		}
		name := strings.TrimPrefix(task.Task.Name, "Run ")
		times[name] = append(times[name], took)
	})
	return times, failed
}

func duration(d *jsonresults.AnsiblePlaybookJSONResultsPlayTaskItemDuration) (time.Duration, error) {
	start, err := time.Parse(time.RFC3339Nano, d.Start)
	if err != nil {
		return 0, err
	}
	end, err := time.Parse(time.RFC3339Nano, d.End)
	return end.Sub(start), err
}
