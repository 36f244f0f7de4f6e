package systemd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/accounts"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestParseVersion_Distributions(t *testing.T) {
	for out, want := range map[string]int{
		"systemd 237\n+PAM":                      237,
		"systemd 257 (257.13-1~deb13u1)\n+PAM":   257,
		"systemd 252 (252.39-1~deb12u1)":         252,
		"systemd 258~rc1 (258~rc1-1)":            258,
		"systemd 249 (249.11-0ubuntu3.12)\n+PAM": 249,
	} {
		got, err := parseVersion(out)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := parseVersion("upstart 1.0\n")
	require.EqualError(t, err, `systemctl --version answered "upstart 1.0", which names no version`)
}

const running = `MainPID=812
NRestarts=0
ExecMainStartTimestampMonotonic=4711000
ExecMainCode=0
ExecMainStatus=0
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/etc/systemd/system/sidekiq.service
DropInPaths=/etc/systemd/system/sidekiq.service.d/a.conf /etc/systemd/system/sidekiq.service.d/b.conf
UnitFileState=enabled
NeedDaemonReload=no
InvocationID=1b2c
ActiveEnterTimestamp=Mon 2026-11-23 10:00:00 UTC
Result=success
`

func TestParseState(t *testing.T) {
	s, err := parseState(running)
	require.NoError(t, err)
	require.Equal(t, State{
		LoadState: "loaded", ActiveState: "active", SubState: "running", Result: "success", UnitFileState: "enabled",
		FragmentPath: "/etc/systemd/system/sidekiq.service", InvocationID: "1b2c",
		DropIns: []string{"/etc/systemd/system/sidekiq.service.d/a.conf", "/etc/systemd/system/sidekiq.service.d/b.conf"},
		MainPID: 812, ActiveSince: "Mon 2026-11-23 10:00:00 UTC", MainStart: 4711 * time.Millisecond,
	}, s)
	require.True(t, s.Up())
	_, err = parseState("MainPID=x\nLoadState=loaded\nActiveState=active")
	require.ErrorContains(t, err, `MainPID="x"`)
	for _, text := range []string{"nonsense", "LoadState=loaded\n", "ActiveState=active\n"} {
		_, err = parseState(text)
		require.ErrorContains(t, err, "without LoadState and ActiveState", text)
	}
}

func TestState_String(t *testing.T) {
	for want, s := range map[string]State{
		"active (running)": {LoadState: "loaded", ActiveState: "active", SubState: "running", Result: "success"},
		"activating (auto-restart), Result=exit-code, exit status 203 (EXEC: the program does not exist or cannot be executed by the user)": {
			LoadState: "loaded", ActiveState: "activating", SubState: "auto-restart", Result: "exit-code", ExitCode: 1, ExitStatus: 203},
		"failed (failed), Result=signal, killed by SIGUSR2":                                {LoadState: "loaded", ActiveState: "failed", SubState: "failed", Result: "signal", ExitCode: 2, ExitStatus: 12},
		"inactive (dead), exit status 1":                                                   {LoadState: "loaded", ActiveState: "inactive", SubState: "dead", ExitCode: 1, ExitStatus: 1},
		"inactive (dead), LoadState=error":                                                 {LoadState: "error", ActiveState: "inactive", SubState: "dead"},
		"failed (failed), Result=signal, killed by SIGKILL, as the kernel does for memory": {LoadState: "loaded", ActiveState: "failed", SubState: "failed", Result: "signal", ExitCode: 2, ExitStatus: 9},
		"failed (failed), Result=timeout (it did not say in time that it is ready, or did not end in time: TimeoutStartSec=, TimeoutStopSec=), killed by SIGKILL": {
			LoadState: "loaded", ActiveState: "failed", SubState: "failed", Result: "timeout", ExitCode: 2, ExitStatus: 9},
		"failed (failed), killed by signal 40": {LoadState: "loaded", ActiveState: "failed", SubState: "failed", ExitCode: 3, ExitStatus: 40},
	} {
		require.Equal(t, want, s.String())
	}
}

func TestState_Predicates(t *testing.T) {
	for _, c := range []struct {
		state                 State
		up, changing, stopped bool
	}{
		{state: State{ActiveState: "active", SubState: "running", MainPID: 1}, up: true},
		{state: State{ActiveState: "active", SubState: "running"}},
		{state: State{ActiveState: "active", SubState: "exited", MainPID: 1}},
		{state: State{ActiveState: "reloading", SubState: "running", MainPID: 1}, changing: true},
		{state: State{ActiveState: "activating", SubState: "start", MainPID: 1}, changing: true},
		{state: State{ActiveState: "activating", SubState: "auto-restart"}},
		{state: State{ActiveState: "activating", SubState: "auto-restart-queued"}},
		{state: State{ActiveState: "deactivating", SubState: "stop-sigterm", MainPID: 1}, changing: true},
		{state: State{ActiveState: "inactive", SubState: "dead"}, stopped: true},
		{state: State{ActiveState: "failed", SubState: "failed"}, stopped: true},
	} {
		require.Equal(t, []bool{c.up, c.changing, c.stopped}, []bool{c.state.Up(), c.state.Changing(), c.state.Stopped()}, "%v", c.state)
	}
}

