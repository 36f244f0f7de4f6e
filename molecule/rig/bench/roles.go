package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/apenella/go-ansible/v2/pkg/playbook"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// contender is a way to do the same job, with the times of an empty play, a first run, and a run without changes.
type contender struct {
	label, book         string
	env                 map[string]string
	vars                lab.Vars
	notRun              string // the reason
	empty, first, again samples
}

// above returns the median time minus that of an empty play.
func (c contender) above(run samples) time.Duration { return run.median() - c.empty.median() }

func (b *bench) measureRoles(ctx context.Context, h host, distances []host, rounds int) error {
	all, err := b.contenders(ctx, h)
	if err != nil {
		return err
	}
	var results [][]contender
	for _, from := range distances {
		b.Say("whole roles, %s:%d, %d rounds", from.Address, from.port, rounds)
		measured := slices.Clone(all)
		for round := range rounds {
			for i := range measured {
				if err := b.timeRole(ctx, h, from, &measured[i]); err != nil {
					return fmt.Errorf("%s: %w", measured[i].label, err)
				}
			}
			b.Say("round %d of %d", round+1, rounds)
		}
		for _, c := range measured {
			b.Say("%s: empty %s, first %s, again %s", c.label, c.empty, c.first, c.again)
		}
		results = append(results, measured)
	}
	b.addRoles(results)
	return nil
}

func (b *bench) addRoles(results [][]contender) {
	for _, run := range []struct {
		title string
		took  func(contender) time.Duration
	}{
		{"The whole role on a fresh host, above an empty play, with sudo", func(c contender) time.Duration { return c.above(c.first) }},
		{"The whole role, nothing to change, above an empty play, with sudo", func(c contender) time.Duration { return c.above(c.again) }},
	} {
		b.section(run.title)
		for i, c := range results[0] {
			cells := []string{c.label}
			for _, measured := range results {
				took, compared := run.took(measured[i]), ""
				switch {
				case c.notRun != "":
					cells = append(cells, "not run: "+c.notRun, "")
					continue
				case i > 0:
					compared = "ours is " + ratio(run.took(measured[0]), took) + " × this"
				}
				cells = append(cells, show(took), compared)
			}
			b.row(cells...)
		}
	}
}

// timeRole runs an empty play, a first run, and a run without changes. from is h, or the relay to h.
func (b *bench) timeRole(ctx context.Context, h, from host, c *contender) error {
	if c.notRun != "" {
		return nil
	}
	if err := b.reset(ctx, h); err != nil {
		return err
	}
	p := play{hosts: []host{from}, user: "ubuntu", vars: c.vars, env: c.env}
	for _, run := range []struct {
		book    string
		times   *samples
		changes bool
	}{{"empty.yml", &c.empty, false}, {c.book, &c.first, true}, {c.book, &c.again, false}} {
		p.book = playbookPath(run.book)
		o, err := b.play(ctx, p)
		if err != nil {
			return err
		}
		if (o.changed() > 0) != run.changes {
			return fmt.Errorf("%s: %d tasks changed something", run.book, o.changed())
		}
		run.times.add(o.took)
	}
	return nil
}

func playbookPath(name string) string { return "molecule/rig/bench/playbooks/" + name }

// contenders returns this project's role first.
func (b *bench) contenders(ctx context.Context, h host) ([]contender, error) {
	unit, err := b.roleUnit(ctx, h)
	if err != nil {
		return nil, err
	}
	plain, err := b.plainRole()
	if err != nil {
		return nil, err
	}
	job := lab.Vars{"bench_unit": unit}
	return []contender{
		{label: "this project's role", book: "role.yml"},
		{label: "the same job with Ansible's own modules, pipelined", book: "builtin.yml", vars: job},
		b.mitogen(ctx, h, job),
		{label: "this role with plain binary modules", book: "role.yml", env: plain},
		{label: "what ansible-samvera's role does, no more, pipelined", book: "samvera.yml"},
	}, ctx.Err()
}

// roleUnit runs the role and returns a copy of its unit file, for contenders that copy the unit.
func (b *bench) roleUnit(ctx context.Context, h host) (string, error) {
	if err := b.reset(ctx, h); err != nil {
		return "", err
	}
	if _, err := b.play(ctx, play{book: playbookPath("role.yml"), hosts: []host{h}, user: "ubuntu"}); err != nil {
		return "", err
	}
	text, err := h.Run(ctx, "cat", "/etc/systemd/system/sidekiq.service")
	if err != nil {
		return "", err
	}
	path := b.Path("sidekiq.service")
	return path, os.WriteFile(path, []byte(text+"\n"), 0o600)
}

// plainRole returns the variables for the role without action plugins, and with binaries as modules.
func (b *bench) plainRole() (map[string]string, error) {
	role := b.Path("plain/sidekiq")
	if err := os.MkdirAll(role, 0o700); err != nil {
		return nil, err
	}
	project, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for _, part := range []string{"defaults", "files", "meta", "tasks"} {
		if err := os.Symlink(filepath.Join(project, "roles/sidekiq", part), filepath.Join(role, part)); err != nil {
			return nil, err
		}
	}
	return map[string]string{"ANSIBLE_ROLES_PATH": filepath.Dir(role), "ANSIBLE_LIBRARY": "bin/modules"}, nil
}

// mitogen runs Ansible's own modules under Mitogen, which is installed into the scratch directory. If an empty play
// fails, the table has the error.
func (b *bench) mitogen(ctx context.Context, h host, job lab.Vars) contender {
	c := contender{label: "the same under Mitogen", book: "builtin.yml", vars: job, env: map[string]string{
		"PYTHONPATH":               b.Path("mitogen"),
		"ANSIBLE_STRATEGY":         "mitogen_linear",
		"ANSIBLE_STRATEGY_PLUGINS": b.Path("mitogen/ansible_mitogen/plugins/strategy"),
	}}
	version, err := b.installMitogen(ctx)
	if err == nil {
		c.label += " " + version
		_, err = b.play(ctx, play{book: playbookPath("empty.yml"), hosts: []host{h}, user: "ubuntu", env: c.env})
	}
	if err != nil {
		b.Say("Mitogen: %v", err)
		c.notRun = lab.LastLine(err)
	}
	return c
}

// installMitogen returns the installed version.
func (b *bench) installMitogen(ctx context.Context) (string, error) {
	ansible, err := exec.LookPath(playbook.DefaultAnsiblePlaybookBinary)
	if err != nil {
		return "", err
	}
	python := filepath.Join(filepath.Dir(ansible), "python3")
	if _, err := lab.Run(ctx, nil, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--target", b.Path("mitogen"), "--requirement", "molecule/rig/bench/requirements.txt"); err != nil {
		return "", err
	}
	return lab.Run(ctx, nil, "env", "PYTHONPATH="+b.Path("mitogen"), python, "-c", "import mitogen; print('.'.join(map(str, mitogen.__version__)))")
}
