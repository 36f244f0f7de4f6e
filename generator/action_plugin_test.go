package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/apenella/go-ansible/v2/pkg/execute"
	"github.com/apenella/go-ansible/v2/pkg/playbook"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
)

// These tests run the action plugin as it is shipped: the playbooks of testdata/action_plugin with a real Ansible on a local
// connection, in a role that holds nothing but the plugin, a stub and a payload made of testdata/fakemodule.

func TestFirstTaskBringsTheModuleAndLaterOnesAreOneCall(t *testing.T) {
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

func TestArgumentsArriveAsTheyWereWritten(t *testing.T) {
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

func TestCacheEntryThatCannotBeTrustedIsReplacedAndNeverRun(t *testing.T) {
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

// ls then calls the binary that was stored just now the oldest.
func TestBinaryIsNotPrunedWhereTheClockWasSetBack(t *testing.T) {
	b := newBareRole(t)
	b.fake(t, "ls", `exec /bin/ls -r "$@"`)
	for n := range 5 {
		b.put(t, fmt.Sprintf("cache/%064d", n), nil)
	}
	b.play(t, "once.yml")
	require.Len(t, names(t, b.cache), 4) // with the stamp
	require.Contains(t, names(t, b.cache), b.hash)
}

func TestTwentyHostsThatShareOneCache(t *testing.T) {
	b := newBareRole(t)
	b.inventory = ""
	for i := range 20 {
		b.inventory += fmt.Sprintf("h%d,", i)
	}
	out := b.play(t, "once.yml")
	require.Equal(t, 20, strings.Count(out, "failed=0"), out)
	require.ElementsMatch(t, []string{".stamp", b.hash}, names(t, b.cache))
}

func TestWhatGoesWrongIsSaidInOneErrorAndNothingIsStored(t *testing.T) {
	cases := []struct {
		name    string
		arrange func(t *testing.T, b *bareRole)
		want    []string
	}{
		{"no manifest", func(t *testing.T, b *bareRole) { b.remove(t, bareManifest) },
			[]string{"payload missing: install the release tarball or run make build", "roles/bare/files"}},
		{"no binary", func(t *testing.T, b *bareRole) { b.remove(t, barePacked) },
			[]string{"payload missing: install the release tarball or run make build", "roles/bare/files"}},
		{"a manifest that is none", func(t *testing.T, b *bareRole) { b.put(t, bareManifest, []byte("{")) },
			[]string{"payload.json in", "is damaged", "make build"}},
		{"another binary than the manifest's", func(t *testing.T, b *bareRole) { b.put(t, barePacked, gzipped(t, []byte("#!/bin/sh\n"))) },
			[]string{"what arrived is not the module that payload.json names"}},
		{"half a binary", func(t *testing.T, b *bareRole) { b.put(t, barePacked, gzipped(t, make([]byte, 1<<20))[:100]) },
			[]string{"the module could not be unpacked in", "gzip: "}},
		{"a machine that the payload does not serve", func(t *testing.T, b *bareRole) { b.fakeUname(t, "Linux riscv64") },
			[]string{"no module for Linux riscv64; supported are: linux " + runtime.GOARCH + ", linux other"}},
		{"a cache that others may write to", func(t *testing.T, b *bareRole) { require.NoError(t, os.Chmod(b.cache, 0o770)) },
			[]string{"no directory for the module", "not for its user alone", "sidekiq_module_cache"}},
		{"a cache without absolute path", func(_ *testing.T, b *bareRole) { b.vars["sidekiq_module_cache"] = "cache" },
			[]string{"sidekiq_module_cache is", "only an absolute path is accepted"}},
		{"an environment variable that would be a command", func(t *testing.T, b *bareRole) {
			b.vars["environment_variables"] = map[string]string{"A=1; touch " + b.dir + "/evidence; B": "x"}
		}, []string{"environment has the name 'A=1; touch /", "accepted: letters, digits and _, not beginning with a digit"}},
		{"an environment variable with a number for a name", func(_ *testing.T, b *bareRole) {
			b.vars["environment_variables"] = "{{ {1: 'x'} }}"
		}, []string{"environment has the name '1'"}},
		{"an environment variable with a line break in its name", func(_ *testing.T, b *bareRole) {
			b.vars["environment_variables"] = map[string]string{"A\n": "x"}
		}, []string{`environment has the name 'A\`}},
		{"an environment variable with a NUL byte", func(_ *testing.T, b *bareRole) {
			b.vars["environment_variables"] = map[string]string{"A": "x\x00y"}
		}, []string{"environment: the value of 'A' has a NUL byte"}},
		{"async", func(_ *testing.T, b *bareRole) { b.vars["async"] = 30 },
			[]string{"echo_back does not support async"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBareRole(t)
			c.arrange(t, b)
			out, err := b.try("once.yml")
			require.Error(t, err, out)
			for _, want := range c.want {
				require.Contains(t, out, want)
			}
			require.NotContains(t, out, "Traceback")
			require.Empty(t, names(t, b.cache))
			require.NoFileExists(t, filepath.Join(b.dir, "evidence"))
		})
	}
}

func TestModuleWithoutAnswerFailsAndItsArgumentsStayUnseen(t *testing.T) {
	b := newBareRole(t)
	b.vars["mute"] = true
	out, err := b.try("once.yml")
	require.Error(t, err, out)
	require.Contains(t, out, "echo_back gave no answer (exit status 3)")
	require.Contains(t, out, "mute as asked")
	require.NotContains(t, out, "a secret that nobody shall see")
}

// A terminal obeys U+001B and U+009B. Ansible's callbacks escape the first in JSON alone, and the second nowhere.
func TestControlCharacters_AreShownAsEscapes(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(t *testing.T, b *bareRole)
		want    []string
	}{
		"unsupported": {func(t *testing.T, b *bareRole) { b.fake(t, "uname", `printf 'Linux r\033[2J\302\233\n'`) }, []string{`no module for Linux r`}},
		"refused": {func(t *testing.T, b *bareRole) {
			b.vars["sidekiq_module_cache"] = b.cache + "\x1b[2J\u009b"
			b.put(t, barePacked, gzipped(t, make([]byte, 1<<20))[:100])
		}, []string{"the module could not be unpacked in /"}},
		"no directory": {func(t *testing.T, b *bareRole) {
			b.vars["sidekiq_module_cache"] = b.cache + "\x1b[2J\u009b"
			b.put(t, "cache\x1b[2J\u009b/file", nil)
			require.NoError(t, os.Chmod(b.cache+"\x1b[2J\u009b", 0o770))
		}, []string{"no directory for the module"}},
		"no answer": {func(_ *testing.T, b *bareRole) { b.vars["mute"] = true }, []string{"mute as asked ", "no answer "}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBareRole(t)
			c.arrange(t, b)
			out, err := b.try("once.yml")
			require.Error(t, err, out)
			_, fatal, failed := strings.Cut(out, "fatal: ")
			require.True(t, failed, out)
			fatal, _, _ = strings.Cut(fatal, "PLAY RECAP")
			for _, want := range append(c.want, `\\u001b[2J\\u009b`) {
				require.Contains(t, fatal, want)
			}
			require.NotContains(t, fatal, "\u009b")
		})
	}
}

// bareRole is a folder with the role, and how it is to be played.
type bareRole struct {
	program          string // ansible-playbook
	dir, cache, hash string
	inventory        string
	connection       string
	vars             map[string]any
	env              map[string]string
}

func newBareRole(t *testing.T) *bareRole {
	t.Helper()
	dir, program := t.TempDir(), filepath.Join(ansibletest.Bin(t), "ansible-playbook")
	b := &bareRole{program: program, dir: dir, cache: filepath.Join(dir, "cache"), inventory: "localhost,", connection: "local", env: map[string]string{
		"HOME": dir, "ANSIBLE_CONFIG": filepath.Join(dir, "ansible.cfg"), "LC_ALL": "C.UTF-8",
		"PATH": filepath.Dir(program) + ":" + os.Getenv("PATH"),
	}}
	b.vars = map[string]any{"sidekiq_module_cache": b.cache}
	require.NoError(t, os.Mkdir(b.cache, 0o700))
	plugin, err := os.ReadFile("templates/role/action_plugins/MODULE.py")
	require.NoError(t, err)
	b.put(t, "ansible.cfg", []byte("[defaults]\nroles_path = roles\nvault_password_file = password\nnocolor = true\nforks = 20\n"))
	b.put(t, "password", []byte("test"))
	b.put(t, "roles/bare/action_plugins/echo_back.py", plugin)
	b.put(t, "roles/bare/library/echo_back.py", []byte("#!/usr/bin/python\n"))
	b.putPayload(t)
	return b
}

const bareManifest, barePacked = "roles/bare/files/payload.json", "roles/bare/files/fake.gz"

func (b *bareRole) put(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(b.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, data, 0o644))
}

func (b *bareRole) remove(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(b.dir, name)))
}

var fakeModule = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "fakemodule")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := goBuild("./testdata/fakemodule", filepath.Join(dir, "fakemodule")); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "fakemodule"))
})

func goBuild(source, program string) error {
	build := exec.Command("go", "build", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (b *bareRole) putPayload(t *testing.T) {
	t.Helper()
	data, err := fakeModule()
	require.NoError(t, err)
	hash := sha256.Sum256(data)
	b.hash = hex.EncodeToString(hash[:])
	listed, err := json.Marshal(map[string]any{
		"linux_" + runtime.GOARCH: map[string]any{"file": "fake.gz", "sha256": b.hash, "size": len(data)},
		"linux_other":             map[string]any{"file": "other.gz", "sha256": otherHash, "size": 1},
	})
	require.NoError(t, err)
	b.put(t, bareManifest, listed)
	b.put(t, barePacked, gzipped(t, data))
}

// otherHash is the hash of a binary for another platform than this machine's.
var otherHash = strings.Repeat("f", 64)

// fakeUname makes the host another machine in the eyes of the plugin.
func (b *bareRole) fakeUname(t *testing.T, answer string) {
	t.Helper()
	b.fake(t, "uname", "echo "+answer)
}

// fake makes a script that takes the place of a program of the host.
func (b *bareRole) fake(t *testing.T, program, script string) {
	t.Helper()
	b.put(t, "bin/"+program, []byte("#!/bin/sh\n"+script+"\n"))
	require.NoError(t, os.Chmod(filepath.Join(b.dir, "bin", program), 0o755))
	b.env["PATH"] = filepath.Join(b.dir, "bin") + ":" + b.env["PATH"]
}

// play runs a playbook that must succeed and returns what Ansible printed at -vvv.
func (b *bareRole) play(t *testing.T, name string) string {
	t.Helper()
	out, err := b.try(name)
	require.NoError(t, err, out)
	return out
}

func (b *bareRole) try(name string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := playbook.NewAnsiblePlaybookCmd(
		playbook.WithBinary(b.program),
		playbook.WithPlaybooks(filepath.Join("testdata/action_plugin", name)),
		playbook.WithPlaybookOptions(&playbook.AnsiblePlaybookOptions{
			Inventory: b.inventory, Connection: b.connection, ExtraVars: b.vars, VerboseVVV: true,
		}),
	)
	err := execute.NewDefaultExecute(execute.WithCmd(command), execute.WithEnvVars(b.env),
		execute.WithWrite(&stdout), execute.WithWriteError(&stderr)).Execute(context.Background())
	return stdout.String() + stderr.String(), err
}

// remoteCalls counts the commands that Ansible ran, by task.
func remoteCalls(out string) map[string]int {
	calls, task := map[string]int{}, ""
	for _, m := range regexp.MustCompile(`(?m)^TASK \[(?:bare : )?(.*?)\]|^<\S+> (?:SSH: )?EXEC `).FindAllStringSubmatch(out, -1) {
		if m[1] != "" {
			task = m[1]
		} else {
			calls[task]++
		}
	}
	return calls
}

func recorded(t *testing.T, path string) map[string]any {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	decoder, arguments := json.NewDecoder(file), map[string]any{}
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&arguments))
	return arguments
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}