func TestState_Started(t *testing.T) {
	_, known := State{}.Started()
	require.False(t, known)
	var monotonic unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic))
	started, known := State{MainStart: time.Duration(monotonic.Nano()) - time.Minute}.Started()
	require.True(t, known)
	require.WithinDuration(t, time.Now().Add(-time.Minute), started, 10*time.Second)
}

// fake returns a systemctl whose n-th `show` prints the n-th text, and each later one the last.
func fake(t *testing.T, shows ...string) Systemctl {
	t.Helper()
	dir := t.TempDir()
	for i, s := range shows {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("show%d", i)), []byte(s), 0o600))
	}
	script := fmt.Sprintf(`#!/bin/sh
cd %s || exit 1
case $1 in
show) n=$(cat n 2>/dev/null || echo 0); echo $((n < %d ? n + 1 : n)) > n; cat show$n ;;
*) echo "Failed to $1: it is only a test" >&2; exit 1 ;;
esac
`, dir, len(shows)-1)
	program := filepath.Join(dir, "systemctl")
	require.NoError(t, os.WriteFile(program, []byte(script), 0o700))
	return Systemctl{path: program, Version: 257}
}

func changed(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(running) }

func TestSystemctl_AwaitUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := func(State) bool { return false }
		_, err := fake(t, running).AwaitUp("x.service", 0, never)
		require.NoError(t, err)
		_, err = fake(t, running).AwaitUp("x.service", time.Hour, func(now State) bool { return now.MainPID == 812 })
		require.NoError(t, err, "proven at once")
		for want, second := range map[string]string{
			"it does not run; activating (auto-restart)":                                                                  changed("=active", "=activating", "=running", "=auto-restart"),
			"systemd had to restart it (2 times); active (running)":                                                       changed("NRestarts=0", "NRestarts=2"),
			"its process was replaced; active (running)":                                                                  changed("MainPID=812", "MainPID=999"),
			"it does not run; failed (failed), Result=start-limit-hit (it was started too often: StartLimitIntervalSec=)": changed("=active", "=failed", "=running", "=failed", "=success", "=start-limit-hit"),
		} {
			_, err := fake(t, running, running, second).AwaitUp("x.service", time.Second, never)
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), "x.service is not up: "+want), err.Error())
		}
	})
}

func TestShowAll_OneCall(t *testing.T) {
	states, err := fake(t, running+"\n"+changed("=active", "=inactive", "loaded", "not-found")).ShowAll("a", "b")
	require.NoError(t, err)
	require.True(t, states[0].Exists())
	require.False(t, states[1].Exists())
	_, err = fake(t, running).ShowAll("a", "b")
	require.EqualError(t, err, "systemctl show answered for 1 units instead of 2")
}

func TestStart_ErrorOfSystemctl(t *testing.T) {
	err := fake(t, running).Start("x.service")
	require.EqualError(t, err, "systemctl start -- x.service: Failed to start: it is only a test")
	require.ErrorContains(t, fake(t, running).Down("x.service", errors.New("cause")), "x.service is not up: cause; active (running)")
	said := errors.New("systemctl start -- x.service: Job for x.service failed because the control process exited with error code.")
	require.ErrorContains(t, fake(t, running).Down("x.service", said), "x.service is not up: active (running)")
}

func TestLastLines_OmitsBacktrace(t *testing.T) {
	journal := `Starting x
/usr/lib/ruby/definition.rb:36:in ` + "`build'" + `: /nope not found (Bundler::GemfileNotFound)
	from /usr/lib/ruby/bundler.rb:235:in ` + "`definition'" + `
	from <internal:/usr/lib/ruby/kernel_require.rb>:136:in 'Kernel#require'
/usr/bin/sidekiq:25:in ` + "`load'" + `
x.service: Main process exited, code=exited, status=1/FAILURE
`
	require.Equal(t, []string{
		"/usr/lib/ruby/definition.rb:36:in `build': /nope not found (Bundler::GemfileNotFound)",
		"x.service: Main process exited, code=exited, status=1/FAILURE",
	}, lastLines(journal, 2))
	journal = "uninitialized constant Sidkiq\n/opt/demo/app.rb:7:in `<top (required)>'\n/usr/lib/ruby/cli.rb:304:in `require'\nend"
	require.Equal(t, []string{"uninitialized constant Sidkiq", "/opt/demo/app.rb:7:in `<top (required)>'", "end"}, lastLines(journal, 10))
	require.Empty(t, lastLines("", 10))
}

