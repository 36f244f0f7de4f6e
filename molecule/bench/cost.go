package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// cost is what one run of a module takes of the host.
type cost struct {
	label, command string
	cpu            samples
	kilobytes      []int
}

// megabytes is the largest of all runs.
func (c *cost) megabytes() float64 {
	most := 0
	for _, k := range c.kilobytes {
		most = max(most, k)
	}
	return float64(most) / 1024
}

// measureCost runs modules on the host itself: ours from an arguments file, Ansible's as the payload that it sends. Each pair of ours and
// its peer stands together.
func (l *lab) measureCost(ctx context.Context, h host, rounds int) ([]*cost, error) {
	if err := l.prepareCost(ctx, h); err != nil {
		return nil, err
	}
	all := []*cost{
		{label: "`db_pool`", command: "/root/bench/db_pool /root/bench/db_pool.json"},
		{label: "`lineinfile`", command: "/usr/bin/python3 /root/.ansible/tmp/*/AnsiballZ_lineinfile.py"},
		{label: "`systemd_sidekiq`", command: "/root/bench/systemd_sidekiq /root/bench/systemd_sidekiq.json"},
		{label: "`systemd_service`", command: "/usr/bin/python3 /root/.ansible/tmp/*/AnsiballZ_systemd_service.py"},
	}
	for _, c := range all {
		// The role says more than these arguments do: the first run may change what it wrote.
		answer, err := h.Run(ctx, "sh", "-euc", c.command+" >/dev/null; "+c.command)
		if err != nil {
			return nil, err
		}
		if !strings.Contains(strings.ReplaceAll(answer, " ", ""), `"changed":false`) {
			return nil, fmt.Errorf("%s had something to change: %s", c.label, hosts.Tail(answer))
		}
	}
	for range rounds {
		for _, c := range all {
			if err := c.add(ctx, h); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// add measures one run.
func (c *cost) add(ctx context.Context, h host) error {
	answer, err := h.Run(ctx, "sh", "-euc", "/root/bench/rusage 1 "+c.command)
	if err != nil {
		return err
	}
	var us, kilobytes int
	if _, err := fmt.Sscan(answer, &us, &kilobytes); err != nil {
		return fmt.Errorf("%q: %w", answer, err)
	}
	c.cpu, c.kilobytes = append(c.cpu, time.Duration(us)*time.Microsecond), append(c.kilobytes, kilobytes)
	return nil
}

// prepareCost applies the role, and brings what is run.
func (l *lab) prepareCost(ctx context.Context, h host) error {
	if _, err := l.ourUnit(ctx, h); err != nil {
		return err
	}
	keep := play{hosts: []host{h}, user: "root", env: map[string]string{"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0"}}
	if _, err := l.playRounds(ctx, keep, "tasks/payloads.yml", 1); err != nil {
		return err
	}
	folder := filepath.Join(l.dir, "target")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", folder, l.beside("rusage"))
	build.Env, build.Dir = append(os.Environ(), "CGO_ENABLED=0"), l.project
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for name, text := range map[string]string{
		"db_pool.json":         `{"path": "/opt/demo/shared/config/database.yml", "app_root": "/opt/demo/current", "sidekiq_config": ["config/sidekiq.yml"]}`,
		"systemd_sidekiq.json": `{"app_root": "/opt/demo/current"}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := h.Copy(ctx, folder, "/root/bench"); err != nil {
		return err
	}
	for _, module := range []string{"db_pool", "systemd_sidekiq"} {
		if err := h.Copy(ctx, l.ours("bin/modules/"+module), "/root/bench/"+module); err != nil {
			return err
		}
	}
	return nil
}
