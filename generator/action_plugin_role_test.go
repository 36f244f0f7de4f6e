package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
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

// bareRole is a role with only the plugin, a stub and a payload of testdata/fakemodule, and its environment.
type bareRole struct {
	program          string // ansible-playbook
	module           string
	dir, cache, hash string
	inventory        string
	vars             map[string]any
	env              map[string]string
	login            string // script that takes the place of ssh and of the login shell
}

func newBareRole(t *testing.T) *bareRole { return newRoleOf(t, "echo_back") }

// newRoleOf makes a bareRole with a module of that name.
func newRoleOf(t *testing.T, module string) *bareRole {
	t.Helper()
	dir, program := t.TempDir(), filepath.Join(ansibletest.Bin(t), "ansible-playbook")
	b := &bareRole{program: program, module: module, dir: dir, cache: filepath.Join(dir, "cache"), inventory: "localhost,", env: map[string]string{
		"HOME": dir, "ANSIBLE_CONFIG": filepath.Join(dir, "ansible.cfg"), "ANSIBLE_TIMEOUT": "20", "LC_ALL": "C.UTF-8",
		"PATH": filepath.Dir(program) + ":" + os.Getenv("PATH"),
	}}
	b.vars = map[string]any{"sidekiq_module_cache": b.cache}
	require.NoError(t, os.Mkdir(b.cache, 0o700))
	plugin, err := os.ReadFile("templates/role/action_plugins/MODULE.py")
	require.NoError(t, err)
	b.put(t, "ansible.cfg", []byte("[defaults]\nroles_path = roles\nvault_password_file = password\nnocolor = true\nforks = 20\n"))
	b.put(t, "password", []byte("test"))
	b.put(t, b.plugin(), plugin)
	b.put(t, "roles/bare/library/"+module+".py", []byte("#!/usr/bin/python\n"))
	b.putPayload(t)
	return b
}

// plugin is the name of the plugin's file.
func (b *bareRole) plugin() string { return "roles/bare/action_plugins/" + b.module + ".py" }

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

// fakeModule is the built testdata/fakemodule, plain and packed.
var fakeModule = sync.OnceValues(func() (both [2][]byte, err error) {
	dir, err := os.MkdirTemp("", "fakemodule")
	if err != nil {
		return both, err
	}
	defer os.RemoveAll(dir)
	if err = goBuild("./testdata/fakemodule", filepath.Join(dir, "fakemodule")); err != nil {
		return both, err
	}
	both[0], err = os.ReadFile(filepath.Join(dir, "fakemodule"))
	both[1] = gzipped(both[0])
	return both, err
})

