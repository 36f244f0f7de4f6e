package bundler

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestIsRuby(t *testing.T) {
	script := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, os.WriteFile(script, []byte("#!/usr/bin/env ruby\n"), 0o755))
	require.True(t, isRuby(script))
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nruby\n"), 0o755))
	require.False(t, isRuby(script))
	require.False(t, isRuby(script+".none"))
	require.False(t, isRuby(filepath.Dir(script)))
}

// Opening a FIFO waits for a writer.
func TestIsRuby_FIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, syscall.Mkfifo(fifo, 0o755))
	require.False(t, isRuby(fifo))
}

// needRoot skips a test that runs programs as a user.
func needRoot(t *testing.T) {
	t.Helper()
	testenv.NeedRoot(t, "only root can run a program as another user")
}

func TestFind(t *testing.T) {
	needRoot(t)
	const ruby, shell = "#!/usr/bin/ruby\n", "#!/bin/sh\n"
	const rbenv = "/home/deploy/.rbenv/shims/bundle"
	for _, c := range []struct {
		name    string
		files   map[string]string // executables
		plain   map[string]string
		home    string
		given   string
		want    Bundle
		missing string
	}{
		{name: "in the home directory before others", files: map[string]string{rbenv: shell, standard: ruby}, home: "/home/deploy", want: Bundle{rbenv, true}},
		{name: "no home directory", files: map[string]string{"/.rbenv/shims/bundle": shell, "/usr/bin/bundle": ruby}, want: Bundle{"/usr/bin/bundle", false}},
		{name: "home directory is /", files: map[string]string{"/.rbenv/shims/bundle": shell, "/usr/bin/bundle": ruby}, home: "/", want: Bundle{"/usr/bin/bundle", false}},
		{name: "not executable", files: map[string]string{"/usr/bin/bundle": ruby}, plain: map[string]string{standard: ruby}, want: Bundle{"/usr/bin/bundle", false}},
		{name: "directory", files: map[string]string{standard + "/a": ruby, "/usr/bin/bundle": ruby}, want: Bundle{"/usr/bin/bundle", false}},
		{name: "given", files: map[string]string{standard: ruby, "/opt/bundle": shell}, given: "/opt/bundle", want: Bundle{"/opt/bundle", true}},
		{name: "given, not there", files: map[string]string{standard: ruby}, given: "/opt/bundle", want: Bundle{Path: "/opt/bundle"},
			missing: `option "bundle": "/opt/bundle" is no executable file; hint: give the path of bundle`},
		{name: "nowhere", want: Bundle{Path: standard},
			missing: `bundle is neither in /usr/local/bin nor in /usr/bin, nor with rbenv, rvm, asdf or mise of "deploy"; hint: install Bundler or give its path in option "bundle"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for mode, files := range map[os.FileMode]map[string]string{0o755: c.files, 0o644: c.plain} {
				for name, text := range files {
					require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
					require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), mode))
				}
			}
			users := []*accounts.User{{Name: "root", Home: c.home}}
			if c.home == "" {
				users = append(users, nil)
			}
			for _, user := range users {
				got, missing, err := Find(root, "deploy", user, c.given)
				require.NoError(t, err)
				require.Equal(t, c.want, got)
				if c.missing == "" {
					require.NoError(t, missing)
				} else {
					require.EqualError(t, missing, c.missing)
				}
			}
		})
	}
}

func TestFind_UserMayNotExecute(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "/usr/bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "/usr/bin/bundle"), []byte("#!/usr/bin/ruby\n"), 0o700))
	got, missing, err := Find(root, "nobody", &accounts.User{Name: "nobody", UID: 65534, GID: 65534}, "")
	require.NoError(t, err)
	require.Equal(t, Bundle{"/usr/bin/bundle", false}, got)
	require.EqualError(t, missing, `option "bundle": "/usr/bin/bundle" cannot be executed by "nobody"; hint: open the folders above it for that user, or give another path`)

	_, missing, err = Find(root, "nobody", &accounts.User{Name: "no-such-user"}, "")
	require.NoError(t, missing)
	require.ErrorContains(t, err, `groups of "no-such-user"`)
}
