package sudo

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// lay creates a directory with empty programs and links ("name -> target").
func lay(t *testing.T, programs []string, links map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, p := range programs {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, p)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, p), nil, 0o755))
	}
	for name, target := range links {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.Symlink(target, filepath.Join(root, name)))
	}
	return root
}

func TestFind_VisudoOfSudo(t *testing.T) {
	for _, c := range []struct {
		host           string
		programs       []string
		links          map[string]string
		sudo, visudo   string
		missing, blame string
	}{
		{host: "Debian, Ubuntu 18.04", programs: []string{"usr/bin/sudo", "usr/sbin/visudo"}, sudo: "usr/bin/sudo", visudo: "usr/sbin/visudo"},
		{host: "sbin merged into bin", programs: []string{"usr/bin/sudo", "usr/bin/visudo"}, sudo: "usr/bin/sudo", visudo: "usr/bin/visudo"},
		{host: "built by hand", programs: []string{"usr/local/bin/sudo", "usr/local/sbin/visudo", "usr/sbin/visudo"},
			sudo: "usr/local/bin/sudo", visudo: "usr/local/sbin/visudo"},
		{host: "Ubuntu 25.10 with sudo-rs",
			programs: []string{"usr/lib/cargo/bin/sudo", "usr/lib/cargo/bin/visudo", "usr/bin/sudo.ws", "usr/sbin/visudo.ws"},
			links:    map[string]string{"usr/bin/sudo": "../../etc/alternatives/sudo", "etc/alternatives/sudo": "../../usr/lib/cargo/bin/sudo"},
			sudo:     "usr/bin/sudo", visudo: "usr/lib/cargo/bin/visudo"},
		{host: "Ubuntu 25.10 with sudo.ws",
			programs: []string{"usr/lib/cargo/bin/sudo", "usr/lib/cargo/bin/visudo", "usr/bin/sudo.ws", "usr/sbin/visudo.ws"},
			links:    map[string]string{"usr/bin/sudo": "sudo.ws"},
			sudo:     "usr/bin/sudo", visudo: "usr/sbin/visudo.ws"},
		{host: "Debian 13 with sudo-rs alone", programs: []string{"usr/lib/cargo/bin/sudo", "usr/lib/cargo/bin/visudo"},
			links: map[string]string{"usr/bin/sudo-rs": "../lib/cargo/bin/sudo"}, sudo: "usr/bin/sudo-rs", visudo: "usr/lib/cargo/bin/visudo"},
		{host: "no sudo", programs: []string{"usr/sbin/visudo"}, missing: "sudo is not installed: none of ", blame: "hint: install the package sudo"},
		{host: "sudo alone", programs: []string{"usr/bin/sudo"}, missing: "no visudo belongs to ", blame: "hint: install the whole sudo package"},
		{host: "the other one's visudo", programs: []string{"usr/lib/cargo/bin/sudo", "usr/sbin/visudo"},
			links: map[string]string{"usr/bin/sudo": "../lib/cargo/bin/sudo"}, missing: "no visudo belongs to ", blame: "hint: install the whole sudo package"},
	} {
		t.Run(c.host, func(t *testing.T) {
			root := lay(t, c.programs, c.links)
			under := func(p string) string { return filepath.Join(root, p) }
			tools, err := find(under("usr/bin/sudo"), under("usr/local/bin/sudo"), under("usr/bin/sudo-rs"))
			if c.missing != "" {
				require.ErrorContains(t, err, c.missing)
				require.ErrorContains(t, err, c.blame)
				require.ErrorIs(t, err, fs.ErrNotExist)
				return
			}
			require.NoError(t, err)
			require.Equal(t, Tools{sudo: under(c.sudo), visudo: under(c.visudo)}, tools)
		})
	}
}

// visudo of sudo-rs 0.2.5 prints the same as that of sudo, without a line about the grammar.
func TestIdentified(t *testing.T) {
	for visudo, want := range map[string]string{
		"visudo version 1.9.16p2\nvisudo grammar version 50": "Sudo version 1.9.16p2",
		"visudo version 0.2.5":                               "sudo-rs 0.2.5",
		"visudo: cannot answer":                              "sudo-rs 0.2.5",
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"visudo": visudo, "sudo": "sudo-rs 0.2.5"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho '"+text+"'\n"), 0o755))
		}
		tools, err := Tools{sudo: dir + "/sudo", visudo: dir + "/visudo"}.Identified()
		require.NoError(t, err)
		require.Equal(t, want, tools.Version())
		require.Equal(t, want == "sudo-rs 0.2.5", tools.IsRs())
	}
}

// visudo is not run again for a refused account, nor for one that every sudo reads.
func TestUnread(t *testing.T) {
	visudo := filepath.Join(t.TempDir(), "visudo")
	require.NoError(t, os.WriteFile(visudo, []byte("#!/bin/sh\necho >>$0.calls; ! grep -q -e @ -e ': \"OPS\",' $3\n"), 0o755))
	r, err := sudoers.ParseRule(sudoers.Request{
		Users: []string{"deploy", "a@b", "a@b", "Deploy"}, Groups: []string{"x@y"}, Hosts: []string{"ALL"}, Runas: []string{"a@b", "root:OPS"}, Commands: []string{"/opt/x"},
	})
	require.NoError(t, err)
	unread, err := Tools{visudo: visudo}.Unread(r)
	require.NoError(t, err)
	names := []string{}
	for _, u := range unread {
		names = append(names, u.String())
	}
	require.Equal(t, []string{"a@b", "%x@y", "%OPS"}, names)
	calls, err := os.ReadFile(visudo + ".calls")
	require.NoError(t, err)
	require.Len(t, calls, 4)
}

// visudo refuses a `=` without a backslash, as sudo-rs may.
func TestDialect(t *testing.T) {
	for script, want := range map[string]sudoers.Dialect{"exit 0": {}, "! grep -q 'a=b' $3": {EscapeEquals: true}} {
		visudo := filepath.Join(t.TempDir(), "visudo")
		require.NoError(t, os.WriteFile(visudo, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
		dialect, err := Tools{visudo: visudo, version: "sudo-rs 0.2.5"}.Dialect()
		require.NoError(t, err)
		require.Equal(t, want, dialect)
		dialect, err = Tools{visudo: visudo, version: "Sudo version 1.9.16p2"}.Dialect()
		require.NoError(t, err)
		require.Equal(t, sudoers.Dialect{}, dialect)
	}
	t.Setenv("TMPDIR", "/nowhere")
	dialect, err := Tools{visudo: "/bin/true", version: "sudo-rs 0.2.5"}.Dialect()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, sudoers.Dialect{}, dialect)
}

// realTools returns the sudo of this host.
func realTools(t *testing.T) Tools {
	t.Helper()
	tools, err := Find()
	if err == nil {
		tools, err = tools.Identified()
	}
	if err != nil {
		testenv.NotTested(t, err.Error())
	}
	return tools
}

func TestTools_CheckOneFile(t *testing.T) {
	tools := realTools(t)
	path := filepath.Join(t.TempDir(), ".new.1")
	require.NoError(t, os.WriteFile(path, []byte("deploy ALL=(root) /bin/true\n"), 0o440))
	require.NoError(t, tools.CheckFile(path))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "bad"), []byte("deploy ALL=(root) true\n"), 0o440))
	err := tools.CheckFile(filepath.Join(filepath.Dir(path), "bad"))
	require.ErrorContains(t, err, "visudo refuses the text: exit status 1: ")
	require.NotContains(t, err.Error(), "\n")
}