func goBuild(source, program string) error {
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (b *bareRole) putPayload(t *testing.T) {
	t.Helper()
	module, err := fakeModule()
	require.NoError(t, err)
	hash := sha256.Sum256(module[0])
	b.hash = hex.EncodeToString(hash[:])
	listed, err := json.Marshal(map[string]any{
		"linux_" + runtime.GOARCH: map[string]any{"file": "fake.gz", "sha256": b.hash, "size": len(module[0])},
		"linux_other":             map[string]any{"file": "other.gz", "sha256": otherHash, "size": 1},
	})
	require.NoError(t, err)
	b.put(t, bareManifest, listed)
	b.put(t, barePacked, module[1])
}

// otherHash is the hash of a binary for another platform.
var otherHash = strings.Repeat("f", 64)

// fakeUname makes uname print another architecture.
func (b *bareRole) fakeUname(t *testing.T, answer string) {
	t.Helper()
	b.fake(t, "uname", "echo "+answer)
}

// fake replaces a program of the host with a script.
func (b *bareRole) fake(t *testing.T, program, script string) {
	t.Helper()
	b.put(t, "bin/"+program, []byte("#!/bin/sh\n"+script+"\n"))
	require.NoError(t, os.Chmod(filepath.Join(b.dir, "bin", program), 0o755))
	b.env["PATH"] = filepath.Join(b.dir, "bin") + ":" + b.env["PATH"]
}

// play runs a playbook, which must succeed, and returns its output at -vvv.
func (b *bareRole) play(t *testing.T, name string) string {
	t.Helper()
	out, err := b.try(filepath.Join("testdata/action_plugin", name))
	require.NoError(t, err, out)
	return out
}

func (b *bareRole) try(path string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := playbook.NewAnsiblePlaybookCmd(
		playbook.WithBinary(b.program),
		playbook.WithPlaybooks(path),
		playbook.WithPlaybookOptions(&playbook.AnsiblePlaybookOptions{
			Inventory: b.inventory, Connection: "local", ExtraVars: b.vars, VerboseVVV: true,
		}),
	)
	err := execute.NewDefaultExecute(execute.WithCmd(command), execute.WithEnvVars(b.env),
		execute.WithWrite(&stdout), execute.WithWriteError(&stderr)).Execute(context.Background())
	return stdout.String() + stderr.String(), err
}

// pluginCase is a role and a host to play it on.
type pluginCase struct {
	name    string
	arrange func(t *testing.T, b *bareRole)
	check   func(t *testing.T, b *bareRole, out string) // out is the output of Ansible
}

// playCases plays a playbook of testdata/action_plugin for all cases in one run: Ansible takes longer to start than a
// task.
func playCases(t *testing.T, name string, cases []pluginCase) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/action_plugin", name))
	require.NoError(t, err)
	var roles []*bareRole
	var plays strings.Builder
	hosts := map[string]any{}
	for i, c := range cases {
		b, host := newRoleOf(t, fmt.Sprintf("echo_%d", i)), fmt.Sprintf("host%d", i) // Ansible keeps one plugin of each name
		c.arrange(t, b)
		hosts[host] = b.host(t)
		roles = append(roles, b)
		_, err := strings.NewReplacer("hosts: all", "hosts: "+host+"\n  ignore_errors: true", "[bare]", "["+b.dir+"/roles/bare]", "echo_back", b.module).WriteString(&plays, strings.TrimPrefix(string(text), "---\n"))
		require.NoError(t, err)
	}
	all := newBareRole(t)
	inventory, err := json.Marshal(map[string]any{"all": map[string]any{"hosts": hosts}})
	require.NoError(t, err)
	all.put(t, "hosts.json", inventory)
	all.put(t, "plays.yml", []byte(plays.String()))
	all.inventory, all.vars = filepath.Join(all.dir, "hosts.json"), nil
	out, err := all.try(filepath.Join(all.dir, "plays.yml"))
	require.NoError(t, err, out)
	require.NotContains(t, out, "Traceback")
	before, _, _ := strings.Cut(out, "\nPLAY RECAP")
	sections := strings.Split(before, "\nPLAY [")[1:]
	require.Len(t, sections, len(cases), out)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t, roles[i], sections[i]) })
	}
}

// host returns variables that make localhost a host over ssh. A script replaces ssh and the login shell; the test
// matrix has real ones.
func (b *bareRole) host(t *testing.T) map[string]any {
	t.Helper()
	script := fmt.Sprintf("#!/bin/sh\nHOME='%s' PATH='%s'\nfor SSH_ORIGINAL_COMMAND; do :; done\n%s\n",
		b.env["HOME"], b.env["PATH"], cmp.Or(b.login, `exec sh -c "$SSH_ORIGINAL_COMMAND"`))
	b.put(t, "ssh", []byte(script))
	require.NoError(t, os.Chmod(filepath.Join(b.dir, "ssh"), 0o755))
	vars := map[string]any{
		"ansible_connection": "ssh", "ansible_ssh_executable": filepath.Join(b.dir, "ssh"), "ansible_ssh_transfer_method": "piped",
		"ansible_remote_tmp": filepath.Join(b.dir, "tmp"),
	}
	maps.Copy(vars, b.vars)
	return vars
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

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
