package sudolint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sudoers"
)

// check returns the findings about one command, as "severity id".
func check(t *testing.T, command string, host Facts) []string {
	t.Helper()
	r, err := sudoers.ParseRule(sudoers.Request{
		Users: []string{"deploy"}, Hosts: []string{"ALL"}, Runas: []string{"root"}, Commands: []string{command},
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

func TestCheckFile_Commands(t *testing.T) {
	new247, old, rs := Facts{Systemd: 247}, Facts{Systemd: 245}, Facts{Systemd: 257, Rs: true}
	for _, c := range []struct {
		command string
		host    Facts
		want    string
	}{
		{"/bin/systemctl restart sidekiq.service", new247, "info unit_spelling"}, // of the other spelling
		{"/bin/systemctl restart sidekiq.timer", new247, ""},
		{"/bin/systemctl daemon-reload", old, ""},
		{"/bin/systemctl is-active sidekiq.timer", old, ""},
		{"/bin/systemctl status sidekiq.timer", old, "error pager"},
		{"/bin/systemctl status sidekiq.timer", Facts{}, "error pager"},
		{"/bin/systemctl status sidekiq.timer", new247, "warning pager"},
		{"/bin/systemctl status --no-pager sidekiq.timer", old, ""},
		{"/bin/systemctl show sidekiq.timer", old, "error pager"},
		{"/bin/systemctl cat sidekiq.timer", old, "error pager"},
		{"/bin/systemctl list-timers", old, "error pager"},
		{`/bin/systemctl ""`, old, "error pager"},
		{"/usr/bin/journalctl -u sidekiq", old, "error pager"},
		{"/usr/bin/journalctl -u sidekiq --no-pager", old, ""},
		{"/usr/bin/journalctl", new247, "error any_arguments, warning pager"},
		{"/bin/systemctl", new247, "error any_arguments"},
		{"/usr/sbin/service", new247, "error any_arguments"},
		{"/opt/backup", new247, "warning any_arguments"},
		{`/opt/backup ""`, new247, ""},
		{"/bin/systemctl edit sidekiq.timer", new247, "error systemctl_verb"},
		{"/bin/systemctl link /home/deploy/x.service", new247, "error systemctl_verb"},
		{"/bin/systemctl enable /home/deploy/x.service", new247, "error systemctl_verb"},
		{"/bin/systemctl enable sidekiq.timer", new247, ""},
		{"/bin/systemctl set-environment LD_PRELOAD=/tmp/x", new247, "error systemctl_verb"},
		{"/bin/systemctl isolate rescue.target", new247, "error systemctl_verb"},
		{"/bin/systemctl -H other restart sidekiq.timer", new247, "error systemctl_option"},
		{"/bin/systemctl --root=/srv enable sidekiq.timer", new247, "error systemctl_option"},
		{"/bin/systemctl -qHother restart sidekiq.timer", new247, "error systemctl_option"},
		{"/bin/systemctl --mach other restart sidekiq.timer", new247, "error systemctl_option"},
		{"/bin/systemctl -T edit sidekiq.timer", new247, "error systemctl_verb"},
		{"/bin/systemctl --legend false edit sidekiq.timer", new247, "error systemctl_verb"},
		{"/bin/systemctl -qs HUP kill sidekiq.timer", new247, "warning kill_children"},
		{"/bin/systemctl -M.host restart sidekiq.timer", new247, "error systemctl_option"},
		{"/bin/systemctl reboot -f", new247, "error systemctl_option"},
		{"/bin/systemctl reboot", new247, ""},
		{"/bin/systemctl kill -s TSTP sidekiq.timer", new247, "warning kill_children"},
		{"/bin/systemctl kill --kill-who=main -s TSTP sidekiq.timer", new247, ""},
		{"/bin/systemctl kill --kill-who main -s TSTP sidekiq.timer", new247, ""},
		{"/usr/bin/vim.basic /etc/motd", new247, "error shell_escape"},
		{"/usr/bin/mysql -u root", new247, "error shell_escape"},
		{`/usr/bin/rbash ""`, new247, "error shell_escape"},
		{"/usr/sbin/capsh --", new247, "error shell_escape"},
		{"/usr/bin/pager /etc/motd", new247, "error shell_escape"},
		{"/bin/zless /etc/motd", new247, "error shell_escape"},
		{"/usr/bin/sidekiq -r /home/deploy/x.rb", new247, "error shell_escape"},
		{"/usr/bin/psql", new247, "error shell_escape"},
		{"/usr/bin/run-parts /opt/jobs", new247, "error shell_escape"},
		{"/lib64/ld-linux-x86-64.so.2 /bin/id", new247, "error shell_escape"},
		{"/lib/ld-linux-aarch64.so.1 /bin/id", new247, "error shell_escape"},
		{"/usr/bin/ex /etc/motd", new247, "error shell_escape"},
		{"/usr/bin/rview /etc/motd", new247, "error shell_escape"},
		{"/usr/sbin/logrotate /etc/logrotate.conf", new247, "error shell_escape"},
		{"/sbin/insmod /opt/x.ko", new247, "error shell_escape"},
		{"/usr/bin/ssh-keygen -D /opt/x.so", new247, "error shell_escape"},
		{"/usr/bin/x86_64-linux-gnu-gcc-12 -v", new247, "error shell_escape"},
		{"/usr/sbin/service debug-shell --full-restart", new247, "error shell_escape"},
		{"/usr/sbin/invoke-rc.d --quiet debug-shell restart", new247, "error shell_escape"},
		{"/usr/bin/deb-systemd-invoke restart debug-shell.service", new247, "error shell_escape"},
		{"/usr/sbin/service ../../bin/sh", new247, "error shell_escape"},
		{"/usr/sbin/invoke-rc.d ../../home/deploy/x.sh foo", new247, "error shell_escape"},
		{"/usr/sbin/ip netns exec x bash", new247, "error shell_escape"},
		{"/usr/bin/coredumpctl gdb", new247, "warning pager, error shell_escape"},
		{"/usr/bin/setsid bash", new247, "error shell_escape"},
		{"/usr/bin/w3m /etc/motd", new247, "error shell_escape"},
		{"/bin/systemctl edi? sidekiq.timer", new247, "error wildcard, error any_arguments"},
		{"/usr/bin/tail /var/log/??????", new247, "error wildcard, error any_arguments"},
		{"/bin/systemctl status sidekiq.timer -- --no-pager", old, "error pager, info unit_spelling"},
		{"/opt/bin/install.sh now", new247, ""}, // a script, not install(1)
		{"/usr/bin/tail", new247, "error any_arguments"},
		{"/usr/bin/tail /var/log/syslog", new247, ""},
		{"/sbin/reboot", new247, "warning any_arguments"},
		{"/bin/systemctl start debug-shell", new247, "error shell_escape, info unit_spelling"},
		{"/bin/systemctl restart debug-shell.service", new247, "error shell_escape, info unit_spelling"},
		{"/bin/systemctl enable debug-shell.service", new247, "error shell_escape, info unit_spelling"},
		{"/usr/sbin/invoke-rc.d sidekiq status", old, "error pager"},
		{"/usr/sbin/service debug-shell start", new247, "error shell_escape"},
		{"/usr/sbin/service sidekiq status", old, "error pager"},
		{"/usr/sbin/service sidekiq status", new247, "warning pager"},
		{"/usr/sbin/service sidekiq status --no-pager", old, "error pager"},
		{"/usr/sbin/service sidekiq restart", old, ""},
		{"/etc/init.d/sidekiq status", old, "error pager"},
		{"/etc/init.d/sidekiq restart", old, ""},
		{"/usr/sbin/update-rc.d", new247, "error any_arguments"},
		{"/usr/bin/vim /etc/motd", new247, "error shell_escape"},
		{"/usr/bin/python3.11 /opt/x.py", new247, "error shell_escape"},
		{"/usr/bin/tar", new247, "error shell_escape"},
		{"/bin/sh", new247, "error shell_escape"},
		{"ALL", new247, "error all"},
		{"/usr/local/bin/", new247, "error all"},
		{"/bin/systemctl restart *", new247, "error wildcard, error any_arguments"},
		{"/bin/systemctl restart *", rs, "error wildcard, error unportable, error any_arguments"},
		{"/opt/x a?", new247, "error wildcard"},
	} {
		got := strings.Join(check(t, c.command, c.host), ", ")
		require.Equal(t, c.want, got, "%s with %+v", c.command, c.host)
	}
}

func TestCheckFile_Rules(t *testing.T) {
	r, err := sudoers.ParseRule(sudoers.Request{
		Users: []string{"deploy"}, Hosts: []string{"ALL"}, Runas: []string{"ALL"}, Commands: []string{`/opt/x ""`, `/opt/x ""`}, SetEnv: true,
	})
	require.NoError(t, err)
	f := sudoers.File{Rules: []sudoers.Rule{r, r}}
	require.Equal(t, []string{"error setenv", "warning runas_all"}, ids(CheckFile(f, Facts{})), "each once")
	for setting, want := range map[string][]string{
		"!env_reset": {"error setenv"}, "env_reset": {}, "use_pty": {},
	} {
		s, err := sudoers.ParseSetting(setting)
		require.NoError(t, err)
		require.Equal(t, want, ids(CheckFile(sudoers.File{Settings: []sudoers.Setting{s}}, Facts{})), setting)
	}
}

func TestCheckFile_Variables(t *testing.T) {
	for setting, want := range map[string][]string{
		"env_keep+=LANG LANGUAGE LINGUAS LC_ALL LC_TIME TERM COLORTERM":  nil,
		"env_check+=LANG LANGUAGE LINGUAS LC_ALL LC_TIME TERM COLORTERM": nil,
		"env_check+=TZ RAILS_ENV RACK_ENV":                               nil,
		"env_keep+=TZ LANG RAILS_ENV RACK_ENV": {
			`error env_keep keeps TZ, whose value may be a path; hint: env_check+=TZ drops such a value`,
			`error env_keep keeps RAILS_ENV, whose value may be a path; hint: env_check+=RAILS_ENV drops such a value`,
			`error env_keep keeps RACK_ENV, whose value may be a path; hint: env_check+=RACK_ENV drops such a value`,
		},
		"env_keep-=LD_PRELOAD": nil, "env_delete+=LD_PRELOAD": nil,
		"env_check-=LANG":        {"error env_keep lets LANG pass unchecked; hint: leave it out"},
		"env_delete-=LD_PRELOAD": {"error env_keep lets LD_PRELOAD pass unchecked; hint: leave it out"},
	} {
		require.Equal(t, want, aboutSetting(t, setting), setting)
	}
	// Each loads code, starts a program, or leads to a file that does; or nothing is known of it.
	for _, variable := range words(`LD_PRELOAD OPENSSL_CONF OPENSSL_MODULES JAVA_TOOL_OPTIONS ZDOTDIR MAKEFLAGS npm_config_node_options RUBYOPT RUBYLIB
		PERL5OPT PYTHONPATH NODE_OPTIONS PATH HOME ENV BASH_ENV SHELLOPTS PS4 IFS EDITOR VISUAL PAGER LESSOPEN TERMINFO TERMCAP TERMINFO_DIRS NLSPATH LOCPATH
		GCONV_PATH TZDIR GIT_SSH_COMMAND SSH_ASKPASS DISPLAY XAUTHORITY DEBIAN_FRONTEND http_proxy SSL_CERT_FILE KRB5CCNAME SSH_AUTH_SOCK DATABASE_URL NODE_ENV
		LANG2 LANGUAGES TERMS RAILS_ENV_X lang Lc_all x`) {
		for _, list := range []string{"env_keep", "env_check"} {
			require.Equal(t, []string{"error env_keep keeps " + variable + ", which is not known to be harmless: by such a variable a caller " +
				"may have code of its own run as root; hint: leave it out"}, aboutSetting(t, list+"+=TERM "+variable))
		}
	}
	// Shell functions, patterns and values have no way in.
	for _, variable := range []string{"BASH_FUNC_x%%", "BASH_FUNC_x()", "LD_*", "*", "LANG=x", "LANG,LD_PRELOAD", "\"LANG", "LC_?"} {
		_, err := sudoers.ParseSetting("env_keep+=" + variable)
		require.Error(t, err, variable)
	}
}

// aboutSetting returns the findings about one setting as text.
func aboutSetting(t *testing.T, setting string) []string {
	t.Helper()
	s, err := sudoers.ParseSetting(setting)
	require.NoError(t, err)
	var all []string
	for _, f := range CheckFile(sudoers.File{Settings: []sudoers.Setting{s}}, Facts{}) {
		require.Equal(t, setting, f.Subject)
		all = append(all, fmt.Sprintf("%s %s %s; hint: %s", f.Severity, f.Check, f.Message, f.Hint))
	}
	return all
}

func TestLower(t *testing.T) {
	all := []Finding{{Check: SetEnv, Severity: Error}, {Check: KillChildren, Severity: Warning}, {Check: ShellEscape, Severity: Error}, {Check: Script, Severity: Info}}
	lowered := Lower(all, func(c sudoers.Check) bool { return c != ShellEscape })
	require.Equal(t, []string{"warning setenv", "info kill_children", "error shell_escape", "info script"}, ids(lowered))
	require.Equal(t, Error, all[0].Severity, "the findings themselves stay")
}

func TestFinding_IsAllowable(t *testing.T) {
	require.True(t, Finding{Check: ShellEscape}.IsAllowable())
	require.False(t, Finding{Check: ShellEscape, Option: "commands"}.IsAllowable())
	require.False(t, Finding{Check: NotAnalysed}.IsAllowable())
}

func TestNeedsNoSudo(t *testing.T) {
	for command, verb := range map[string]string{
		"/bin/systemctl status sidekiq": "status", "/usr/bin/systemctl is-active --quiet x": "is-active", "/bin/systemctl restart x": "",
		"/bin/systemctl -H other status x": "", "/opt/status": "", "status": "", "/bin/systemctl": "",
	} {
		require.Equal(t, verb, NeedsNoSudo(command), command)
	}
}
