package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// These tests run the action plugin in playbooks of testdata/action_plugin, with a real Ansible.

func TestActionPlugin_RemoteCalls(t *testing.T) {
	t.Parallel()
	b := newBareRole(t)
	out := b.play(t, "calls.yml")
	calls := remoteCalls(out)
	require.Equal(t, 2, calls["first"], out)
	require.Equal(t, 1, calls["second"], out)
	require.Equal(t, 1, calls["by another name"], out)
	require.Greater(t, calls["through a file"], 1, out)
	require.Contains(t, out, "[WARNING]: a warning of the module")
	require.NotContains(t, out, "censored")
}

func TestActionPlugin_Arguments(t *testing.T) {
	t.Parallel()
	b := newBareRole(t)
	b.vars["record"] = filepath.Join(b.dir, "record")
	b.play(t, "arguments.yml")

	arrived := recorded(t, filepath.Join(b.dir, "record"))
	require.Equal(t, true, arrived["_ansible_check_mode"])
	require.Equal(t, true, arrived["_ansible_diff"])
	require.Equal(t, "echo_back", arrived["_ansible_module_name"])
	for name := range arrived {
		if strings.HasPrefix(name, "_ansible_") {
			delete(arrived, name)
		}
	}
	const secret = `s3cr3t "ü"`
	require.Equal(t, map[string]any{
		"default":         "from module_defaults",
		"record":          filepath.Join(b.dir, "record"),
		"text":            "it's \"quoted\" $HOME %d %(name)s `id` \\ äöü 漢字 😀\nsecond line of localhost",
		"vaulted":         secret,
		"vaulted_by_name": secret,
		"date":            "2024-02-03",
		"list":            []any{"2024-02-03", json.Number("1.5"), nil, true, json.Number("12345678901234567890"), map[string]any{"deep": secret}},
		"long":            strings.Repeat("x", 200000),
		"before":          "Welcome to this host\n{ not the answer\n{\"changed\": true}\n",
	}, arrived)
}

func TestActionPlugin_UntrustedCacheEntries(t *testing.T) {
	t.Parallel()
	b := newBareRole(t)
	evidence := filepath.Join(b.dir, "evidence")
	b.vars["entry"], b.vars["evidence"], b.vars["root"] = filepath.Join(b.cache, b.hash), evidence, os.Geteuid() == 0
	b.vars["other"], b.vars["fresh"] = otherHash, filepath.Join(b.dir, "fresh")
	out := b.play(t, "cache.yml")

	calls := remoteCalls(out)
	for _, task := range []string{"bring", "overwritten", "truncated", "a link", "no program", "without stamp", "foreign", "foreign stamp", "pruned"} {
		if strings.HasPrefix(task, "foreign") && os.Geteuid() != 0 {
			t.Log("not root: a cache entry that belongs to somebody else is not tried")
			continue
		}
		require.Equal(t, 2, calls[task], "%s\n%s", task, out)
	}
	for _, task := range []string{"of another platform", "undisturbed", "forgotten, but in check mode", "still there", "forgotten"} {
		require.Equal(t, 1, calls[task], "%s\n%s", task, out)
	}
	require.Equal(t, 2, calls["brought and forgotten"], out)
	require.NoFileExists(t, evidence)
}

func TestActionPlugin_HostsShareOneCache(t *testing.T) {
	t.Parallel()
	b, hosts := newBareRole(t), testenv.Rounds(8)
	b.inventory = ""
	for i := range hosts {
		b.inventory += fmt.Sprintf("h%d,", i)
	}
	out := b.play(t, "once.yml")
	require.Equal(t, hosts, strings.Count(out, "failed=0"), out)
	require.ElementsMatch(t, []string{".stamp", b.hash}, names(t, b.cache))
}

