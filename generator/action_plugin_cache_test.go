package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// Root uses only /var/cache: modules planted in its home and in /var/tmp are not run.
func TestActionPlugin_Root(t *testing.T) {
	t.Parallel()
	needRoot(t)
	noCache := func(planted string) func(*testing.T, *bareRole) {
		return func(t *testing.T, b *bareRole) {
			b.moveSystemDirectories(t)
			b.plant(t, filepath.Join(b.dir, planted))
			b.put(t, "var/cache/ansible-sidekiq", nil) // no directory
		}
	}
	const want = "no directory for the module (see module_stderr); hint: set sidekiq_module_cache to an absolute path"
	playCases(t, "calls.yml", []pluginCase{
		{"module in the home", noCache(".cache/ansible-sidekiq"), failed(want)},
		{"module in /var/tmp", noCache("var/tmp/.ansible-sidekiq-0"), failed(want)},
		{"stored in /var/cache", func(t *testing.T, b *bareRole) {
			b.moveSystemDirectories(t)
			b.put(t, "var/cache/notes", nil)
		}, func(t *testing.T, b *bareRole, out string) {
			require.NotContains(t, out, "fatal: ")
			require.Equal(t, 2, remoteCalls(out)["first"], out)
			require.Equal(t, 1, remoteCalls(out)["second"], out)
			require.ElementsMatch(t, []string{".stamp", b.hash}, names(t, filepath.Join(b.dir, "var/cache/ansible-sidekiq")))
			require.NoDirExists(t, filepath.Join(b.dir, ".cache/ansible-sidekiq"))
		}},
	})
}

// moveSystemDirectories puts /var of the plugin's scripts below the test's directory.
func (b *bareRole) moveSystemDirectories(t *testing.T) {
	t.Helper()
	delete(b.vars, "sidekiq_module_cache")
	plugin, err := os.ReadFile("templates/role/action_plugins/MODULE.py")
	require.NoError(t, err)
	b.put(t, b.plugin(), bytes.ReplaceAll(plugin, []byte("/var/"), []byte(b.dir+"/var/")))
}

// plant stores a program in a cache that creates the file evidence. It belongs to the user and has the time of a
// stored module.
func (b *bareRole) plant(t *testing.T, cache string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(cache, 0o700))
	putModule(t, cache, b.hash, "touch "+b.evidence())
}

// evidence is a file that a planted program creates.
func (b *bareRole) evidence() string { return filepath.Join(b.dir, "evidence") }

func putModule(t *testing.T, dir, hash, script string) {
	t.Helper()
	for name, text := range map[string]string{hash: "#!/bin/sh\n" + script + "\n", ".stamp": ""} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
		require.NoError(t, os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)))
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	testenv.NeedRoot(t, "only root can act as other users")
}

// The owner of the cache's parent directory exchanges the cache all the time: for a link to a directory of the
// victim, and for a directory with a program. The parent has no sticky bit, so fs.protected_symlinks does not matter.
func TestActionPlugin_ExchangedDirectory(t *testing.T) {
	t.Parallel()
	needRoot(t)
	const nobody, victim = 65534, 54321
	dir, err := os.MkdirTemp("", "exchange") // that of t.TempDir is closed to other users
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	own, parent, files := filepath.Join(dir, "own"), filepath.Join(dir, "parent"), filepath.Join(dir, "files")
	cache, link := filepath.Join(parent, "cache"), filepath.Join(parent, "link")
	for _, path := range []string{own, parent, files, cache} {
		require.NoError(t, os.Mkdir(path, 0o755))
	}
	module := "#!/bin/sh\ncat >/dev/null\necho own\n"
	sum := sha256.Sum256([]byte(module))
	hash := hex.EncodeToString(sum[:])
	putModule(t, own, hash, "cat >/dev/null\necho own")
	putModule(t, cache, hash, "cat >/dev/null\necho foreign")
	require.NoError(t, os.Symlink(own, link))
	giveTo(t, victim, own)
	giveTo(t, nobody, parent)
	require.NoError(t, os.Chmod(dir, 0o755))

	build := map[string]any{"file": "own.gz", "sha256": hash, "size": len(module)}
	listed, err := json.Marshal(map[string]any{"linux_amd64": build, "linux_arm64": build})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(files, "payload.json"), listed, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(files, "own.gz"), gzipped([]byte(module)), 0o644))
	look, store := scriptsOf(t, files, cache)

	exchange := filepath.Join(dir, "exchange")
	require.NoError(t, goBuild("./testdata/exchange", exchange))
	attack := as(nobody, exec.Command(exchange, cache, link))
	end, err := attack.StdinPipe()
	require.NoError(t, err)
	var faults bytes.Buffer
	attack.Stderr = &faults
	require.NoError(t, attack.Start())
	counts := map[string]int{}
	for n := range testenv.Rounds(60) {
		counts["look: "+lastWord(as(victim, look()))]++
		if n%10 == 0 {
			counts["store: "+lastWord(as(victim, store()))]++
		}
	}
	require.NoError(t, end.Close())
	require.NoError(t, attack.Wait(), faults.String())
	t.Log(counts)
	require.Zero(t, counts["look: foreign"]+counts["store: foreign"], counts)
	require.NotZero(t, counts["look: own"], counts)
	require.NotZero(t, counts["look: missing"], counts)
}

func giveTo(t *testing.T, uid int, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	}))
}

// scriptsOf returns the action plugin's commands that find and store a module.
func scriptsOf(t *testing.T, files, cache string) (look, store func() *exec.Cmd) {
	t.Helper()
	ask := exec.Command(filepath.Join(ansibletest.Bin(t), "python3"), "testdata/action_plugin/calls.py",
		"templates/role/action_plugins/MODULE.py", files, cache)
	ask.Stderr = os.Stderr
	out, err := ask.Output()
	require.NoError(t, err)
	var calls []struct {
		Command string
		Input   []byte
	}
	require.NoError(t, json.Unmarshal(out, &calls))
	require.Len(t, calls, 2)
	command := func(n int) func() *exec.Cmd {
		return func() *exec.Cmd {
			cmd := exec.Command("/bin/sh", "-c", calls[n].Command)
			cmd.Stdin = bytes.NewReader(calls[n].Input)
			return cmd
		}
	}
	return command(0), command(1)
}

func as(uid uint32, cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin"}
	return cmd
}

// lastWord returns the last word of the output: own, foreign, or the answer of the script.
func lastWord(cmd *exec.Cmd) string {
	out, err := cmd.Output()
	for _, word := range []string{"own", "foreign", "missing", "refused"} {
		if strings.Contains(string(out), word) {
			return word
		}
	}
	return fmt.Sprintf("%q, %v", out, err)
}
