package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// scripted is a systemctl that runs a script and records its calls.
func scripted(t *testing.T, script string) (s Systemctl, calls func() []string) {
	t.Helper()
	s.path = filepath.Join(t.TempDir(), "systemctl")
	require.NoError(t, os.WriteFile(s.path, []byte("#!/bin/sh\necho \"$*\" >>$0.calls\n"+script+"\n"), 0o700))
	return s, func() []string {
		text, err := os.ReadFile(s.path + ".calls")
		require.NoError(t, err)
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

func TestSystemctl_Calls(t *testing.T) {
	s, calls := scripted(t, "")
	for _, err := range []error{s.DaemonReload(), s.Enable("a"), s.Disable("a"), s.Start("a"), s.Stop("a"), s.Signal("a", "TSTP"), s.Restart("a"), s.RestartLater("a")} {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"daemon-reload", "enable -- a", "disable -- a", "start -- a", "stop -- a", "kill --kill-who=main --signal=TSTP -- a",
		"reset-failed -- a", "restart -- a", "restart --no-block -- a"}, calls())
}

// There is nothing to forget of a unit that is not loaded.
func TestSystemctl_Restart(t *testing.T) {
	for message, want := range map[string]string{
		"Failed to reset failed state of unit a: Unit a not loaded.": "",
		"Access denied": "systemctl reset-failed -- a: Access denied",
	} {
		s, calls := scripted(t, `[ "$1" != reset-failed ] || { echo "`+message+`" >&2; exit 1; }`)
		err := s.Restart("a")
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, []string{"reset-failed -- a", "restart -- a"}, calls())
			continue
		}
		require.EqualError(t, err, want)
		require.Equal(t, []string{"reset-failed -- a"}, calls())
	}
}

func TestSystemctl_Instances(t *testing.T) {
	s, calls := scripted(t, `printf 'app@1.service loaded active running One\n\napp@2.service loaded failed failed\n'`)
	units, err := s.Instances("app@.service")
	require.NoError(t, err)
	require.Equal(t, []string{"app@1.service", "app@2.service"}, units)
	require.Equal(t, []string{"list-units --all --plain --no-legend --no-pager -- app@*.service"}, calls())
	s, _ = scripted(t, "exit 1")
	_, err = s.Instances("app@.service")
	require.Error(t, err)
}

func TestSystemctl_SupportedVersion(t *testing.T) {
	for script, want := range map[string]string{
		"echo systemd 237": "", "echo systemd 236": "systemd 236 is too old; accepted: 237 and later", "echo upstart 1.0": `systemctl --version answered "upstart 1.0", which names no version`,
		"echo no bus >&2; exit 1": "systemctl --version: no bus", "exit 4": "systemctl --version: exit status 4",
	} {
		s, _ := scripted(t, script)
		version, err := s.SupportedVersion(State{})
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, 237, version)
			continue
		}
		require.EqualError(t, err, want)
	}
}

func TestSystemctl_Await(t *testing.T) {
	starting := changed("=active", "=activating", "=running", "=start")
	synctest.Test(t, func(t *testing.T) {
		state, err := parseState(starting)
		require.NoError(t, err)
		began := time.Now()
		state, err = fake(t, starting, starting, running).Await("x.service", state, time.Minute)
		require.NoError(t, err)
		require.True(t, state.Up())
		require.Equal(t, 3*pollInterval, time.Since(began))

		began = time.Now()
		again, err := Systemctl{path: "/nowhere"}.Await("x.service", state, time.Minute)
		require.NoError(t, err, "nothing is asked about a unit that does not change")
		require.Equal(t, state, again)
		require.Zero(t, time.Since(began))

		state.ActiveState = "deactivating"
		_, err = Systemctl{path: "/nowhere"}.Await("x.service", state, time.Minute)
		require.Error(t, err)

		began = time.Now()
		state, err = fake(t, starting).Await("x.service", state, time.Second)
		require.NoError(t, err)
		require.True(t, state.Changing())
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestDown_Journal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for script, want := range map[string]string{
		`echo "$*"`:      "x.service is not up: cause; active (running); last lines of its journal:\n-u x.service -n 100 -o cat --no-pager -q",
		`echo a; exit 1`: "x.service is not up: cause; active (running)",
		``:               "x.service is not up: cause; active (running)",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "journalctl"), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
		require.EqualError(t, fake(t, running).Down("x.service", errors.New("cause")), want)
	}
	require.EqualError(t, Systemctl{path: "/nowhere"}.Down("x.service", errors.New("cause")),
		"cause (and its state is unknown: systemctl show -p "+strings.Join(properties, ",")+" -- x.service: fork/exec /nowhere: no such file or directory)")
}

func TestDown_HintOfHost(t *testing.T) {
	const selinux = "sys/fs/selinux/enforce"
	for _, c := range []struct {
		code, status int
		file, text   string
		want         string
	}{
		{exited, 203, selinux, "1", "ausearch -m avc"}, {exited, 203, selinux, "0", ""}, {2, 203, selinux, "1", ""},
		{exited, 226, selinux, "0", "PrivateUsers"}, {exited, 217, selinux, "1", "PrivateUsers"}, {2, 217, selinux, "1", ""}, {exited, 1, selinux, "1", ""},
	} {
		s := Systemctl{root: t.TempDir()}
		file := filepath.Join(s.root, c.file)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
		text := s.down("x.service", State{LoadState: "loaded", ActiveState: "failed", ExitCode: c.code, ExitStatus: c.status}, "").Error()
		if c.want == "" {
			require.NotContains(t, text, "hint:", c)
		} else {
			require.Contains(t, text, "; hint: ", c)
			require.Contains(t, text, c.want, c)
		}
	}
}
