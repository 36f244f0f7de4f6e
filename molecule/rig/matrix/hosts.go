package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// A host has its title in the table, and an inventory with the ways to it.
type host struct {
	lab.Host
	title     string
	inventory string
}

const manyHosts = 20

// startHosts starts a target of each suite, manyHosts hosts, and one with arm64.
func (m *matrix) startHosts(ctx context.Context, suites []string) error {
	if err := m.linkCollection(); err != nil {
		return err
	}
	m.Say("starting the hosts; logs in %s", m.Path("logs"))
	for _, suite := range suites {
		h, err := m.Start(ctx, suite, suite, "ssh")
		if err != nil {
			return err
		}
		if err := h.Deploy(ctx); err != nil {
			return err
		}
		if err := h.RunScript(ctx, "molecule/rig/matrix/prepare.sh", m.PublicKey); err != nil {
			return err
		}
		target, err := m.withInventory(h, suite, ways)
		if err != nil {
			return err
		}
		m.targets = append(m.targets, target)
	}
	image, err := lab.Image(ctx, "trixie", "ssh")
	if err != nil {
		return err
	}
	for i := range manyHosts {
		h, err := m.StartSSH(ctx, fmt.Sprintf("many-%d", i), image)
		if err != nil {
			return err
		}
		m.many = append(m.many, host{Host: h, title: "many"})
	}
	return m.startArm(ctx)
}

// startArm sets armErr if programs for arm64 cannot run here.
func (m *matrix) startArm(ctx context.Context) error {
	image, err := lab.Run(ctx, nil, "molecule/scripts/arm64-image")
	if err != nil {
		if m.armErr = lab.OrNotRun(err); errors.As(m.armErr, new(lab.NotRun)) {
			return nil
		}
		return err
	}
	h, err := m.StartSSH(ctx, "arm64", image)
	if err != nil {
		return err
	}
	m.arm, err = m.withInventory(h, "arm64", []way{rootWay("arm64")})
	return err
}

func (m *matrix) withInventory(h lab.Host, title string, on []way) (host, error) {
	target := host{Host: h, title: title}
	all := map[string]lab.Vars{}
	for _, w := range on {
		all[w.name] = w.inventory(target)
	}
	var err error
	target.inventory, err = m.WriteInventory(title, all)
	return target, err
}

// reset restores the initial state of the host.
func (h host) reset(ctx context.Context, on []way) error {
	args := []string{}
	for _, w := range on {
		args = append(args, w.name+":"+w.user)
	}
	return h.RunScript(ctx, "molecule/rig/matrix/reset.sh", args...)
}

// linkCollection makes the docker connection available to the cores, which have no collections.
func (m *matrix) linkCollection() error {
	directory := m.Path("collections/ansible_collections/community")
	if err := errors.Join(os.MkdirAll(directory, 0o700), os.MkdirAll(m.Path("logs"), 0o700)); err != nil {
		return err
	}
	found, err := filepath.Glob(".venv/lib/python3*/site-packages/ansible_collections/community/docker")
	if err != nil || len(found) != 1 {
		return fmt.Errorf("community.docker was found %d times in .venv; hint: molecule/scripts/setup venv", len(found))
	}
	path, err := filepath.Abs(found[0])
	if err != nil {
		return err
	}
	return os.Symlink(path, filepath.Join(directory, "docker"))
}
