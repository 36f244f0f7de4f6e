package environ

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
)

// reader returns a reader of a host with these files.
func reader(t *testing.T, files map[string]string) *atomicfile.Reader {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return atomicfile.NewReader(root)
}

func TestSources_Precedence(t *testing.T) {
	files := reader(t, map[string]string{
		"/etc/default/app":  "A=file\nB=file\n",
		"/app/.env.local":   "A=local\nC=local\nD=local\n",
		"/app/.env":         "C=env\nE=${B}\n",
		"/etc/default/late": "B=late\n",
	})
	s := Sources{
		Variables:        map[string]string{"A": "unit", "U": "unit"},
		EnvironmentFiles: []string{"/etc/default/app", "-/etc/default/none", "-/etc/default/late"},
		DotenvFiles:      []string{"/app/.env.production", "/app/.env.local", "/app/.env"},
		Files:            files,
	}
	environ, err := s.Environ()
	require.NoError(t, err)
	for name, want := range map[string]string{"A": "file", "B": "late", "C": "local", "D": "local", "E": "late", "U": "unit"} {
		got, set := environ(name)
		require.True(t, set, name)
		require.Equal(t, want, got, name)
	}
	_, set := environ("NONE")
	require.False(t, set)

	s.EnvironmentFiles = []string{"/etc/default/none"}
	_, err = s.Environ()
	require.EqualError(t, err, `environment file "/etc/default/none": file does not exist; hint: create it, or write "-/etc/default/none" if it may be missing`)
}

func TestOptions_SetDefaults(t *testing.T) {
	for deployRoot, want := range map[string][]string{"": nil, "/opt/hyrax": {"/opt/hyrax/shared/.env.production"}} {
		var o Options
		o.SetDefaults(deployRoot, "production")
		require.Equal(t, want, o.DotenvFiles)
		o.DotenvFiles = []string{}
		o.SetDefaults(deployRoot, "production")
		require.Empty(t, o.DotenvFiles)
	}
}

// The last file that sets a variable wins.
func TestSources_FileOf(t *testing.T) {
	files := reader(t, map[string]string{"/a": "A=1\nB=1\n", "/b": "B=2\n", "/bad": "A=\xe9\n"})
	s := Sources{EnvironmentFiles: []string{"/a", "-/b", "-/none"}, Files: files}
	for name, want := range map[string]string{"A": "/a", "B": "/b", "C": ""} {
		file, err := s.FileOf(name)
		require.NoError(t, err)
		require.Equal(t, want, file, name)
	}
	s.EnvironmentFiles = []string{"/a", "/bad"}
	_, err := s.FileOf("A")
	require.EqualError(t, err, "/bad: it is not UTF-8, which systemd refuses")
}

func TestSources_Conflicts(t *testing.T) {
	files := reader(t, map[string]string{
		"/unit.env": "B=2\n",
		"/a.env":    "# here\nA=1\nexport B='other'\nC=3\n",
		"/b.env":    "A=other\n\n\"\nD=\"two\nlines\"\nB=2\n",
	})
	s := Sources{Variables: map[string]string{"A": "1", "D": "4"}, EnvironmentFiles: []string{"/unit.env"}, DotenvFiles: []string{"/a.env", "/missing.env", "/b.env"},
		Files: files}
	require.Equal(t, []Conflict{{"B", "/a.env", 3}, {"A", "/b.env", 1}, {"D", "/b.env", 4}}, s.Conflicts())
}

func TestSources_Of(t *testing.T) {
	files := reader(t, map[string]string{"/dotenv": "A=dotenv\nD=dotenv\n"})
	s := Sources{Variables: map[string]string{"U": "1"}, EnvironmentFiles: []string{"/none"}, DotenvFiles: []string{"/dotenv"}, Files: files}
	require.Equal(t, s, s.Of(nil), "the environment is not known")
	environ, err := s.Of(map[string]string{"A": "process", "JOURNAL_STREAM": "9:1"}).Environ()
	require.NoError(t, err)
	for name, want := range map[string]string{"A": "process", "D": "dotenv", "U": "", "JOURNAL_STREAM": ""} {
		value, _ := environ(name)
		require.Equal(t, want, value, name)
	}
}
