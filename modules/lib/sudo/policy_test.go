package sudo

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// host is a policy in a temporary directory, whose sudoers.d replaces @DIR@ in main.
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

func name(t *testing.T) sudoers.FileName {
	t.Helper()
	n, err := sudoers.ParseFileName("sidekiq")
	require.NoError(t, err)
	return n
}

func TestCheckPolicy_WholePolicy(t *testing.T) {
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
		{name: "several other files", main: includes, files: map[string]string{"a": "", "other": alias}, candidate: alias, fault: "sidekiq:1:25: "},
		{name: "old fault beside a new one", main: includes, files: map[string]string{"other": "nonsense\n"}, candidate: "deploy ALL=(root) true\n", fault: "sidekiq:1:"},
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
			require.NoError(t, os.Mkdir(filepath.Join(p.dir, "directory"), 0o755))
			require.NoError(t, os.Symlink("none", filepath.Join(p.dir, "broken")))
			t.Setenv("TMPDIR", t.TempDir())
			err := tools.checkPolicy(p, name(t), c.candidate)
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

func TestPolicy_MainFile(t *testing.T) {
	sudo, rs, etc := Tools{version: "Sudo version 1.9.16p2"}, Tools{version: "sudo-rs 0.2.5"}, t.TempDir()
	require.Equal(t, policy{main: "/etc/sudoers", dir: "/etc/sudoers.d"}, sudo.policy())
	require.Equal(t, etc+"/sudoers", rs.policyIn(etc).main)
	require.NoError(t, os.WriteFile(filepath.Join(etc, "sudoers-rs"), nil, 0o440))
	require.Equal(t, etc+"/sudoers-rs", rs.policyIn(etc).main)
	require.Equal(t, etc+"/sudoers", sudo.policyIn(etc).main)
}

func TestCheckDirectory(t *testing.T) {
	testenv.NeedRoot(t, "only root can create files of root")
	for _, c := range []struct {
		name, main  string
		files       map[string]string // beside main, or in the directory
		mode        os.FileMode
		group, user int
		fault       string // with DIR for that of the policy
	}{
		{name: "included", main: "root ALL=(ALL) ALL\n#includedir sudoers.d\n"},
		{name: "included by its path", main: "@includedir DIR # local\n"},
		{name: "included by an included file", main: "#include other\n", files: map[string]string{"../other": "#includedir sudoers.d\n"}},
		{name: "included after one without it", main: "#include other\n#includedir sudoers.d\n", files: map[string]string{"../other": "\n"}},
		{name: "included after one that is missing", main: "#include other\n#includedir sudoers.d\n"},
		{name: "included by a file that includes itself", main: "#include sudoers\n#includedir sudoers.d\n"},
		{name: "not included", main: "root ALL=(ALL) ALL\n", fault: "sudo does not read DIR: no line of DIR/../sudoers includes it; hint: add the line #includedir DIR at its end"},
		{name: "another directory", main: "#includedir other.d\n", fault: "sudo does not read DIR: "},
		{name: "included by a file of another directory", main: "#includedir other.d\n", files: map[string]string{"../other.d/a": "#includedir ../sudoers.d\n"},
			fault: "sudo does not read DIR: "},
		{name: "included file that cannot be read", main: "#include other\n#includedir sudoers.d\n", files: map[string]string{"../other/a": ""}, fault: "read DIR/../other: is a directory"},
		{name: "group of root can write", main: "#includedir sudoers.d\n", mode: 0o775},
		{name: "another group can write", main: "#includedir sudoers.d\n", mode: 0o775, group: 27,
			fault: "sudo ignores the files in DIR: it has owner 0:27 and mode 0775; hint: chown root:root DIR && chmod 0755 DIR"},
		{name: "another group can read", main: "#includedir sudoers.d\n", group: 27},
		{name: "everybody can write", main: "#includedir sudoers.d\n", mode: 0o757, fault: "sudo ignores the files in DIR: it has owner 0:0 and mode 0757; "},
		{name: "another owner", main: "#includedir sudoers.d\n", user: 1000, fault: "sudo ignores the files in DIR: it has owner 1000:0 and mode 0755; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := host(t, c.main, nil)
			real := strings.NewReplacer("DIR/..", filepath.Dir(p.dir), "DIR", p.dir)
			require.NoError(t, os.Chmod(p.main, 0o600))
			require.NoError(t, os.WriteFile(p.main, []byte(real.Replace(c.main)), 0o440))
			for name, text := range c.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(p.dir, name)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o440))
			}
			require.NoError(t, os.Chown(p.dir, c.user, c.group))
			require.NoError(t, os.Chmod(p.dir, cmp.Or(c.mode, 0o755)))
			err := p.checkDirectory()
			if c.fault == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, real.Replace(c.fault))
		})
	}
	p := host(t, "", nil)
	require.NoError(t, os.Remove(p.dir))
	require.EqualError(t, p.checkDirectory(), "sudo has no folder for further files: stat "+p.dir+": no such file or directory; hint: make it, and include it in "+p.main)
	p = host(t, "", nil)
	require.NoError(t, os.Remove(p.main))
	require.ErrorIs(t, p.checkDirectory(), fs.ErrNotExist)
}

// The copy must not cause the error for a relative include.
func TestCheckPolicy_MissingInclude(t *testing.T) {
	p := host(t, "#include none\n#includedir sudoers.d\n", nil)
	err := realTools(t).checkPolicy(p, name(t), "")
	require.ErrorIs(t, err, ErrOldFault)
	require.ErrorContains(t, err, filepath.Join(filepath.Dir(p.main), "none"))
}
