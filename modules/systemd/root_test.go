package systemd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadRoot(t *testing.T) {
	const start = "ExecStart={ path=/usr/bin/env ; argv[]=/usr/bin/env FOO=1 --file=/opt/f /home/deploy/run.sh -c ; ignore_errors=no ; start_time=[n/a] ; pid=0 }\n"
	const reload = "ExecReload={ path=/opt/reload ; argv[]=/opt/reload ; ignore_errors=no ; pid=0 }\n"
	const privileged = "ExecReloadEx={ path=/opt/reload ; argv[]=/opt/reload ; flags=privileged ; start_time=[n/a] ; pid=0 }\n"
	const noSetUID = "ExecReloadEx={ path=/opt/reload ; argv[]=/opt/reload ; flags=ignore-failure no-setuid ; start_time=[n/a] ; pid=0 }\n"
	const plain = "ExecReloadEx={ path=/opt/reload ; argv[]=/opt/reload ; flags=ignore-failure ; start_time=[n/a] ; pid=0 }\n"
	const files = "LoadState=loaded\nFragmentPath=/etc/systemd/system/x.service\nDropInPaths=/etc/systemd/system/x.service.d/a.conf /run/b.conf\n"
	const around = "WorkingDirectory=!/home/deploy\nRootDirectory=\nEnvironmentFiles=/home/deploy/.env (ignore_errors=yes)\nEnvironmentFiles=/etc/default/x (ignore_errors=no)\n"
	own := []string{"/etc/systemd/system/x.service", "/etc/systemd/system/x.service.d/a.conf", "/run/b.conf"}
	started := append(own, "/usr/bin/env", "/opt/f", "/home/deploy/run.sh")
	aroundIt := []string{"/home/deploy", "/home/deploy/.env", "/etc/default/x"}
	for _, c := range []struct {
		show string
		want []string
	}{
		{files, own},
		{start + files + "User=\n", started},
		{start + files + "User=root\n", started},
		{start + files + around + "User=\n", append(started, aroundIt...)},
		{start + files + around + "User=deploy\n", own},
		{start + files + around + "DynamicUser=yes\nUser=\n", own},
		{start + reload + plain + files + around + "User=deploy\n", own},
		{start + reload + privileged + files + around + "User=deploy\n", append(append(own, "/opt/reload"), aroundIt...)},
		{start + reload + noSetUID + files + "User=deploy\n", append(own, "/opt/reload")},
		{start + reload + files + "User=deploy\nPermissionsStartOnly=yes\n", append(own, "/opt/reload")},
	} {
		r := readRoot(c.show)
		require.True(t, r.isLoaded)
		require.Equal(t, c.want, r.files(), c.show)
	}
	require.False(t, readRoot("LoadState=not-found\nFragmentPath=\nUser=\n").isLoaded)
	require.False(t, readRoot("User=\nFragmentPath=/usr/lib/systemd/system/sudo.service\nLoadState=masked\n").isLoaded)
	require.Equal(t, []string{"b.service"}, readRoot("LoadState=loaded\nTriggers=b.service\n").triggers)
}

// Before systemd 243 no property has the prefixes.
func TestReadPrefixes(t *testing.T) {
	unit := filepath.Join(t.TempDir(), "x.service")
	text := "[Service]\nUser=deploy\nExecStart=/opt/worker\nExecStartPre=-+/bin/sh -c \"/home/deploy/pre %t\" \\\n  /opt/%i /opt/more\nExecReload=!/opt/reload\n#ExecStop=+/opt/comment\nExecStop=-/opt/stop\n"
	require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))
	r := root{isLoaded: true, user: "deploy", own: []string{unit}, around: []string{"/home/deploy"}}
	require.NoError(t, r.readPrefixes())
	require.Equal(t, []string{unit, "/bin/sh", "/home/deploy/pre", "/opt/more", "/opt/reload", "/home/deploy"}, r.files())
}
