package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// These tests run the action plugin over ssh, where the user's login shell reads the command line first.

func TestActionPlugin_LoginShells(t *testing.T) {
	for _, shell := range []string{"csh", "tcsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			path := needProgram(t, shell)
			b := newBareRole(t)
			b.overSSH(t, fmt.Sprintf(`exec %s -c "$SSH_ORIGINAL_COMMAND"`, path))
			out := b.play(t, "login.yml")
			require.Equal(t, 1, remoteCalls(out)["second"], out)
		})
	}
}

// forger prints two lines before the command runs.
const forger = `printf '%%s\n' '%s' '00000000000000000000000000000000 %[1]s'
PATH=%[2]s:$PATH
exec sh -c "$SSH_ORIGINAL_COMMAND"`

func TestActionPlugin_LoginScriptThatForgesAnswers(t *testing.T) {
	const answer, missing = `{"changed": false, "failed": false}`, `ansible-sidekiq: missing linux_other`
	cases := []struct {
		name, forged string
		arrange      func(t *testing.T, b *bareRole)
		want         string // of a failure
	}{
		{"module", answer, func(*testing.T, *bareRole) {}, ""},
		{"missing", missing, func(*testing.T, *bareRole) {}, ""},
		{"unsupported", missing, func(t *testing.T, b *bareRole) { b.fakeUname(t, "Linux riscv64") }, "no module for Linux riscv64"},
		{"refused", missing, func(t *testing.T, b *bareRole) { require.NoError(t, os.Chmod(b.cache, 0o770)) }, "no directory for the module"},
	}
	for _, c := range cases {
		for _, file := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, file %v", c.name, file), func(t *testing.T) {
				b := newBareRole(t)
				b.vars["file"] = file
				c.arrange(t, b)
				b.overSSH(t, fmt.Sprintf(forger, c.forged, filepath.Join(b.dir, "bin")))
				out, err := b.try("forged.yml")
				require.Equal(t, c.want == "", err == nil, out)
				require.Contains(t, out, c.want)
				require.NotContains(t, out, "Traceback")
			})
		}
	}
}

func TestActionPlugin_NonceIsInNoResult(t *testing.T) {
	b := newBareRole(t)
	seen := filepath.Join(b.dir, "seen")
	b.overSSH(t, fmt.Sprintf("tee %[1]s | sh -c \"$SSH_ORIGINAL_COMMAND\"\nhead -n 2 %[1]s >&2", seen))
	b.play(t, "once.yml")
	b.vars["mute"] = true
	out, err := b.try("once.yml")
	require.Error(t, err, out)
	_, result, found := strings.Cut(out, "fatal: [")
	require.True(t, found, out)
	require.Contains(t, result, "echo_back gave no answer")
	require.Contains(t, result, "sk_hashes") // what the login script showed
	input, err := os.ReadFile(seen)
	require.NoError(t, err)
	nonce := strings.Split(string(input), "\n")[1]
	require.Regexp(t, `^[0-9a-f]{32}$`, nonce)
	require.NotContains(t, result, nonce)
}

// overSSH makes this machine the host, and has the text of a script run each command. The script takes the place of ssh and of the login shell
// behind it, so that no sshd is needed here; real login shells behind a real sshd are in molecule/matrix.
func (b *bareRole) overSSH(t *testing.T, login string) {
	t.Helper()
	b.put(t, "ssh", []byte("#!/bin/sh\nfor SSH_ORIGINAL_COMMAND; do :; done\n"+login+"\n"))
	require.NoError(t, os.Chmod(filepath.Join(b.dir, "ssh"), 0o755))
	b.connection, b.inventory = "ssh", "host.invalid,"
	b.env["ANSIBLE_TIMEOUT"] = "20" // until it gives up on become
	b.env["ANSIBLE_REMOTE_TMP"] = filepath.Join(b.dir, "tmp")
	b.env["ANSIBLE_SSH_EXECUTABLE"] = filepath.Join(b.dir, "ssh")
	b.env["ANSIBLE_SSH_TRANSFER_METHOD"] = "piped"
}

func needProgram(t *testing.T, name string) string {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	path, err := exec.LookPath(name)
	if err != nil {
		testenv.NotTested(t, "there is no "+name)
	}
	return path
}
