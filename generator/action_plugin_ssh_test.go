package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
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

// forger prints two lines before the command runs; sftp-server speaks a protocol that allows no such text.
const forger = `case $SSH_ORIGINAL_COMMAND in *sftp-server) ;; *) printf '%%s\n' '%s' '00000000000000000000000000000000 %[1]s' ;; esac
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
	b.overSSH(t, fmt.Sprintf(`tee %s /dev/stderr | sh -c "$SSH_ORIGINAL_COMMAND"`, seen))
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

// overSSH makes this machine the host, behind an sshd that serves one connection and lets the text of a script run every command.
func (b *bareRole) overSSH(t *testing.T, login string) {
	t.Helper()
	sshd, keygen := needProgram(t, "sshd"), needProgram(t, "ssh-keygen")
	if os.Geteuid() == 0 {
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // sshd does not start without it
	}
	for _, name := range []string{"host_key", "key"} {
		out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(b.dir, name)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	b.put(t, "login", []byte("#!/bin/sh\n"+login+"\n"))
	require.NoError(t, os.Chmod(filepath.Join(b.dir, "login"), 0o755))
	b.put(t, "sshd_config", fmt.Appendf(nil, `HostKey %[1]s/host_key
AuthorizedKeysFile %[1]s/key.pub
ForceCommand %[1]s/login
StrictModes no
UsePAM no
Subsystem sftp /usr/lib/openssh/sftp-server
`, b.dir))
	b.connection, b.inventory = "ssh", "host.invalid,"
	b.env["ANSIBLE_TIMEOUT"] = "20" // until it gives up on become
	b.env["ANSIBLE_REMOTE_TMP"] = filepath.Join(b.dir, "tmp")
	b.env["ANSIBLE_SSH_ARGS"] = fmt.Sprintf("-F none -i %[1]s/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "+
		"-o 'ProxyCommand=%[2]s -i -f %[1]s/sshd_config'", b.dir, sshd)
}

func needProgram(t *testing.T, name string) string {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	path, err := exec.LookPath(name)
	if err != nil {
		ansibletest.NotTested(t, "there is no "+name)
	}
	return path
}
