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
	t.Parallel()
	var cases []pluginCase
	for _, shell := range []string{"csh", "tcsh", "fish"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			testenv.NotTested(t, err.Error())
		}
		login := fmt.Sprintf(`exec %s -c "$SSH_ORIGINAL_COMMAND"`, path)
		cases = append(cases, pluginCase{shell, func(_ *testing.T, b *bareRole) { b.login = login }, func(t *testing.T, _ *bareRole, out string) {
			require.NotContains(t, out, "fatal: ")
			require.Equal(t, 1, remoteCalls(out)["second"], out)
		}})
	}
	playCases(t, "login.yml", cases)
}

// forger prints two lines before the command runs.
const forger = `printf '%%s\n' '%s' '00000000000000000000000000000000 %[1]s'
exec sh -c "$SSH_ORIGINAL_COMMAND"`

func TestActionPlugin_ForgedAnswers(t *testing.T) {
	t.Parallel()
	const answer, missing = `{"changed": false, "failed": false}`, `ansible-sidekiq: missing linux_other`
	genuine := func(t *testing.T, _ *bareRole, out string) { require.NotContains(t, out, "fatal: ") }
	forgeries := []struct {
		name, forged string
		arrange      func(t *testing.T, b *bareRole)
		check        func(t *testing.T, b *bareRole, out string)
	}{
		{"answer", answer, func(*testing.T, *bareRole) {}, genuine},
		{"missing", missing, func(*testing.T, *bareRole) {}, genuine},
		{"unsupported", missing, func(t *testing.T, b *bareRole) { b.fakeUname(t, "Linux riscv64") }, failed("no module for Linux riscv64")},
		{"refused", missing, func(t *testing.T, b *bareRole) { require.NoError(t, os.Chmod(b.cache, 0o770)) }, failed("no directory for the module")},
	}
	var cases []pluginCase
	for _, f := range forgeries {
		for _, throughFile := range []bool{false, true} {
			cases = append(cases, pluginCase{fmt.Sprintf("%s, through a file %v", f.name, throughFile), func(t *testing.T, b *bareRole) {
				b.vars["file"] = throughFile
				b.login = fmt.Sprintf(forger, f.forged)
				f.arrange(t, b)
			}, f.check})
		}
	}
	playCases(t, "forged.yml", cases)
}

// shownNonce is a case with a login script that prints the nonce.
var shownNonce = pluginCase{"shown nonce", func(_ *testing.T, b *bareRole) {
	b.vars["mute"] = true
	seen := filepath.Join(b.dir, "seen")
	b.login = fmt.Sprintf("tee %[1]s | sh -c \"$SSH_ORIGINAL_COMMAND\"\nhead -n 2 %[1]s >&2", seen)
}, func(t *testing.T, b *bareRole, out string) {
	failed("MODULE gave no answer", "sk_mask")(t, b, out) // a variable of the script that was shown
	input, err := os.ReadFile(filepath.Join(b.dir, "seen"))
	require.NoError(t, err)
	nonce := strings.Split(string(input), "\n")[1]
	require.Regexp(t, `^[0-9a-f]{32}$`, nonce)
	require.NotContains(t, fatal(t, out), nonce)
}}
