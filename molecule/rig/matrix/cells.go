package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

// testLocal runs db_pool on the controller, with its cache in the scratch directory.
func testLocal(ctx context.Context, c controller) error {
	directory := c.Path(c.core.version)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	file := directory + "/database.yml"
	if err := os.WriteFile(file, []byte("production:\n  pool: 5\n"), 0o600); err != nil {
		return err
	}
	var err error
	c.inventory, err = c.WriteInventory("local", map[string]lab.Vars{"here": {"ansible_connection": "local", "sidekiq_module_cache": directory + "/cache"}})
	if err != nil {
		return err
	}
	return c.twice(ctx, "local", []string{"here"}, "path="+file+" concurrency=9")
}

// twice runs db_pool twice; only the first run may change something.
func (c controller) twice(ctx context.Context, log string, hosts []string, args string) error {
	if err := c.expect(ctx, log+"-first", hosts, call{"db_pool", args, false, changed}); err != nil {
		return err
	}
	return c.expect(ctx, log+"-again", hosts, call{"db_pool", args, false, unchanged})
}

// testArm runs the modules that require no booted systemd, and checks the binary in the cache.
func (m *matrix) testArm(ctx context.Context, c controller) error {
	if m.armErr != nil {
		return m.armErr
	}
	if machine, err := m.arm.Run(ctx, "uname", "-m"); machine != "aarch64" {
		return errors.Join(fmt.Errorf("uname -m prints %q", machine), err)
	}
	on := []string{"arm64"}
	if err := m.arm.reset(ctx, []way{rootWay(on[0])}); err != nil {
		return err
	}
	c.inventory = m.arm.inventory
	if err := c.twice(ctx, "arm64", on, poolArgs); err != nil {
		return err
	}
	for i, want := range []string{changed, unchanged} {
		if err := c.expect(ctx, fmt.Sprintf("arm64-sudoers_entry-%d", i), on, call{"sudoers_entry", sudoersArgs, false, want}); err != nil {
			return err
		}
	}
	return checkCache(ctx, m.arm, "linux_arm64")
}

// findBinary prints the binary in the cache; the scripts there are much smaller.
const findBinary = "find /var/cache/ansible-sidekiq -type f -size +1000k"

// checkCache fails unless the cache has one binary, that of payload.json.
func checkCache(ctx context.Context, h host, platform string) error {
	text, err := os.ReadFile("roles/sidekiq/files/payload.json")
	if err != nil {
		return err
	}
	payload := map[string]struct{ SHA256 string }{}
	if err := json.Unmarshal(text, &payload); err != nil {
		return err
	}
	out, err := h.Run(ctx, "sh", "-c", findBinary+" -exec sha256sum {} +")
	if err != nil {
		return err
	}
	if hash, _, _ := strings.Cut(out, " "); strings.Count(out, "\n") != 0 || hash != payload[platform].SHA256 {
		return fmt.Errorf("the cache of %s does not have the one binary for %s, but\n%s", h.Name, platform, out)
	}
	return nil
}

// testMany sends the binary to all hosts at the same time.
func testMany(ctx context.Context, c controller, hosts []host) error {
	all, ways := map[string]lab.Vars{}, []way{}
	for _, h := range hosts {
		w := rootWay(h.Name)
		if err := h.reset(ctx, []way{w}); err != nil {
			return err
		}
		all[w.name], ways = w.inventory(h), append(ways, w)
	}
	var err error
	if c.inventory, err = c.WriteInventory("many", all); err != nil {
		return err
	}
	return c.twice(ctx, "many", names(ways), poolArgs)
}

// testPair runs two playbooks at the same time on a fresh host: both send the binary and make all changes. It runs
// only with the oldest and the newest core, since Ansible hardly matters.
func testPair(ctx context.Context, c controller, h host) error {
	if !c.core.isEnd() {
		return lab.NotRun{Reason: "oldest and newest only"}
	}
	for round := range 3 {
		if err := h.reset(ctx, ways); err != nil {
			return err
		}
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			both.Go(func() { _, errs[i] = c.role(ctx, fmt.Sprintf("pair-%d-%d", round, i), "sudo", false, nil) })
		}
		both.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		if err := checkCache(ctx, h, "linux_"+runtime.GOARCH); err != nil {
			return err
		}
		if _, err := c.role(ctx, fmt.Sprintf("pair-%d-absent", round), "sudo", false, lab.Vars{"sidekiq_state": "absent"}); err != nil {
			return err
		}
	}
	return nil
}

// corrupt finds the binary. If a replacement is executed, it creates /root/evidence.
const corrupt = `set -eu
file=$(` + findBinary + `)
evil() { printf '#!/bin/sh\ntouch /root/evidence\n' >"$1"; chmod 700 "$1"; }
old() { touch -h -t 200001010000 "$@"; }
`

var corruptions = []struct{ name, script string }{
	{"overwritten", `evil "$file"`},
	{"truncated", `truncate -s 1000000 "$file"`},
	{"foreign", `evil "$file"; old "$file"; chown ubuntu "$file"`},
	{"link", `evil /root/evil; old /root/evil; ln -sf /root/evil "$file"; old "$file"`},
	{"partial", `head -c 1000000 "$file" >"${file%/*}/.upload.half"; rm "$file"`},
}

// testCache corrupts the cache. The next task must succeed and replace the entry.
func testCache(ctx context.Context, c controller, h host) error {
	if err := h.reset(ctx, ways); err != nil {
		return err
	}
	root := []string{"root"}
	if err := c.expect(ctx, "cache-first", root, call{"db_pool", poolArgs, false, changed}); err != nil {
		return err
	}
	for _, one := range corruptions {
		if _, err := h.Run(ctx, "sh", "-c", corrupt+one.script); err != nil {
			return err
		}
		if err := c.expect(ctx, "cache-"+one.name, root, call{"db_pool", poolArgs, false, unchanged}); err != nil {
			return err
		}
		if _, err := h.Run(ctx, "test", "!", "-e", "/root/evidence"); err != nil {
			return fmt.Errorf("%s: the cache entry was executed", one.name)
		}
		if err := checkCache(ctx, h, "linux_"+runtime.GOARCH); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return nil
}
