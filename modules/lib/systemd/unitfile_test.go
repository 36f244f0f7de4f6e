package systemd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnitFile(t *testing.T) {
	f := UnitFile{"/etc/systemd/system/x.service", `# Comment=no
[Unit]
After=a.service
[Service]
;User=no
 Type = simple
Type=notify
WorkingDirectory=-/opt/50%%
Environment=A=1 "B=two words" 'C=it''s'
Environment="D=say \"x\"\tor 50%%"
EnvironmentFile=-"/etc/default/a b"
EnvironmentFile=/etc/default/x
ExecStart=/bin/x \
  one \
  two
`}
	require.Equal(t, []Directive{
		{"Unit", "After", "a.service"},
		{"Service", "Type", "simple"}, {"Service", "Type", "notify"}, {"Service", "WorkingDirectory", "-/opt/50%%"},
		{"Service", "Environment", `A=1 "B=two words" 'C=it''s'`}, {"Service", "Environment", `"D=say \"x\"\tor 50%%"`},
		{"Service", "EnvironmentFile", `-"/etc/default/a b"`}, {"Service", "EnvironmentFile", "/etc/default/x"},
		{"Service", "ExecStart", "/bin/x one two"},
	}, f.Directives())
	require.Equal(t, "notify", f.Value("Type"), "the last counts")
	require.Equal(t, "/opt/50%", f.Value("WorkingDirectory"))
	require.Equal(t, "/bin/x one two", f.Value("ExecStart"))
	require.Empty(t, f.Value("Comment"))
	require.Empty(t, f.Value("User"))

	variables, files := f.Environment()
	require.Equal(t, map[string]string{"A": "1", "B": "two words", "C": "it", "s": "", "D": "say \"x\"\tor 50%"}, variables)
	require.Equal(t, []string{`-"/etc/default/a b"`, "/etc/default/x"}, files)

	variables, files = UnitFile{}.Environment()
	require.Empty(t, variables)
	require.Empty(t, files)
}

func TestUnitFiles(t *testing.T) {
	root := t.TempDir()
	for _, dir := range append([]string{AdminDir}, PackageDirs...) {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for name, text := range map[string]string{
		AdminDir + "/a.service": "admin", AdminDir + "/b.service": "admin", PackageDirs[0] + "/b.service": "first", PackageDirs[0] + "/c.service": "first",
		PackageDirs[1] + "/a.service": "second", PackageDirs[1] + "/c.service": "second", PackageDirs[2] + "/d.service": "third", PackageDirs[2] + "/e.socket": "third",
		PackageDirs[0] + "/directory.service/x": "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(root, AdminDir, "masked.service")))
	packages := []UnitFile{{PackageDirs[0] + "/c.service", "first"}, {PackageDirs[2] + "/d.service", "third"}}
	require.Equal(t, append([]UnitFile{{AdminDir + "/a.service", "admin"}, {AdminDir + "/b.service", "admin"}}, packages...), UnitFiles(root, "*.service", "*.service"))
	require.Equal(t, append([]UnitFile{{PackageDirs[0] + "/b.service", "first"}, packages[0], {PackageDirs[1] + "/a.service", "second"}}, packages[1]),
		UnitFiles(root, "", "?.service"))
	require.Empty(t, UnitFiles(root, "x*", ""))
}

func TestIsUnitName(t *testing.T) {
	for name, want := range map[string]bool{
		"demo_sidekiq_production.service": true, `a\x2db:c@1.service`: true, "-a.service": true,
		"": false, "a b.service": false, "a": false, "a\n.service": false, "é.service": false, strings.Repeat("a", 248) + ".service": false,
	} {
		require.Equal(t, want, IsUnitName(name), name)
	}
}
