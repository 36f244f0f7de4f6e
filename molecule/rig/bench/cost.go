package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// cost is the cost of a run of a module.
type cost struct {
	label, command string
	cpu            samples
	kilobytes      []int // peak memory
}

func (c cost) megabytes() float64 { return float64(slices.Max(c.kilobytes)) / 1024 }

// measureCost runs modules on the host: ours with an arguments file, Ansible's as the payload that Ansible sends.
func (b *bench) measureCost(ctx context.Context, h host, rounds int) error {
	if err := b.prepareCost(ctx, h); err != nil {
		return err
	}
	pairs := [][2]cost{{
		{label: "`db_pool`", command: "/root/db_pool /root/db_pool.json"},
		{label: "`lineinfile`", command: "/usr/bin/python3 /root/.ansible/tmp/*/AnsiballZ_lineinfile.py"},
	}, {
		{label: "`systemd_sidekiq`", command: "/root/systemd_sidekiq /root/systemd_sidekiq.json"},
		{label: "`systemd_service`", command: "/usr/bin/python3 /root/.ansible/tmp/*/AnsiballZ_systemd_service.py"},
	}}
	for range rounds {
		for i := range pairs {
			for j := range pairs[i] {
				if err := pairs[i][j].measure(ctx, h); err != nil {
					return err
				}
			}
		}
	}
	b.section("CPU time and peak memory on the host, one run of a module, nothing to change")
	for _, p := range pairs {
		ours, peer := p[0], p[1]
		b.row(ours.label, ours.String(), fmt.Sprintf("%s × CPU, %.2f × memory of %s",
			ratio(ours.cpu.median(), peer.cpu.median()), ours.megabytes()/peer.megabytes(), peer.label))
		b.row(peer.label, peer.String())
	}
	return nil
}

func (c cost) String() string { return fmt.Sprintf("%s, %.0f MB", show(c.cpu.median()), c.megabytes()) }

// measure measures one run, which must change nothing.
func (c *cost) measure(ctx context.Context, h host) error {
	out, err := h.Run(ctx, "sh", "-euc", "/root/rusage "+c.command)
	if err != nil {
		return err
	}
	figures, answer, _ := strings.Cut(out, "\n")
	if !strings.Contains(strings.ReplaceAll(answer, " ", ""), `"changed":false`) {
		return fmt.Errorf("%s changed something: %s", c.label, lab.Tail(answer, 2000))
	}
	var us, kilobytes int
	if _, err := fmt.Sscan(figures, &us, &kilobytes); err != nil {
		return fmt.Errorf("%q: %w", out, err)
	}
	c.cpu.add(time.Duration(us) * time.Microsecond)
	c.kilobytes = append(c.kilobytes, kilobytes)
	return nil
}

// prepareCost runs the role, and copies programs and arguments to the host. The first run of a module may change
// what the role wrote with other arguments.
func (b *bench) prepareCost(ctx context.Context, h host) error {
	if _, err := b.roleUnit(ctx, h); err != nil {
		return err
	}
	book, err := b.rounds("payloads.yml", 1)
	if err != nil {
		return err
	}
	if _, err := b.play(ctx, play{book: book, hosts: []host{h}, user: "root", env: map[string]string{
		"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0",
	}}); err != nil {
		return err
	}
	rusage, err := b.Build(ctx, "./molecule/rig/bench/rusage")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"db_pool.json":         `{"app_root": "/opt/demo/current"}`,
		"systemd_sidekiq.json": `{"app_root": "/opt/demo/current"}`,
	} {
		if err := os.WriteFile(b.Path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, file := range []string{rusage, "bin/modules/db_pool", "bin/modules/systemd_sidekiq", b.Path("db_pool.json"), b.Path("systemd_sidekiq.json")} {
		if err := h.Copy(ctx, file, "/root/"+filepath.Base(file)); err != nil {
			return err
		}
	}
	_, err = h.Run(ctx, "sh", "-euc", "cd /root; for module in db_pool systemd_sidekiq; do ./$module $module.json; done")
	return err
}