func TestFind_NotBooted(t *testing.T) {
	_, err := Find(t.TempDir())
	require.EqualError(t, err, "systemd is not running on this host (there is no /run/systemd/system); hint: boot it with systemd as PID 1")
}

func TestParseSpan_FormatOfSystemd(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"35s": 35 * time.Second, "1min 30s": 90 * time.Second, "5min": 5 * time.Minute, "100ms": 100 * time.Millisecond, "1h 2min": 62 * time.Minute,
		"infinity": 0, "": 0, "1d 2h": 0,
	} {
		require.Equal(t, want, parseSpan(text), text)
	}
}

func TestHasFile_NameOrTemplate(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{"usr/lib/systemd/system/redis.service", "lib/systemd/system/clamd@.service", "etc/systemd/system/odd@a.service"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, file), nil, 0o644))
	}
	require.NoError(t, os.Symlink("/nowhere", filepath.Join(root, "etc/systemd/system/alias.service")))
	for _, unit := range []string{"redis.service", "clamd@scan.service", "odd@a.service", "alias.service"} {
		require.True(t, HasFile(root, unit), unit)
	}
	for _, unit := range []string{"valkey.service", "odd@b.service", "redis@.service", "clamd.service"} {
		require.False(t, HasFile(root, unit), unit)
	}
}

func TestUnitPath_Complete(t *testing.T) {
	needAnalyze(t)
	out, err := run("systemd-analyze", "unit-paths")
	require.NoError(t, err)
	for directory := range strings.FieldsSeq(out) {
		require.Contains(t, unitPath, strings.TrimPrefix(directory, "/"))
	}
}

// A later directive would not be set on a systemd that supports it.
func TestSupportedVersion_LatestDirective(t *testing.T) {
	for name, version := range since {
		require.LessOrEqual(t, version, since[latest], name)
	}
	state, err := parseState("LoadState=not-found\nActiveState=inactive\n" + latest + "=0\n")
	require.NoError(t, err)
	version, err := Systemctl{}.SupportedVersion(state) // which could not ask
	require.NoError(t, err)
	require.Equal(t, 254, version)
}

// asNobody is the systemctl of the user nobody, whose instance is in a state of systemd, and that runs a script.
func asNobody(t *testing.T, state, script string) Systemctl {
	t.Helper()
	testenv.NeedRoot(t, "running a program as another user needs root")
	s, _ := scripted(t, `if [ "$1" = show ]; then printf 'LoadState=loaded\nActiveState=`+state+`\n'; exit; fi`+"\n"+script)
	require.NoError(t, os.Chmod(s.path, 0o755))
	for dir := filepath.Dir(s.path); dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	s.root = t.TempDir()
	nobody, err := accounts.LookUpUser("nobody")
	require.NoError(t, err)
	ofUser, err := s.OfUser(*nobody, 0)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(s.path+".calls", 0o666)) // the user appends to it
	return ofUser
}

func TestSystemctl_OfUser(t *testing.T) {
	s := asNobody(t, "active", `echo "$(id -un) $XDG_RUNTIME_DIR [$SYSTEMD_OFFLINE] $*" >&2; exit 1`)
	require.EqualError(t, s.Stop("a"), fmt.Sprintf("systemctl --user stop -- a: nobody %s/run/user/65534 [] --user stop -- a", s.root))
	require.False(t, s.isOffline)
}

// Without an instance of the user there are only files.
func TestSystemctl_OfUserOffline(t *testing.T) {
	s := asNobody(t, "inactive", `[ "$1 $2 $SYSTEMD_OFFLINE" = "--user is-enabled 1" ] && [ "$4" != missing ] && echo enabled`)
	states, err := s.ShowAll("a", "b")
	require.NoError(t, err)
	require.Equal(t, []State{{LoadState: "loaded", ActiveState: "inactive", SubState: "dead", UnitFileState: "enabled"},
		{LoadState: "loaded", ActiveState: "inactive", SubState: "dead", UnitFileState: "enabled"}}, states)
	require.True(t, states[0].Stopped())
	_, err = s.ShowAll("missing")
	require.EqualError(t, err, "systemctl --user is-enabled -- missing: exit status 1")
}

// A user must not have root read the environment of another user's process.
func TestSystemctl_OfUserClaimsProcess(t *testing.T) {
	s := asNobody(t, "active", `[ "$1 $2" != "--user show" ] || printf 'LoadState=loaded\nActiveState=active\nMainPID=812\n'`)
	process := filepath.Join(s.root, "proc/812")
	_, err := s.Show("a")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(process, 0o755))
	_, err = s.Show("a")
	require.EqualError(t, err, `the systemd instance of user "nobody" claims process 812, which is of UID 0`)
	require.NoError(t, os.Chown(process, 65534, 65534))
	state, err := s.Show("a")
	require.NoError(t, err)
	require.Equal(t, 812, state.MainPID)
}
