package systemd

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnitFile(t *testing.T) {
	f := UnitFile{"/etc/systemd/system/x.service", `# Comment=no
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