func TestActionPlugin_Once(t *testing.T) {
	t.Parallel()
	playCases(t, "once.yml", []pluginCase{
		shownNonce,
		{"no manifest", func(t *testing.T, b *bareRole) { b.remove(t, bareManifest) },
			refused("payload missing: install the release tarball or run make build", "roles/bare/files")},
		{"no binary", func(t *testing.T, b *bareRole) { b.remove(t, barePacked) },
			refused("payload missing: install the release tarball or run make build", "roles/bare/files")},
		{"manifest is not JSON", func(t *testing.T, b *bareRole) { b.put(t, bareManifest, []byte("{")) },
			refused("payload.json in", "is damaged", "make build")},
		{"binary of another hash", func(t *testing.T, b *bareRole) { b.put(t, barePacked, gzipped([]byte("#!/bin/sh\n"))) },
			refused("what arrived is not the module that payload.json names")},
		{"truncated binary", func(t *testing.T, b *bareRole) { b.put(t, barePacked, gzipped(make([]byte, 1<<20))[:100]) },
			refused("the module could not be unpacked in", "gzip: ")},
		{"unsupported platform", func(t *testing.T, b *bareRole) { b.fakeUname(t, "Linux riscv64") },
			refused("no module for Linux riscv64; supported are: linux " + runtime.GOARCH + ", linux other")},
		{"cache of a group", func(t *testing.T, b *bareRole) { require.NoError(t, os.Chmod(b.cache, 0o770)) },
			refused("no directory for the module", "not for its user alone", "sidekiq_module_cache")},
		{"cache with a planted module", func(t *testing.T, b *bareRole) {
			b.plant(t, b.cache)
			require.NoError(t, os.Chmod(b.cache, 0o777))
		}, failed("no directory for the module")},
		{"relative cache", func(_ *testing.T, b *bareRole) { b.vars["sidekiq_module_cache"] = "cache" },
			refused("sidekiq_module_cache is", "only an absolute path is accepted")},
		{"environment with a command", func(_ *testing.T, b *bareRole) {
			b.vars["environment_variables"] = map[string]string{"A=1; touch " + b.evidence() + "; B": "x"}
		}, refused("environment has the name 'A=1; touch /", "accepted: letters, digits and _, not beginning with a digit")},
		{"environment with a number for a name", func(_ *testing.T, b *bareRole) {
			b.vars["environment_variables"] = "{{ {1: 'x'} }}"
		}, refused("environment has the name '1'")},
		{"environment with a line break in a name", func(_ *testing.T, b *bareRole) {
			b.vars["environment_variables"] = map[string]string{"A\n": "x"}
		}, refused(`environment has the name 'A\`)},
		{"environment with a NUL byte", func(_ *testing.T, b *bareRole) {
			b.vars["environment_variables"] = map[string]string{"A": "x\x00y"}
		}, refused("environment: the value of 'A' has a NUL byte")},
		{"async", func(_ *testing.T, b *bareRole) { b.vars["async"] = 30 },
			refused("MODULE does not support async")},
		{"no answer", func(_ *testing.T, b *bareRole) { b.vars["mute"] = true },
			escaped("MODULE gave no answer (exit status 3)", "mute as asked ", "no answer ")},
		{"control characters of uname", func(t *testing.T, b *bareRole) { b.fake(t, "uname", `printf 'Linux r\033[2J\302\233\n'`) },
			escaped("no module for Linux r")},
		{"control characters of the cache", func(t *testing.T, b *bareRole) {
			b.vars["sidekiq_module_cache"] = b.cache + control
			b.put(t, barePacked, gzipped(make([]byte, 1<<20))[:100])
		}, escaped("the module could not be unpacked in /")},
		{"control characters of a cache of a group", func(t *testing.T, b *bareRole) {
			b.vars["sidekiq_module_cache"] = b.cache + control
			b.put(t, "cache"+control+"/file", nil)
			require.NoError(t, os.Chmod(b.cache+control, 0o770))
		}, escaped("no directory for the module")},
		{"clock that was set back", func(t *testing.T, b *bareRole) {
			b.fake(t, "ls", `exec /bin/ls -r "$@"`) // the module that was stored just now is the oldest
			for n := range 5 {
				b.put(t, fmt.Sprintf("cache/%064d", n), nil)
			}
		}, func(t *testing.T, b *bareRole, out string) {
			require.NotContains(t, out, "fatal: ")
			require.Len(t, names(t, b.cache), 4) // with the stamp
			require.Contains(t, names(t, b.cache), b.hash)
		}},
	})
}

// failed requires a failed task with that message, in which MODULE is the module's name, and no evidence.
func failed(messages ...string) func(*testing.T, *bareRole, string) {
	return func(t *testing.T, b *bareRole, out string) {
		for _, message := range messages {
			require.Contains(t, fatal(t, out), strings.ReplaceAll(message, "MODULE", b.module))
		}
		require.NotContains(t, out, "a secret that nobody shall see")
		require.NoFileExists(t, b.evidence())
	}
}

// refused is failed, and nothing is stored.
func refused(messages ...string) func(*testing.T, *bareRole, string) {
	return func(t *testing.T, b *bareRole, out string) {
		failed(messages...)(t, b, out)
		require.Empty(t, names(t, b.cache))
	}
}

// Terminals obey U+001B and U+009B. Ansible's callbacks escape the first only in JSON, and never the second.
const control = "\x1b[2J\u009b"

// escaped is failed with escaped control characters in the message.
func escaped(messages ...string) func(*testing.T, *bareRole, string) {
	return func(t *testing.T, b *bareRole, out string) {
		failed(append(messages, `\\u001b[2J\\u009b`)...)(t, b, out)
		require.NotContains(t, fatal(t, out), "\u009b")
	}
}

// fatal matches Ansible's message of a failed task.
func fatal(t *testing.T, out string) string {
	t.Helper()
	_, text, found := strings.Cut(out, "fatal: ")
	require.True(t, found, out)
	return text
}
