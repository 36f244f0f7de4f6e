package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
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
	} {
		r := readRoot(c.show)
		require.Len(t, r, 1)
		require.True(t, r[0].isLoaded)
		require.Equal(t, c.want, r[0].files(), c.show)
	}
	require.False(t, readRoot("LoadState=not-found\nFragmentPath=\nUser=\n")[0].isLoaded)
	require.False(t, readRoot("User=\nFragmentPath=/usr/lib/systemd/system/sudo.service\nLoadState=masked\n")[0].isLoaded)
	require.Equal(t, []string{"b.service"}, readRoot("LoadState=loaded\nTriggers=b.service\n")[0].triggers)
}

// fakeSystemctl answers `show -p PROPERTIES -- UNIT...` with files, as systemd does: an empty line divides units. It logs its calls.
func fakeSystemctl(t *testing.T, shown map[string]string) (s Systemctl, calls func() []string) {
	dir := t.TempDir()
	for unit, text := range shown {
		require.NoError(t, os.WriteFile(filepath.Join(dir, unit), []byte("Id="+unit+"\nNames="+unit+"\n"+text), 0o600))
	}
	program := filepath.Join(dir, "systemctl")
	// It shows only the properties that it was asked for.
	script := `#!/bin/sh
set -e
cd ` + dir + `
properties=,$3,
[ "$1 $2" = "show -p" ]
shift 4
echo "$*" >>calls
for unit; do
[ -z "$again" ] || echo
again=1
while IFS= read -r line; do
case $line in [A-Z]*=*) case $properties in *,"${line%%=*}",*) ;; *) continue ;; esac ;; esac
printf "%s\n" "$line"
done <"./$unit"
done
`
	require.NoError(t, os.WriteFile(program, []byte(script), 0o700))
	return Systemctl{path: program}, func() []string {
		text, err := os.ReadFile(filepath.Join(dir, "calls"))
		require.NoError(t, err)
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// command257 is a command as systemctl of systemd 257 shows it.
func command257(property, program, argv, flags string) string {
	const state = " ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n"
	return property + "={ path=" + program + " ; argv[]=" + argv + " ; ignore_errors=no" + state +
		property + "Ex={ path=" + program + " ; argv[]=" + argv + " ; flags=" + flags + state
}

func TestRootFiles_OneUnit(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "env"), 0o755))
	for _, name := range []string{"env/a.env", "env/b.env", "log"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(dir, "env/a.env"), filepath.Join(dir, "link")))
	start := command257("ExecStart", "/opt/worker", "/opt/worker", "")
	echo := command257("ExecStart", "/bin/echo", "/bin/echo", "privileged")
	for _, c := range []struct {
		name, show, text string
		want, not        []string
	}{
		{
			name: "PermissionsStartOnly", show: "User=deploy\n" + start + command257("ExecStartPre", "/opt/pre", "/opt/pre", ""),
			text: "# comment \\\nPermissionsStartOnly = yes\n", want: []string{"/opt/pre"}, not: []string{"/opt/worker"},
		},
		{
			name: "PermissionsStartOnly is overridden", show: "User=deploy\n" + start + command257("ExecStartPre", "/opt/pre", "/opt/pre", ""),
			text: "PermissionsStartOnly=yes\nPermissionsStartOnly=no\n", not: []string{"/opt/pre", "/opt/worker"},
		},
		{
			name: "PermissionsStartOnly in a comment", show: "User=deploy\n" + command257("ExecStartPre", "/opt/pre", "/opt/pre", ""),
			text: "#PermissionsStartOnly=yes\n", not: []string{"/opt/pre"},
		},
		{
			name: "argument with a semicolon", show: command257("ExecStart", "/bin/sh", "/bin/sh -c true ; /home/deploy/x.sh", ""),
			want: []string{"/bin/sh", "/home/deploy/x.sh"},
		},
		{
			name: "argument with shell syntax", show: command257("ExecStart", "/bin/sh", "/bin/sh -c (. /opt/a;/opt/b)>/opt/c&&/opt/d|`/opt/e`", ""),
			want: []string{"/opt/a", "/opt/b", "/opt/c", "/opt/d", "/opt/e"},
		},
		{
			name: "argument with line breaks", show: command257("ExecStart", "/bin/sh", "/bin/sh -c true\n\nUser=deploy\n/home/deploy/x.sh", ""),
			want: []string{"/bin/sh", "/home/deploy/x.sh"},
		},
		{
			name: "option with a path", show: command257("ExecStart", "/usr/bin/ruby", "/usr/bin/ruby -I/opt/lib --file=/opt/f -C=~/x ~/y $HOME/z", ""),
			want: []string{"/opt/lib", "/opt/f"}, not: []string{"/x", "/~/x", "/~/y", "/$HOME/z", "/z"},
		},
		{
			name: "program with a blank", show: command257("ExecStart", "/opt/a b/run x", "/opt/a b/run x /opt/arg", ""),
			want: []string{"/opt/a b/run x", "/opt/arg"}, not: []string{"/opt/a", "/b/run"},
		},
		{
			name: "no path of a command", show: "WorkingDirectory=/home/deploy\nExecStart={ path= ; argv[]= ; ignore_errors=no ; pid=0 }\n",
			want: []string{"/home/deploy"},
		},
		{
			name: "RootDirectory", show: "RootDirectory=/srv/root\nWorkingDirectory=/work\n" + command257("ExecStart", "/opt/run", "/opt/run /opt/arg bin/x", ""),
			want: []string{"/opt/run", "/srv/root/opt/run", "/srv/root/opt/arg", "/srv/root/work", "/srv/root/work/bin/x", "/srv/root"},
		},
		{
			name: "WorkingDirectory", show: "WorkingDirectory=!/srv/app\n" + command257("ExecStart", "/bin/sh", "/bin/sh bin/run ./x --file=etc/f word", ""),
			want: []string{"/srv/app/bin/run", "/srv/app/x", "/srv/app/etc/f"}, not: []string{"/srv/app/word"},
		},
		{
			name: "EnvironmentFile with a glob", show: "EnvironmentFiles=" + dir + "/env/*.env (ignore_errors=yes)\n" + echo,
			want: []string{dir + "/env", dir + "/env/a.env", dir + "/env/b.env"},
		},
		{
			name: "EnvironmentFile with a faulty glob", show: "EnvironmentFiles=" + dir + "/env/[ (ignore_errors=yes)\n" + echo,
			want: []string{dir + "/env"},
		},
		{
			name: "Environment", show: "Environment=BASH_ENV=/home/deploy/x.sh \"RUBYOPT=-w -r/opt/r\" PATH=/opt/bin:/usr/bin\n" + echo,
			want: []string{"/home/deploy/x.sh", "/opt/r", "/opt/bin", "/usr/bin"},
		},
		{
			name: "Environment of a user", show: "User=deploy\nEnvironment=BASH_ENV=/home/deploy/x.sh\n" + start, not: []string{"/home/deploy/x.sh"},
		},
		{
			name: "BindPaths", show: "BindPaths=/home/deploy/a:/opt/b:rbind /home/de ploy:/opt/c:norbind\nBindReadOnlyPaths=-/srv/ro:/opt/ro:rbind\n" + echo,
			want: []string{"/home/deploy/a", "/home/de ploy", "/srv/ro"}, not: []string{"/opt/b", "/opt/c", "/opt/ro"},
		},
		{
			name: "ExecSearchPath", show: "ExecSearchPath=/opt/app:/opt/more\n" + echo, want: []string{"/opt/app", "/opt/more"},
		},
		{
			name: "StandardInput", show: command257("ExecStart", "/bin/sh", "/bin/sh", ""), text: "StandardInput=file:/opt/in\n", want: []string{"/opt/in"},
		},
		{
			name: "StandardInput of a user", show: "User=deploy\n" + start, text: "StandardInput=file:/opt/in\n", not: []string{"/opt/in"},
		},
		{
			name: "ExecStopPre of a socket", show: command257("ExecStopPre", "/opt/stop", "/opt/stop", ""), want: []string{"/opt/stop"},
		},
		{
			name: "files that systemd opens", show: "User=deploy\n" + start,
			text: "StandardOutput=append:" + dir + "/link\nStandardError = file:/srv/%n/log \n",
			want: []string{dir, dir + "/env", "/srv"}, not: []string{dir + "/link", "/opt/worker"},
		},
		{
			name: "file that systemd truncates", show: "User=deploy\n" + start, text: "StandardError=truncate:/srv/app/log\n", want: []string{"/srv/app"},
		},
		{
			name: "log of a user", show: "User=deploy\n" + start, text: "StandardOutput=append:/var/log/sidekiq.log\n", not: []string{"/var/log"},
		},
		{
			name: "log in a directory that is not there", show: "User=deploy\n" + start, text: "StandardOutput=append:/var/log/no/such/log\n",
			want: []string{"/var/log/no/such"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			unit := filepath.Join(t.TempDir(), "x.service")
			require.NoError(t, os.WriteFile(unit, []byte("[Service]\n"+c.text), 0o600))
			s, _ := fakeSystemctl(t, map[string]string{"x.service": "LoadState=loaded\nFragmentPath=" + unit + "\n" + c.show})
			files, err := s.RootFiles("x.service")
			require.NoError(t, err)
			require.Subset(t, files, append(c.want, unit))
			for _, file := range c.not {
				require.NotContains(t, files, file)
			}
			require.Len(t, unique(slices.Clone(files)), len(files), "duplicates")
		})
	}
}

