package bundler

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestInterpreter(t *testing.T) {
	script := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, os.WriteFile(script, []byte("#!/usr/bin/env ruby\n"), 0o755))
	require.Equal(t, []string{"/usr/bin/env", "ruby"}, interpreter(script))
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nruby\n"), 0o755))
	require.Nil(t, interpreter(script))
	require.Nil(t, interpreter(script+".none"))
	require.Nil(t, interpreter(filepath.Dir(script)))
}

// Opening a FIFO waits for a writer.
func TestInterpreter_FIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, syscall.Mkfifo(fifo, 0o755))
	require.Nil(t, interpreter(fifo))
}

// needRoot skips a test that runs programs as a user.
func needRoot(t *testing.T) {
	t.Helper()
	testenv.NeedRoot(t, "only root can run a program as another user")
}

// byDefault is the reason for a bundle of an application that asks for no version.
const byDefault = "first that exists of the usual paths; no file of the application names a version of Ruby"

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
		{name: "in the home directory before others", files: map[string]string{rbenv: shell, standard: ruby}, home: "/home/deploy", want: Bundle{Path: rbenv, IsWrapper: true, Reason: byDefault}},
		{name: "no home directory", files: map[string]string{"/.rbenv/shims/bundle": shell, "/usr/bin/bundle": ruby}, want: Bundle{Path: "/usr/bin/bundle", Reason: byDefault}},
		{name: "home directory is /", files: map[string]string{"/.rbenv/shims/bundle": shell, "/usr/bin/bundle": ruby}, home: "/", want: Bundle{Path: "/usr/bin/bundle", Reason: byDefault}},
		{name: "not executable", files: map[string]string{"/usr/bin/bundle": ruby}, plain: map[string]string{standard: ruby}, want: Bundle{Path: "/usr/bin/bundle", Reason: byDefault}},
		{name: "directory", files: map[string]string{standard + "/a": ruby, "/usr/bin/bundle": ruby}, want: Bundle{Path: "/usr/bin/bundle", Reason: byDefault}},
		{name: "given", files: map[string]string{standard: ruby, "/opt/bundle": shell}, given: "/opt/bundle", want: Bundle{Path: "/opt/bundle", IsWrapper: true, Reason: "option bundle"}},
		{name: "given, not there", files: map[string]string{standard: ruby}, given: "/opt/bundle", want: Bundle{Path: "/opt/bundle", Reason: "option bundle"},
			missing: `option "bundle": "/opt/bundle" is not an executable file; hint: give the path of bundle`},
		{name: "nowhere", want: Bundle{Path: standard, Reason: "no bundle exists; ansible-samvera installs it there"},
			missing: `bundle is neither in /usr/local/bin nor in /usr/bin, nor with a Ruby manager of "deploy" or of all users; hint: install Bundler or give its path in option "bundle"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, 0o755, c.files)
			write(t, root, 0o644, c.plain)
			users := []*accounts.User{{Name: "root", Home: c.home}}
			if c.home == "" {
				users = append(users, nil)
			}
			for _, user := range users {
				got, missing, err := (&Search{Root: root, Name: "deploy", User: user, Given: c.given}).Find()
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

func write(t *testing.T, root string, mode os.FileMode, files map[string]string) {
	t.Helper()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), mode))
	}
}

func TestFind_UserMayNotExecute(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	write(t, root, 0o700, map[string]string{"/usr/bin/bundle": "#!/usr/bin/ruby\n"})
	nobody := &accounts.User{Name: "nobody", UID: 65534, GID: 65534}
	got, missing, err := (&Search{Root: root, Name: "nobody", User: nobody}).Find()
	require.NoError(t, err)
	require.Equal(t, Bundle{Path: "/usr/bin/bundle", Reason: byDefault}, got)
	require.EqualError(t, missing, `option "bundle": "/usr/bin/bundle" cannot be executed by "nobody"; hint: open the folders above it for that user, or give another path`)

	_, missing, err = (&Search{Root: root, Name: "nobody", User: &accounts.User{Name: "no-such-user"}}).Find()
	require.NoError(t, missing)
	require.ErrorContains(t, err, `groups of "no-such-user"`)
}

// Each layout is chosen before /usr/bin when it has the version, and not when it has others.
func TestFind_Wanted(t *testing.T) {
	needRoot(t)
	const home = "/home/deploy"
	for _, c := range []struct {
		name      string
		version   string   // of .ruby-version
		installed []string // what a file is written below
		want      string
		reason    string // what follows the version that is asked for
	}{
		{"rbenv for all users", "3.3.5", []string{"/usr/local/rbenv/versions/3.3.5/bin/bundle", "/usr/local/rbenv/shims/bundle"}, "/usr/local/rbenv/shims/bundle", "rbenv in /usr/local/rbenv has 3.3.5"},
		{"rbenv in the home directory", "3.3.5", []string{home + "/.rbenv/versions/3.3.5/bin/bundle", home + "/.rbenv/shims/bundle"}, home + "/.rbenv/shims/bundle", "rbenv in /home/deploy/.rbenv has 3.3.5"},
		{"rbenv by RBENV_ROOT", "3.3.5", []string{"/srv/rbenv/versions/3.3.5/bin/bundle", "/srv/rbenv/shims/bundle"}, "/srv/rbenv/shims/bundle", "rbenv in /srv/rbenv has 3.3.5"},
		{"rbenv without a shim", "3.3.5", []string{"/usr/local/rbenv/versions/3.3.5/bin/bundle"}, "", ""},
		{"rbenv with other versions", "3.3.5", []string{"/usr/local/rbenv/versions/3.3.50/bin/bundle", "/usr/local/rbenv/versions/3.3.5-preview1/a", "/usr/local/rbenv/versions/jruby-3.3.5/a", "/usr/local/rbenv/shims/bundle"}, "", ""},
		{"newest of a minor version", "3.3", []string{"/opt/rbenv/versions/3.3.9/a", "/opt/rbenv/versions/3.3.10/a", "/opt/rbenv/versions/3.4.1/a", "/opt/rbenv/versions/3.3.10/bin/bundle", "/opt/rbenv/shims/bundle"}, "/opt/rbenv/versions/3.3.10/bin/bundle", "rbenv in /opt/rbenv has 3.3.10"},
		{"newest of a minor version in the home directory", "3.3", []string{home + "/.rbenv/versions/3.3.5/a", home + "/.rbenv/shims/bundle"}, home + "/.rbenv/shims/bundle", "rbenv in /home/deploy/.rbenv has 3.3.5"},
		{"JRuby", "jruby-9.4.8.0", []string{"/opt/rbenv/versions/jruby-9.4.8.0/a", "/opt/rbenv/versions/9.4.8.0/a", "/opt/rbenv/shims/bundle"}, "/opt/rbenv/shims/bundle", "rbenv in /opt/rbenv has jruby-9.4.8.0"},
		{"rvm", "ruby-3.3.5", []string{home + "/.rvm/wrappers/ruby-3.3.5/bundle", home + "/.rvm/wrappers/ruby-3.3.5@other/bundle"}, home + "/.rvm/wrappers/ruby-3.3.5/bundle", "rvm in /home/deploy/.rvm has ruby-3.3.5"},
		{"rvm with the gemset", "ruby-3.3.5@hyrax", []string{"/usr/local/rvm/wrappers/ruby-3.3.5/bundle", "/usr/local/rvm/wrappers/ruby-3.3.5@hyrax/bundle"}, "/usr/local/rvm/wrappers/ruby-3.3.5@hyrax/bundle", "rvm in /usr/local/rvm has ruby-3.3.5@hyrax"},
		{"asdf for all users", "3.3.5", []string{"/opt/asdf/installs/ruby/3.3.5/bin/bundle", "/opt/asdf/shims/bundle"}, "/opt/asdf/installs/ruby/3.3.5/bin/bundle", "asdf in /opt/asdf has 3.3.5"},
		{"asdf by ASDF_DATA_DIR", "3.3.5", []string{"/srv/asdf/installs/ruby/3.3.5/bin/bundle", "/srv/asdf/shims/bundle"}, "/srv/asdf/shims/bundle", "asdf in /srv/asdf has 3.3.5"},
		{"mise for all users", "3.3.5", []string{"/usr/local/share/mise/installs/ruby/3.3.5/bin/bundle"}, "/usr/local/share/mise/installs/ruby/3.3.5/bin/bundle", "mise in /usr/local/share/mise has 3.3.5"},
		{"mise", "3.3.5", []string{home + "/.local/share/mise/installs/ruby/3.3.5/bin/bundle", home + "/.local/share/mise/shims/bundle"}, home + "/.local/share/mise/shims/bundle", "mise in /home/deploy/.local/share/mise has 3.3.5"},
		{"chruby", "3.3.5", []string{"/opt/rubies/ruby-3.3.5/bin/bundle", "/opt/rubies/ruby-3.4.1/bin/bundle"}, "/opt/rubies/ruby-3.3.5/bin/bundle", "chruby in /opt/rubies has ruby-3.3.5"},
		{"chruby in the home directory", "3.3.5", []string{home + "/.rubies/ruby-3.3.5/bin/bundle"}, home + "/.rubies/ruby-3.3.5/bin/bundle", "chruby in /home/deploy/.rubies has ruby-3.3.5"},
		{"Fullstaq Ruby", "3.3.5", []string{"/usr/lib/fullstaq-ruby/versions/3.3/bin/bundle", "/usr/lib/fullstaq-ruby/versions/3.2-jemalloc/bin/bundle"}, "/usr/lib/fullstaq-ruby/versions/3.3/bin/bundle", "Fullstaq Ruby in /usr/lib/fullstaq-ruby has 3.3"},
		{"Fullstaq Ruby with jemalloc", "3.3.5", []string{"/usr/lib/fullstaq-ruby/versions/3.3-jemalloc/bin/bundle"}, "/usr/lib/fullstaq-ruby/versions/3.3-jemalloc/bin/bundle", "Fullstaq Ruby in /usr/lib/fullstaq-ruby has 3.3-jemalloc"},
		{"Fullstaq Ruby by patch version", "3.3.5", []string{"/usr/lib/fullstaq-ruby/versions/3.3.5-malloctrim/bin/bundle", "/usr/lib/fullstaq-ruby/versions/3.3/bin/bundle"}, "/usr/lib/fullstaq-ruby/versions/3.3.5-malloctrim/bin/bundle", "Fullstaq Ruby in /usr/lib/fullstaq-ruby has 3.3.5-malloctrim"},
		{"distribution", "3.1", nil, "/usr/bin/bundle", "/usr/bin has Ruby 3.1.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			ruby := filepath.Join(root, "usr/bin/ruby")
			files := map[string]string{"/usr/bin/ruby": "#!/bin/sh\necho 'ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]'\n", "/usr/bin/bundle": "#!" + ruby + "\n"}
			for _, file := range c.installed {
				files[file] = "#!/bin/sh\n"
			}
			write(t, root, 0o755, files)
			write(t, root, 0o644, map[string]string{"/app/.ruby-version": c.version})
			wanted, err := ReadWanted(atomicfile.NewReader(root), "/app", "/app/Gemfile.lock")
			require.NoError(t, err)
			s := &Search{Root: root, Name: "deploy", User: &accounts.User{Name: "root", Home: home}, Wanted: wanted, Variables: map[string]string{"RBENV_ROOT": "/srv/rbenv", "ASDF_DATA_DIR": "/srv/asdf", "MISE_DATA_DIR": "mise"}}
			got, missing, err := s.Find()
			require.NoError(t, errors.Join(err, missing))
			want := Bundle{Path: c.want, IsWrapper: c.want != "/usr/bin/bundle", Reason: "/app/.ruby-version asks for " + wanted.String() + "; " + c.reason, Wanted: wanted}
			if c.want == "" {
				want = Bundle{Path: "/usr/bin/bundle", Reason: "first that exists of the usual paths; Ruby 3.3.5 of /app/.ruby-version was not found", Wanted: wanted,
					Warning: `/app/.ruby-version asks for Ruby 3.3.5, which was not found for "deploy"; /usr/bin/bundle is used; hint: install that Ruby, or set bundle or login_shell`}
			}
			require.Equal(t, want, got)
		})
	}
}

// The Gemfile may accept other versions than the one that Gemfile.lock records.
func TestFind_VersionOfLockfile(t *testing.T) {
	root := t.TempDir()
	write(t, root, 0o755, map[string]string{"/usr/bin/bundle": "#!/usr/bin/ruby\n", "/app/Gemfile.lock": "RUBY VERSION\n   ruby 3.3.5p100\n"})
	wanted, err := ReadWanted(atomicfile.NewReader(root), "/app", "/app/Gemfile.lock")
	require.NoError(t, err)
	got, missing, err := (&Search{Root: root, Name: "deploy", Wanted: wanted}).Find()
	require.NoError(t, errors.Join(err, missing))
	require.Equal(t, Bundle{Path: "/usr/bin/bundle", Reason: "first that exists of the usual paths; Ruby 3.3.5 of /app/Gemfile.lock was not found", Wanted: wanted}, got)
}

// A Ruby that the user cannot execute is not chosen for its version.
func TestFind_NotExecutableByUser(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	write(t, root, 0o755, map[string]string{"/usr/bin/bundle": "#!/bin/sh\n", "/app/.ruby-version": "3.3.5", "/opt/rubies/ruby-3.3.5/bin/bundle": "#!/bin/sh\n"})
	require.NoError(t, os.Chmod(filepath.Join(root, "opt/rubies"), 0o700))
	wanted, err := ReadWanted(atomicfile.NewReader(root), "/app", "/app/Gemfile.lock")
	require.NoError(t, err)
	for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	got, missing, err := (&Search{Root: root, Name: "nobody", User: &accounts.User{Name: "nobody", UID: 65534, GID: 65534}, Wanted: wanted}).Find()
	require.NoError(t, errors.Join(err, missing))
	require.Equal(t, "/usr/bin/bundle", got.Path)
	require.Contains(t, got.Warning, `Ruby 3.3.5, which was not found for "nobody"`)
}

// Without a version, the places that were added later are behind those of before.
func TestFind_NoVersion(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	for _, want := range []string{"/snap/bin/bundle", "/usr/lib/fullstaq-ruby/versions/3.3-jemalloc/bin/bundle", "/opt/rubies/ruby-3.10.0/bin/bundle", "/home/deploy/.rubies/ruby-3.3.5/bin/bundle",
		"/usr/local/share/mise/installs/ruby/3.3.5/bin/bundle", "/opt/asdf/installs/ruby/3.3.5/bin/bundle", "/usr/local/rvm/wrappers/default/bundle", "/usr/local/rbenv/shims/bundle", "/usr/bin/bundle", standard,
		"/home/deploy/.local/share/mise/shims/bundle", "/home/deploy/.asdf/shims/bundle", "/home/deploy/.rvm/wrappers/default/bundle", "/home/deploy/.rbenv/shims/bundle"} {
		write(t, root, 0o755, map[string]string{want: "#!/bin/sh\n", "/opt/rubies/ruby-3.9.0/bin/bundle": "#!/bin/sh\n"})
		if want == "/snap/bin/bundle" || want == "/usr/lib/fullstaq-ruby/versions/3.3-jemalloc/bin/bundle" {
			require.NoError(t, os.RemoveAll(filepath.Join(root, "opt/rubies")))
		}
		got, missing, err := (&Search{Root: root, Name: "deploy", User: &accounts.User{Name: "root", Home: "/home/deploy"}}).Find()
		require.NoError(t, errors.Join(err, missing))
		require.Equal(t, Bundle{Path: want, IsWrapper: true, Reason: byDefault}, got)
	}
}
