package sudolint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/curationexperts/ansible-sidekiq/modules/sudoers"
	"github.com/stretchr/testify/require"
)

// check returns the findings about one command, as "severity id".
func check(t *testing.T, command string, host Facts) []string {
	t.Helper()
	r, err := sudoers.ParseRule(sudoers.Request{
		Users: []string{"deploy"}, Hosts: []string{"ALL"}, Runas: []string{"root"}, Commands: []string{command},
		Wide: sudoers.Wide{Wildcards: true, All: true},
	})
	require.NoError(t, err)
	return ids(CheckFile(sudoers.File{Rules: []sudoers.Rule{r}}, host))
}

func ids(all []Finding) []string {
	found := []string{}
	for _, f := range all {
		found = append(found, fmt.Sprintf("%s %s", f.Severity, f.Check))
	}
	return found
}

func TestCommandsThatGrantMoreThanTheySay(t *testing.T) {
	new247, old, rs := Facts{Systemd: 247}, Facts{Systemd: 245}, Facts{Systemd: 257, Rs: true}
	for _, c := range []struct {
		command string
		host    Facts
		want    string
	}{
		{"/bin/systemctl restart sidekiq.service", new247, "info unit-unqualified"}, // of the other spelling
		{"/bin/systemctl restart sidekiq.timer", new247, ""},
		{"/bin/systemctl daemon-reload", old, ""},
		{"/bin/systemctl is-active sidekiq.timer", old, ""},
		{"/bin/systemctl status sidekiq.timer", old, "error systemctl-pager"},
		{"/bin/systemctl status sidekiq.timer", Facts{}, "error systemctl-pager"},
		{"/bin/systemctl status sidekiq.timer", new247, "warning systemctl-pager"},
		{"/bin/systemctl status --no-pager sidekiq.timer", old, ""},
		{"/bin/systemctl show sidekiq.timer", old, "error systemctl-pager"},
		{"/bin/systemctl cat sidekiq.timer", old, "error systemctl-pager"},
		{"/bin/systemctl list-timers", old, "error systemctl-pager"},
		{`/bin/systemctl ""`, old, "error systemctl-pager"},
		{"/usr/bin/journalctl -u sidekiq", old, "error systemctl-pager"},
		{"/usr/bin/journalctl -u sidekiq --no-pager", old, ""},
		{"/usr/bin/journalctl", new247, "error no-args, warning systemctl-pager"},
		{"/bin/systemctl", new247, "error no-args"},
		{"/usr/sbin/service", new247, "error no-args"},
		{"/opt/backup", new247, "warning no-args"},
		{`/opt/backup ""`, new247, ""},
		{"/bin/systemctl edit sidekiq.timer", new247, "error systemctl-verb"},
		{"/bin/systemctl link /home/deploy/x.service", new247, "error systemctl-verb"},
		{"/bin/systemctl enable /home/deploy/x.service", new247, "error systemctl-verb"},
		{"/bin/systemctl enable sidekiq.timer", new247, ""},
		{"/bin/systemctl set-environment LD_PRELOAD=/tmp/x", new247, "error systemctl-verb"},
		{"/bin/systemctl isolate rescue.target", new247, "error systemctl-verb"},
		{"/bin/systemctl -H other restart sidekiq.timer", new247, "error systemctl-option"},
		{"/bin/systemctl --root=/srv enable sidekiq.timer", new247, "error systemctl-option"},
		{"/bin/systemctl -qHother restart sidekiq.timer", new247, "error systemctl-option"},
		{"/bin/systemctl --mach other restart sidekiq.timer", new247, "error systemctl-option"},
		{"/bin/systemctl -T edit sidekiq.timer", new247, "error systemctl-verb"},
		{"/bin/systemctl --legend false edit sidekiq.timer", new247, "error systemctl-verb"},
		{"/bin/systemctl -qs HUP kill sidekiq.timer", new247, "warning systemctl-kill"},
		{"/bin/systemctl -M.host restart sidekiq.timer", new247, "error systemctl-option"},
		{"/bin/systemctl reboot -f", new247, "error systemctl-option"},
		{"/bin/systemctl reboot", new247, ""},
		{"/bin/systemctl kill -s TSTP sidekiq.timer", new247, "warning systemctl-kill"},
		{"/bin/systemctl kill --kill-who=main -s TSTP sidekiq.timer", new247, ""},
		{"/bin/systemctl kill --kill-who main -s TSTP sidekiq.timer", new247, ""},
		{"/usr/bin/vim.basic /etc/motd", new247, "error shell-escape"},
		{"/usr/sbin/update-rc.d", new247, "error no-args"},
		{"/usr/bin/vim /etc/motd", new247, "error shell-escape"},
		{"/usr/bin/python3.11 /opt/x.py", new247, "error shell-escape"},
		{"/usr/bin/tar", new247, "error shell-escape"},
		{"/bin/sh", new247, "error shell-escape"},
		{"ALL", new247, "error all"},
		{"/usr/local/bin/", new247, "error all"},
		{"/bin/systemctl restart *", new247, "error wildcard"},
		{"/bin/systemctl restart *", rs, "error wildcard, error unportable"},
		{"/opt/x a?", new247, "error wildcard"},
	} {
		got := strings.Join(check(t, c.command, c.host), ", ")
		require.Equal(t, c.want, got, "%s with %+v", c.command, c.host)
	}
}

