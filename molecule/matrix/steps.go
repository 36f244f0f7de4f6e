package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// local runs db_pool on this machine, where no become is needed and the cache is out of the way.
func local(ctx context.Context, c controller) error {
	folder := filepath.Join(c.scratch, c.core.version)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file := filepath.Join(folder, "database.yml")
	if err := os.WriteFile(file, []byte("production:\n  pool: 5\n"), 0o600); err != nil {
		return err
	}
	c.inventory = filepath.Join(folder, "local.json")
	err := hosts.WriteInventory(c.inventory, map[string]vars{"here": {"ansible_connection": "local", "sidekiq_module_cache": filepath.Join(folder, "cache")}}, nil)
	if err != nil {
		return err
	}
	args := "path=" + file + " concurrency=9"
	if err := c.expect(ctx, "local-first", []string{"here"}, "db_pool", args, changed); err != nil {
		return err
	}
	return c.expect(ctx, "local-again", []string{"here"}, "db_pool", args, unchanged)
}

// expect runs a module for real and wants the same answer of each host.
func (c controller) expect(ctx context.Context, log string, hosts []string, module, args, want string) error {
	out, err := c.adhoc(ctx, log, strings.Join(hosts, ","), module, args, false)
	got := answers(out)
	for _, name := range hosts {
		if got[name] != want {
			return fmt.Errorf("%s: %q where %s is right (%v)\n%s", name, got[name], want, err, lastLines(c.log(log), 15))
		}
	}
	return nil
}

// --- arm64

var armWay = way{"arm64", armRow, "root", true, true, vars{"ansible_user": "root"}}

// startArm wants a machine that runs programs of arm64, or can be made to.
func startArm(ctx context.Context, publicKey string) (host, error) {
	image, err := hosts.Run(ctx, nil, "molecule/matrix/arm64")
	if err != nil {
		return host{}, orNotRun(err)
	}
	h, err := hosts.StartSSH(ctx, "matrix-arm64", image, publicKey)
	return host{h, "arm64"}, err
}

// arm tries the modules that need no booted systemd, and that what the plugin left in the cache is the binary for arm64.
func arm(ctx context.Context, c controller, h host) error {
	if machine, err := h.Run(ctx, "uname", "-m"); machine != "aarch64" {
		return fmt.Errorf("the host says it is %q (%v)", machine, err)
	}
	if err := h.reset(ctx, []way{armWay}); err != nil {
		return err
	}
	for i, one := range []call{
		{"db_pool", poolArgs, false, changed},
		{"db_pool", poolArgs, false, unchanged},
		{"sudoers_entry", sudoersArgs, false, changed},
		{"sudoers_entry", sudoersArgs, false, unchanged},
	} {
		if err := c.expect(ctx, fmt.Sprintf("arm64-%s-%d", one.module, i), []string{armWay.name}, one.module, one.args, one.want); err != nil {
			return err
		}
	}
	return wantModule(ctx, h, "linux_arm64")
}

// findModule prints what the cache has of the binary, which the scripts there are much smaller than.
const findModule = "find /var/cache/ansible-sidekiq -type f -size +1000k"

// wantModule: the cache has one file, and that is what payload.json says.
func wantModule(ctx context.Context, h host, platform string) error {
	text, err := os.ReadFile("roles/sidekiq/files/payload.json")
	if err != nil {
		return err
	}
	payload := map[string]struct{ SHA256 string }{}
	if err := json.Unmarshal(text, &payload); err != nil {
		return err
	}
	out, err := h.Run(ctx, "sh", "-c", findModule+" -exec sha256sum {} +")
	if err != nil {
		return err
	}
	if hash, _, _ := strings.Cut(out, " "); strings.Count(out, "\n") != 0 || hash != payload[platform].SHA256 {
		return fmt.Errorf("the cache of %s has not the one binary for %s, but\n%s", h.Name, platform, out)
	}
	return nil
}

// --- many at once

const crowdSize = 20

