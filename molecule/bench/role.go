package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// contender is one way to do the job. Its times are those of ansible-playbook: an empty play, a first run, and one without change.
type contender struct {
	label, playbook     string
	env                 map[string]string
	vars                map[string]any
	reason              string // why it does not run
	empty, first, again samples
}

// contenders are in the order of the table: ours, the one that ours is measured by, and the others.
func (l *lab) contenders(ctx context.Context, h host) ([]contender, error) {
	unit, err := l.ourUnit(ctx, h)
	if err != nil {
		return nil, err
	}
	plain, err := l.plainRole()
	if err != nil {
		return nil, err
	}
	job := map[string]any{"bench_unit": unit}
	all := []contender{
		{label: "this project's role", playbook: "role.yml"},
		{label: "the same job with Ansible's own modules, pipelined", playbook: "builtin.yml", vars: job},
		{label: "the same under Mitogen", playbook: "builtin.yml", vars: job},
		{label: "this role with plain binary modules", playbook: "role.yml", env: plain},
		{label: "what ansible-samvera's role does, no more, pipelined", playbook: "samvera.yml"},
	}
	mitogen := &all[2]
	version, env, err := l.mitogen(ctx, h)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		mitogen.reason = strings.ReplaceAll(hosts.LastLine(err), "|", "/") // in a cell of the table
		say("Mitogen: %v", err)
	}
	mitogen.env, mitogen.label = env, strings.TrimSpace(mitogen.label+" "+version)
	return all, nil
}

// ourUnit applies the role and keeps the unit that it wrote, for those who cannot make it.
func (l *lab) ourUnit(ctx context.Context, h host) (string, error) {
	if err := l.reset(ctx, h); err != nil {
		return "", err
	}
	if _, err := l.play(ctx, play{playbook: l.beside("role.yml"), hosts: []host{h}, user: "ubuntu"}); err != nil {
		return "", err
	}
	text, err := h.Run(ctx, "cat", "/etc/systemd/system/sidekiq.service")
	if err != nil {
		return "", err
	}
	path := filepath.Join(l.dir, "sidekiq.service")
	return path, os.WriteFile(path, []byte(text+"\n"), 0o600)
}

// plainRole is the role without its action plugins, and with the binaries in the place of their stubs.
func (l *lab) plainRole() (map[string]string, error) {
	role := filepath.Join(l.dir, "plain/sidekiq")
	if err := os.MkdirAll(role, 0o700); err != nil {
		return nil, err
	}
	for _, part := range []string{"defaults", "files", "meta", "tasks"} {
		if err := os.Symlink(l.ours("roles/sidekiq/"+part), filepath.Join(role, part)); err != nil && !os.IsExist(err) {
			return nil, err
		}
	}
	return map[string]string{"ANSIBLE_ROLES_PATH": filepath.Dir(role), "ANSIBLE_LIBRARY": l.ours("bin/modules")}, nil
}

func (l *lab) reset(ctx context.Context, h host) error { return h.RunScript(ctx, l.beside("reset.sh")) }

// measureRole has a first run and one without change of each contender for each round, in turn. from is h, maybe from far away.
func (l *lab) measureRole(ctx context.Context, h, from host, all []contender, rounds int) ([]contender, error) {
	all = slices.Clone(all)
	for round := range rounds {
		for i := range all {
			c := &all[i]
			if c.reason != "" {
				continue
			}
			if err := l.oneRound(ctx, h, from, c); err != nil {
				return nil, fmt.Errorf("%s: %w", c.label, err)
			}
			say("round %d of %d, %s: empty %s, first %s, again %s", round+1, rounds, c.label,
				show(c.empty[round]), show(c.first[round]), show(c.again[round]))
		}
	}
	return all, nil
}

// above is what a run takes more than an empty play.
func (c contender) above(run samples) time.Duration { return run.median() - c.empty.median() }

func (l *lab) oneRound(ctx context.Context, h, from host, c *contender) error {
	if err := l.reset(ctx, h); err != nil {
		return err
	}
	job := play{playbook: l.beside(c.playbook), hosts: []host{from}, user: "ubuntu", vars: c.vars, env: c.env}
	nothing := job
	nothing.playbook = l.beside("empty.yml")
	empty, err := l.play(ctx, nothing)
	if err != nil {
		return err
	}
	first, err := l.play(ctx, job)
	if err != nil {
		return err
	}
	again, err := l.play(ctx, job)
	if err != nil {
		return err
	}
	if first.changed() == 0 || again.changed() > 0 {
		return fmt.Errorf("the first run changed %d things, the second %d", first.changed(), again.changed())
	}
	c.empty, c.first, c.again = append(c.empty, empty.took), append(c.first, first.took), append(c.again, again.took)
	return nil
}
