package systemd

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesThatRootTrustsForAUnit(t *testing.T) {
	const start = "ExecStart={ path=/usr/bin/env ; argv[]=/usr/bin/env FOO=1 /home/deploy/run.sh -c ; ignore_errors=no ; start_time=[n/a] ; pid=0 }\n"
	const reload = "ExecReloadEx={ path=/opt/reload ; argv[]=/opt/reload ; flags=privileged ; start_time=[n/a] ; pid=0 }\n"
	const pre = "ExecStartPreEx={ path=/opt/pre ; argv[]=/opt/pre ; flags=ignore-failure ; start_time=[n/a] ; pid=0 }\n"
	const files = "FragmentPath=/etc/systemd/system/x.service\nDropInPaths=/etc/systemd/system/x.service.d/a.conf /run/b.conf\n"
	own := []string{"/etc/systemd/system/x.service", "/etc/systemd/system/x.service.d/a.conf", "/run/b.conf"}
	for _, c := range []struct {
		show string
		want []string
	}{
		{"LoadState=not-found\nFragmentPath=\nUser=\n", nil},
		{"User=\nFragmentPath=/usr/lib/systemd/system/sudo.service\nLoadState=masked\n", nil},
		{start + files + "User=\n", append(own, "/usr/bin/env", "/home/deploy/run.sh")},
		{start + files + "User=root\n", append(own, "/usr/bin/env", "/home/deploy/run.sh")},
		{start + files + "User=deploy\n", own},
		{start + reload + pre + files + "User=deploy\n", append(own, "/opt/reload")},
	} {
		require.Equal(t, c.want, rootFiles(c.show), c.show)
	}
}