func TestIsLog(t *testing.T) {
	testenv.NeedRoot(t, "only root can make directories in /var/log")
	root, err := os.MkdirTemp("/var/log", "systemd-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(root)) })
	for name, mode := range map[string]os.FileMode{"closed": 0o755, "group": 0o775, "others": 0o757, "owned": 0o755} {
		require.NoError(t, os.Mkdir(filepath.Join(root, name), 0o700))
		require.NoError(t, os.Chmod(filepath.Join(root, name), mode))
	}
	require.NoError(t, os.Chown(filepath.Join(root, "owned"), 1000, 0))
	require.NoError(t, os.Symlink("closed", filepath.Join(root, "link")))
	for path, want := range map[string]bool{
		"/var/log/x": true, "/var/log/none/x": false, "/var/lib/x": false, "/x": false, root + "/x": true, root + "/closed/x": true,
		root + "/group/x": false, root + "/others/x": false, root + "/owned/x": false, root + "/link/x": false,
	} {
		require.Equal(t, want, isLog(path), path)
	}
}

// man-db.service of Debian makes /var/cache/man for the user man.
func TestRootFiles_ArgumentsOfTheDistribution(t *testing.T) {
	install := command257("ExecStartPre", "/usr/bin/install", "/usr/bin/install -d -o man /var/cache/man", "privileged")
	for own, want := range map[string]bool{
		"FragmentPath=/usr/lib/systemd/system/man-db.service\n":                                                          false,
		"FragmentPath=/usr/lib/systemd/system/man-db.service\nDropInPaths=/etc/systemd/system/man-db.service.d/a.conf\n": true,
	} {
		s, _ := fakeSystemctl(t, map[string]string{"man-db.service": "LoadState=loaded\nUser=man\n" + own + install})
		files, err := s.RootFiles("man-db.service")
		require.NoError(t, err)
		require.Contains(t, files, "/usr/bin/install")
		require.Equal(t, want, slices.Contains(files, "/var/cache/man"), own)
	}
}

func TestRootFiles_UnreadableUnitFile(t *testing.T) {
	s, _ := fakeSystemctl(t, map[string]string{
		"x.service": "LoadState=loaded\nUser=deploy\nFragmentPath=/etc/systemd/system/no_such_unit.service\nDropInPaths=/dev/null /etc\n",
	})
	files, err := s.RootFiles("x.service")
	require.NoError(t, err)
	require.Contains(t, files, "/etc/systemd/system/no_such_unit.service")
}

// Who can write to a directory of drop-ins can add a command; systemd does not show those that are empty.
func TestRootFiles_DropInDirectories(t *testing.T) {
	for unit, want := range map[string][]string{
		"x.service":       {"x.service.d", "service.d"},
		"a-b-c.timer":     {"a-b-c.timer.d", "a-b-.timer.d", "a-.timer.d", "timer.d"},
		"a-b@1-2.service": {"a-b@1-2.service.d", "a-b@.service.d", "a-@1-2.service.d", "a-@.service.d", "service.d"},
		"a@b@c.service":   {"a@b@c.service.d", "a@.service.d", "service.d"},
		"-.mount":         {"-.mount.d", "mount.d"},
	} {
		s, _ := fakeSystemctl(t, map[string]string{unit: "LoadState=loaded\nFragmentPath=/etc/systemd/system/x\n"})
		files, err := s.RootFiles(unit)
		require.NoError(t, err)
		all := []string{"/etc/systemd/system/x"}
		for _, dir := range want {
			all = append(all, "/etc/systemd/system/"+dir, "/run/systemd/system/"+dir)
		}
		require.Equal(t, all, files)
	}
}

func TestRootFiles_FollowsUnits(t *testing.T) {
	unit := func(name, more string) string {
		return "LoadState=loaded\nFragmentPath=/etc/systemd/system/" + name + "\n" + more + command257("ExecStart", "/opt/"+name, "/opt/"+name, "")
	}
	shipped := func(name, more string) string {
		return "LoadState=loaded\nFragmentPath=/usr/lib/systemd/system/" + name + "\n" + more + command257("ExecStart", "/opt/"+name, "/opt/"+name, "")
	}
	isAdded := func(name string) bool { return name != "sysinit.target" }
	for _, property := range append(slices.Concat(started, restarted), "Triggers") {
		s, calls := fakeSystemctl(t, map[string]string{
			"a.service": unit("a.service", property+"=b.service gone.service\n"),
			"b.service": unit("b.service", "Wants=c.service a.service b.service sysinit.target\n"),
			"c.service": unit("c.service", "OnFailure=b.service\n"), "gone.service": "LoadState=not-found\n",
		})
		files, err := s.rootFiles("a.service", isAdded)
		require.NoError(t, err)
		require.Subset(t, files, []string{"/opt/a.service", "/opt/b.service", "/opt/c.service"}, property)
		require.Equal(t, []string{"a.service", "b.service gone.service", "c.service"}, calls(), "one call for each level")
	}

	s, _ := fakeSystemctl(t, map[string]string{
		"a.service":      unit("a.service", `Wants=b.service "a\\x2db.service"`+"\n"),
		"b.service":      unit("b.service", ""),
		`a\x2db.service`: unit(`a\x2db.service`, ""),
	})
	files, err := s.rootFiles("a.service", isAdded)
	require.NoError(t, err)
	require.Subset(t, files, []string{"/opt/b.service", `/opt/a\x2db.service`}, "systemd quotes names with a backslash")

	s, calls := fakeSystemctl(t, map[string]string{
		"a.timer":       shipped("a.timer", "Triggers=b.service\nRequires=alias.service sysinit.target\n"),
		"b.service":     shipped("b.service", "Wants=own.service\n"),
		"alias.service": shipped("alias.service", "Wants=d.service\n"),
		"own.service":   unit("own.service", "RequiredBy=other.service\n"),
	})
	files, err = s.rootFiles("a.timer", isAdded)
	require.NoError(t, err)
	require.Subset(t, files, []string{"/opt/b.service", "/opt/own.service"}, "triggers of the distribution count")
	require.NotContains(t, files, "/opt/alias.service", "dependencies of the distribution do not, even with a link in /etc")
	require.Equal(t, []string{"a.timer", "b.service alias.service", "own.service"}, calls())

	for socket, service := range map[string]string{"s.socket": "s@x.service", "s@1.socket": "s@x.service"} {
		s, _ = fakeSystemctl(t, map[string]string{socket: unit(socket, "Accept=yes\n"), service: unit(service, "")})
		files, err = s.RootFiles(socket)
		require.NoError(t, err)
		require.Contains(t, files, "/opt/"+service)
	}
	s, calls = fakeSystemctl(t, map[string]string{"s.socket": unit("s.socket", "Accept=no\n")})
	_, err = s.RootFiles("s.socket")
	require.NoError(t, err)
	require.Len(t, calls(), 1)
}

func TestIsAdded(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{
		"usr/lib/systemd/system/shipped.service", "lib/systemd/system/shipped@.service", "etc/systemd/system/own.service", "run/systemd/generator/srv.mount",
		"etc/systemd/system/own@.service",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, file), nil, 0o600))
	}
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system/link.service")))
	for unit, want := range map[string]bool{
		"own.service": true, "own@x.service": true, "link.service": true, "srv.mount": true,
		"shipped.service": false, "shipped@x.service": false, "own@x.socket": false, "no.service": false,
	} {
		require.Equal(t, want, isAdded(root, unit), unit)
	}
}

// systemd before 243, and every systemd for sockets, does not show the prefixes.
func TestReadPrefixes(t *testing.T) {
	unit := filepath.Join(t.TempDir(), "x.service")
	text := "[Service]\nUser=deploy\nExecStart=/opt/worker\nExecStartPre=-+/bin/sh -c \"/home/deploy/pre %t\" \\\n  /opt/%i /opt/more\nExecReload=!/opt/reload\n#ExecStop=+/opt/comment\nExecStop=-/opt/stop\n"
	require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))
	const shown = "ExecStart={ path=/opt/worker ; argv[]=/opt/worker ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }\n"
	r := readRoot("LoadState=loaded\nUser=deploy\nWorkingDirectory=/home/deploy\nFragmentPath=" + unit + "\n" + shown)[0]
	require.Equal(t, []string{unit, "/bin/sh", "/home/deploy/pre", "/opt/more", "/opt/reload", "/home/deploy"}, r.files())
}
