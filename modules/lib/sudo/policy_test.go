package sudo

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
	"github.com/stretchr/testify/require"
)

// host is a policy in a temporary directory; main's @DIR@ becomes its sudoers.d.
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

// A relative include that is not found in the copy would be an error of ours.
func TestMissingIncludeIsTheHostsFault(t *testing.T) {
	p := host(t, "#include none\n#includedir sudoers.d\n", nil)
	err := realTools(t).checkPolicy(p, name(t), "")
	require.ErrorIs(t, err, ErrOldFault)
	require.ErrorContains(t, err, filepath.Join(filepath.Dir(p.main), "none"))
}