func TestRulesThatGrantMoreThanTheySay(t *testing.T) {
	r, err := sudoers.ParseRule(sudoers.Request{
		Users: []string{"deploy"}, Hosts: []string{"ALL"}, Runas: []string{"ALL"}, Commands: []string{`/opt/x ""`, `/opt/x ""`}, SetEnv: true,
	})
	require.NoError(t, err)
	f := sudoers.File{Rules: []sudoers.Rule{r, r}}
	require.Equal(t, []string{"error setenv", "warning runas-all"}, ids(CheckFile(f, Facts{})), "each once")
	for setting, want := range map[string][]string{
		"!env_reset": {"error setenv"}, "env_reset": {}, "env_keep+=RAILS_ENV TZ": {}, "env_keep+=TZ LD_PRELOAD": {"error setenv"},
		"env_check+=RUBYOPT": {"error setenv"}, "env_keep+=PATH": {"error setenv"}, "env_keep+=PATHS": {}, "env_keep-=LD_PRELOAD": {}, "env_delete+=LD_PRELOAD": {}, "use_pty": {},
	} {
		s, err := sudoers.ParseSetting(setting)
		require.NoError(t, err)
		require.Equal(t, want, ids(CheckFile(sudoers.File{Settings: []sudoers.Setting{s}}, Facts{})), setting)
	}
}

func TestWhatIsAllowedByNameIsMilder(t *testing.T) {
	all := []Finding{{Check: SetEnv, Severity: Error}, {Check: SystemctlKill, Severity: Warning}, {Check: ShellEscape, Severity: Error}, {Check: SetuidScript, Severity: Info}}
	lowered := Lower(all, func(c sudoers.Check) bool { return c != ShellEscape })
	require.Equal(t, []string{"warning setenv", "info systemctl-kill", "error shell-escape", "info setuid-script"}, ids(lowered))
	require.Equal(t, Error, all[0].Severity, "the findings themselves stay")
}

func TestReadingNeedsNoSudo(t *testing.T) {
	for command, verb := range map[string]string{
		"/bin/systemctl status sidekiq": "status", "/usr/bin/systemctl is-active --quiet x": "is-active", "/bin/systemctl restart x": "",
		"/bin/systemctl -H other status x": "", "/opt/status": "", "status": "", "/bin/systemctl": "",
	} {
		require.Equal(t, verb, NeedsNoSudo(command), command)
	}
}

// lay makes a folder that only root may change, in a place where that is so.
func lay(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("REQUIRE_ORACLES") == "1" {
			t.Fatal("paths of root need root")
		}
		t.Skip("NOT TRIED: paths of root need root")
	}
	dir, err := os.MkdirTemp("/var/lib", "sudolint-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func TestProgramsThatOthersCanReplace(t *testing.T) {
	root := lay(t)
	at := func(name string) string { return filepath.Join(root, name) }
	mkdir := func(name string, mode os.FileMode, uid, gid int) {
		require.NoError(t, os.Mkdir(at(name), 0o755))
		require.NoError(t, os.Chown(at(name), uid, gid))
		require.NoError(t, os.Chmod(at(name), mode))
	}
	program := func(name string, mode os.FileMode, uid, gid int, text string) {
		require.NoError(t, os.WriteFile(at(name), []byte(text), 0o600))
		require.NoError(t, os.Chown(at(name), uid, gid))
		require.NoError(t, os.Chmod(at(name), mode))
	}
	link := func(name, target string, uid int) {
		require.NoError(t, os.Symlink(target, at(name)))
		require.NoError(t, os.Lchown(at(name), uid, 0))
	}
	mkdir("good", 0o755, 0, 0)
	mkdir("home", 0o755, 1000, 1000)
	mkdir("group", 0o775, 0, 27)
	mkdir("wheel", 0o775, 0, 0)
	mkdir("sticky", os.ModeSticky|0o777, 0, 0)
	for _, dir := range []string{"good", "home", "group", "wheel", "sticky"} {
		program(dir+"/x", 0o755, 0, 0, "\x7fELF")
	}
	program("good/script", 0o755, 0, 0, "#!/bin/sh\n")
	program("good/empty", 0o755, 0, 0, "")
	program("good/loose", 0o757, 0, 0, "\x7fELF")
	program("good/theirs", 0o755, 1000, 0, "\x7fELF")
	program("good/plain", 0o644, 0, 0, "text")
	link("good/link", "x", 0)
	link("good/absolute", at("good/x"), 0)
	link("good/up", "../good/./x", 0)
	link("good/through", "../home/back", 0)
	link("home/back", at("good/x"), 0)
	link("good/owned", "x", 1000)
	link("good/loop", "loop", 0)
	link("good/dangling", "none", 0)
	link("folder", "home", 0)
	for name, want := range map[string]string{
		"good/x": "", "wheel/x": "", "good/link": "", "good/absolute": "", "good/up": "", "good/empty": "",
		"good/script":   "info setuid-script",
		"home/x":        "error path-writable",
		"group/x":       "error path-writable",
		"sticky/x":      "error path-writable",
		"good/loose":    "error path-writable",
		"good/theirs":   "error path-writable",
		"good/through":  "error path-writable",
		"good/owned":    "error path-writable",
		"folder/x":      "error path-writable",
		"good/none":     "error path-missing",
		"good/x/none":   "error path-missing",
		"good/dangling": "error path-missing",
		"good":          "error path-missing",
		"good/plain":    "error path-missing",
		"home/none":     "error path-writable, error path-missing",
	} {
		found, err := CheckProgram(at(name))
		require.NoError(t, err)
		require.Equal(t, want, strings.Join(ids(found), ", "), "%s: %v", name, found)
	}
	_, err := CheckProgram(at("good/loop"))
	require.ErrorContains(t, err, "too many levels of symbolic links")
	found, err := CheckProgram(at("good/through"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%q could be exchanged by others than root, since %s has owner 1000; hint: put it where only root can write", at("good/through"), at("home")), found[0].String())

	units, err := CheckUnit("x.service", []string{at("good/x"), at("home/x")})
	require.NoError(t, err)
	require.Equal(t, []string{"warning target-unit"}, ids(units))
}
