package sudoers

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// lay makes a folder of empty programs and links ("name -> target").
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

func TestVisudoIsTheOneOfTheSudoInUse(t *testing.T) {
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
				return
			}
			require.NoError(t, err)
			require.Equal(t, Tools{sudo: under(c.sudo), visudo: under(c.visudo)}, tools)
		})
	}
}

// saying is a sudo that answers all questions alike.
func saying(t *testing.T, script string) Tools {
	t.Helper()
	sudo := filepath.Join(t.TempDir(), "sudo")
	require.NoError(t, os.WriteFile(sudo, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return Tools{sudo: sudo}
}

func TestCheckGrants_SaysWhatSudoSaid(t *testing.T) {
	calls := []Call{{User: "deploy", Runas: "root", Argv: []string{"/bin/systemctl", "restart", "sidekiq"}, NoPassword: true}}
	_, err := saying(t, `echo "$LC_ALL: $*" >&2; exit 1`).CheckGrants(calls)
	require.EqualError(t, err, `sudo does not list what deploy may do: exit status 1: C: -n -ll -U deploy`)

	listed := rule("root", "", "!authenticate", "/bin/systemctl restart sidekiq")
	untold, err := saying(t, `echo "`+listed+`"`).CheckGrants(calls)
	require.NoError(t, err)
	require.Empty(t, untold)
	untold, err = saying(t, `printf 'Matching Defaults entries for deploy on h:\n    env_reset, requiretty\n\n'; echo "`+listed+`"`).CheckGrants(calls)
	require.NoError(t, err)
	require.Equal(t, []string{"sudo lets deploy run commands at a terminal only, because of Defaults requiretty"}, untold)
}

// realTools is the sudo of this machine.
func realTools(t *testing.T) Tools {
	t.Helper()
	oracle(t, "/usr/bin/sudo")
	tools, err := FindTools()
	require.NoError(t, err)
	return tools
}

func TestVisudoIsAskedAboutOneFile(t *testing.T) {
	tools := realTools(t)
	path := filepath.Join(t.TempDir(), ".new.1")
	require.NoError(t, os.WriteFile(path, []byte("deploy ALL=(root) /bin/true\n"), 0o440))
	require.NoError(t, tools.CheckFile(path))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "bad"), []byte("deploy ALL=(root) true\n"), 0o440))
	err := tools.CheckFile(filepath.Join(filepath.Dir(path), "bad"))
	require.ErrorContains(t, err, "visudo refuses the text: exit status 1: ")
	require.NotContains(t, err.Error(), "\n")
}

// host is a policy in a temporary folder; main's @DIR@ becomes its sudoers.d.
func host(t *testing.T, main string, files map[string]string) policy {
	t.Helper()
	root := t.TempDir()
	p := policy{main: filepath.Join(root, "sudoers"), dir: filepath.Join(root, "sudoers.d")}
	require.NoError(t, os.WriteFile(p.main, []byte(main), 0o440))
	require.NoError(t, os.Mkdir(p.dir, 0o755))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o440))
	}
	return p
}

func TestWholePolicyIsCheckedInACopy(t *testing.T) {
	tools := realTools(t)
	const alias = "Cmnd_Alias X = /bin/true\n"
	const includes = "root ALL=(ALL) ALL\n#includedir sudoers.d\n"
	for _, c := range []struct {
		name, main string
		files      map[string]string
		candidate  string
		fault      string
		old        bool
	}{
		{name: "nothing else there", main: includes, candidate: alias},
		{name: "two files of the same alias", main: includes, files: map[string]string{"other": alias}, candidate: alias, fault: "sidekiq:1:25: "},
		{name: "comment behind the include", main: "Cmnd_Alias X = /bin/true\n#includedir sudoers.d # local\n", candidate: alias, fault: "sidekiq:1:25: "},
		{name: "alias in the main file", main: "Cmnd_Alias X = /bin/true\n@includedir sudoers.d\n", candidate: alias, fault: "sidekiq:1:25: "},
		{name: "the old version goes", main: includes, files: map[string]string{"sidekiq": alias}, candidate: alias},
		{name: "files that sudo skips", main: includes, files: map[string]string{"other.bak": alias, "other~": "nonsense"}, candidate: alias},
		{name: "syntax error", main: includes, candidate: "nonsense\n", fault: "syntax error"},
		{name: "old fault", main: includes, files: map[string]string{"other": "nonsense\n"}, candidate: alias, fault: "syntax error", old: true},
		{name: "relative include", main: includes + "#include more\n", candidate: alias},
		{name: "include in a file", main: includes, files: map[string]string{"other": "@include ../more\n"}, candidate: alias, fault: ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := host(t, c.main, c.files)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(p.main), "more"), []byte("Cmnd_Alias Y = /bin/true\n"), 0o440))
			t.Setenv("TMPDIR", t.TempDir())
			err := tools.checkPolicy(p, FileName{"sidekiq"}, c.candidate)
			left, readErr := os.ReadDir(os.TempDir())
			require.NoError(t, readErr)
			require.Empty(t, left, "the copy is removed")
			if c.fault == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.fault)
			require.ErrorContains(t, err, p.dir, "the paths are the host's")
			require.NotContains(t, err.Error(), os.TempDir())
			require.Equal(t, c.old, errors.Is(err, ErrOldFault))
		})
	}
}

// A relative include that is not found in the copy would be an error of ours.
func TestMissingIncludeIsTheHostsFault(t *testing.T) {
	p := host(t, "#include none\n#includedir sudoers.d\n", nil)
	err := realTools(t).checkPolicy(p, FileName{"sidekiq"}, "")
	require.ErrorIs(t, err, ErrOldFault)
	require.ErrorContains(t, err, filepath.Join(filepath.Dir(p.main), "none"))
}
