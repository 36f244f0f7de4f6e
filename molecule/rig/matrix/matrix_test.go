package matrix

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

func TestTable_Results(t *testing.T) {
	failed := errors.New("failed")
	table := newTable([]string{"role", "ssh", "paramiko"}, []string{"2.14", "2.21"})
	table.add("role", "2.14", "trixie", nil)
	table.add("role", "2.14", "bookworm", nil)
	table.add("ssh", "2.14", "trixie", failed)
	table.add("ssh", "2.14", "bookworm", nil)
	table.add("ssh", "2.14", "bullseye", failed)
	table.add("ssh", "2.21", "trixie", nil)
	table.add("paramiko", "2.14", "", lab.NotRun{Reason: "no Python 3.11"})
	table.add("paramiko", "2.21", "", failed)
	require.Equal(t, `| ansible-core | 2.14 | 2.21 |
|---|---|---|
| role | ok | **not run**: interrupted |
| ssh | **failed** bullseye, trixie | ok |
| paramiko | not run: no Python 3.11 | **failed** |
`, table.String())
	require.Equal(t, []string{
		"2.21, role: not run: interrupted", "2.14, ssh: failed bullseye, trixie", "2.21, paramiko: failed",
	}, table.failures())

	table = newTable([]string{"a"}, []string{"2.14"})
	table.note("a", "2.14", "not run: no Python")
	require.Equal(t, []string{"no test has run"}, table.failures())
}

func TestAnswers_AdHoc(t *testing.T) {
	require.Equal(t, map[string]string{"root": "CHANGED", "su": "FAILED", "docker": "UNREACHABLE"}, answers(`--- before: a | b
root | CHANGED => {
    "msg": "sudo | SUCCESS => {"
}
su | FAILED! => {
}
docker | UNREACHABLE! => {
`))
}

func TestRecap_Playbook(t *testing.T) {
	require.Equal(t, map[string]string{"root": "CHANGED", "su": "FAILED", "docker": "UNREACHABLE", "sudo": "SUCCESS"}, recap(`PLAY RECAP ****
root     : ok=8    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
su       : ok=8    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0
docker   : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
sudo     : ok=8    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
`))
}

func TestRemoteCalls_ByTask(t *testing.T) {
	out := `TASK [sidekiq : one] ****
<root.trixie> ESTABLISH SSH CONNECTION FOR USER: root
<root.trixie> SSH: EXEC ssh -C
<su.trixie> SSH: EXEC ssh -C
<su.trixie> PUT /a TO /b
TASK [sidekiq : two] ****
<root.trixie> SSH: EXEC ssh -C
<matrix-trixie> EXEC ['docker']
`
	require.Equal(t, map[string]int{"sidekiq : one": 1, "sidekiq : two": 1}, remoteCalls(out, "root.trixie"))
	require.Equal(t, map[string]int{"sidekiq : one": 2}, remoteCalls(out, "su.trixie"))
	require.Equal(t, map[string]int{"sidekiq : two": 1}, remoteCalls(out, "matrix-trixie"))
}

func TestOptions_Refused(t *testing.T) {
	require.ErrorContains(t, options{cores: []string{"2.13"}, suites: lab.Suites}.validate(), `--cores: value "2.13" is not accepted; accepted: 2.14.18, `)
	require.ErrorContains(t, options{cores: versions(), suites: []string{"trixe"}}.validate(), `--suites: value "trixe" is not accepted; accepted: bullseye, `)
	require.EqualError(t, options{cores: versions()[:1], suites: lab.Suites, readme: "README.md"}.validate(), "--readme requires all values; hint: omit --cores")
	require.NoError(t, options{cores: versions(), suites: lab.Suites, readme: "../../../README.md"}.validate())
}
