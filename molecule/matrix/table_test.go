package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

func TestTableSaysWhatWasTriedAndWhatWasNot(t *testing.T) {
	table := newTable([]string{"role", "ssh", "paramiko"}, []string{"2.14", "2.21"})
	table.tried("role", "2.14", "trixie", true)
	table.tried("role", "2.14", "bookworm", true)
	table.tried("ssh", "2.14", "trixie", false)
	table.tried("ssh", "2.14", "bookworm", true)
	table.tried("ssh", "2.14", "bullseye", false)
	table.tried("ssh", "2.21", "trixie", true)
	table.note("paramiko", "2.14", "not run: no Python 3.11")
	table.tried("paramiko", "2.21", "", false)
	require.Equal(t, `| ansible-core | 2.14 | 2.21 |
|---|---|---|
| role | ok | **not run**: broken off |
| ssh | **failed** bullseye, trixie | ok |
| paramiko | not run: no Python 3.11 | **failed** |
`, table.String())
	require.Equal(t, []string{
		"2.21, role: not run: broken off", "2.14, ssh: failed bullseye, trixie", "2.21, paramiko: failed",
	}, table.failures())
}

func TestOutputIsReadByHost(t *testing.T) {
	require.Equal(t, map[string]string{"root": "CHANGED", "su": "FAILED", "docker": "UNREACHABLE"}, answers(`--- before: a | b
root | CHANGED => {
    "msg": "sudo | SUCCESS => {"
}
su | FAILED! => {
}
docker | UNREACHABLE! => {
`))
	require.Equal(t, map[string]string{"root": "CHANGED", "su": "FAILED", "docker": "UNREACHABLE", "sudo": "SUCCESS"}, recap(`PLAY RECAP ****
root     : ok=8    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
su       : ok=8    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0
docker   : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
sudo     : ok=8    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
`))
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

func TestScriptThatCannotSaysWhy(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho setup: something: else >&2\necho setup: no Python 3.12 >&2\nexit $1\n"), 0o700))
	_, err := hosts.Run(t.Context(), nil, script, "3")
	require.Equal(t, notRun{"no Python 3.12"}, orNotRun(err))
	_, err = hosts.Run(t.Context(), nil, script, "1")
	require.NotErrorAs(t, orNotRun(err), new(notRun))
	require.ErrorContains(t, orNotRun(err), "something: else")
}