func startCrowd(ctx context.Context, publicKey string) ([]host, error) {
	image, err := hosts.Image(ctx, "trixie", "ssh")
	if err != nil {
		return nil, err
	}
	all := []host{}
	for i := range crowdSize {
		h, err := hosts.StartSSH(ctx, fmt.Sprintf("matrix-crowd-%d", i), image, publicKey)
		all = append(all, host{h, "crowd"})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// crowd brings the binary to all hosts at the same time.
func crowd(ctx context.Context, c controller, on []host) error {
	all, names := map[string]vars{}, []string{}
	for _, h := range on {
		w := way{h.Name, crowdRow, "root", true, true, vars{"ansible_user": "root"}}
		if err := h.reset(ctx, []way{w}); err != nil {
			return err
		}
		all[w.name] = w.inventory(h)
		names = append(names, w.name)
	}
	c.inventory = filepath.Join(c.scratch, "crowd.json")
	if err := hosts.WriteInventory(c.inventory, all, nil); err != nil {
		return err
	}
	if err := c.expect(ctx, "crowd-first", names, "db_pool", poolArgs, changed); err != nil {
		return err
	}
	return c.expect(ctx, "crowd-again", names, "db_pool", poolArgs, unchanged)
}

const rounds = 3

// pair runs two playbooks at the same time on one fresh host, where both bring the binary and both find everything to do.
func pair(ctx context.Context, c controller, h host) error {
	for round := range rounds {
		if err := h.reset(ctx, ways); err != nil {
			return err
		}
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			both.Go(func() { errs[i] = c.roleBySudo(ctx, fmt.Sprintf("pair-%d-%d", round, i), nil) })
		}
		both.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		if err := wantModule(ctx, h, "linux_"+goarch); err != nil {
			return err
		}
		if err := c.roleBySudo(ctx, fmt.Sprintf("pair-%d-absent", round), vars{"sidekiq_state": "absent"}); err != nil {
			return err
		}
	}
	return nil
}

func (c controller) roleBySudo(ctx context.Context, log string, extra vars) error {
	if _, err := c.role(ctx, log, "sudo", false, extra); err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(c.log(log), 15))
	}
	return nil
}

// --- a cache that somebody spoilt

// Each is given the binary's path and leaves in its place what must not be run: were it, the file /root/evidence would tell.
const spoil = `set -eu
file=$(` + findModule + `)
evil() { printf '#!/bin/sh\ntouch /root/evidence\n' >"$1"; chmod 700 "$1"; }
old() { touch -h -t 200001010000 "$@"; }
`

var spoilt = []struct{ name, script string }{
	{"overwritten", `evil "$file"`},
	{"truncated", `truncate -s 1000000 "$file"`},
	{"somebody else's", `evil "$file"; old "$file"; chown ubuntu "$file"`},
	{"a link", `evil /root/evil; old /root/evil; ln -sf /root/evil "$file"; old "$file"`},
	{"half uploaded", `head -c 1000000 "$file" >"${file%/*}/.upload.half"; rm "$file"`},
}

// cache spoils what the plugin has stored in one way after the other. The next task must be right, and leave the binary in its place.
func cache(ctx context.Context, c controller, h host) error {
	if err := h.reset(ctx, ways); err != nil {
		return err
	}
	root := []string{"root"}
	if err := c.expect(ctx, "cache-first", root, "db_pool", poolArgs, changed); err != nil {
		return err
	}
	for _, s := range spoilt {
		if _, err := h.Run(ctx, "sh", "-c", spoil+s.script); err != nil {
			return err
		}
		log := "cache-" + strings.ReplaceAll(s.name, " ", "-")
		if err := c.expect(ctx, log, root, "db_pool", poolArgs, unchanged); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if _, err := h.Run(ctx, "test", "!", "-e", "/root/evidence"); err != nil {
			return fmt.Errorf("%s: what lay in the cache was run", s.name)
		}
		if err := wantModule(ctx, h, "linux_"+goarch); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
