package sudoers

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// restart is a call that the module's rules allow.
var restart = Call{User: "deploy", Runas: "root", RunasID: "#0", Argv: []string{"/bin/sh", "restart", "sidekiq"}, NoPassword: true}

const listed = `Matching Defaults entries for deploy on host:
    env_reset, use_pty

Runas and Command-specific defaults for deploy:
    Defaults!/bin/x timestamp_timeout=0

User deploy may run the following commands on host:
`

// rule is an entry as sudo -ll prints it.
func rule(users, groups, options, commands string) string {
	text := "\nSudoers entry: /etc/sudoers.d/x\n    RunAsUsers: " + users + "\n"
	if groups != "" {
		text += "    RunAsGroups: " + groups + "\n"
	}
	if options != "" {
		text += "    Options: " + options + "\n"
	}
	return text + "    Commands:\n\t" + commands + "\n"
}

func TestListing_LastMatchingRule(t *testing.T) {
	free := rule("root", "", "!authenticate", "/bin/sh restart sidekiq")
	const asks = `sudo lets deploy run "/bin/sh restart sidekiq" as root, but asks for a password, because of a later rule in /etc/sudoers.d/x: `
	const doubt = `cannot tell whether sudo lets deploy run "/bin/sh restart sidekiq" as root: it depends on a later rule in /etc/sudoers.d/x`
	for _, c := range []struct{ name, listing, doubt, err string }{
		{"ours", free, "", ""},
		{"with other options", rule("root, #34", "", "setenv, !authenticate", "/bin/sh restart sidekiq"), "", ""},
		{"escaped", rule("root", "", "!authenticate", `/bin/sh restart\ sidekiq`), "", ""},
		{"any arguments", rule("root", "", "!authenticate", "/bin/sh"), "", ""},
		{"another place of the program", rule("root", "", "!authenticate", "/usr/bin/sh restart sidekiq"), "", ""},
		{"ALL", rule("ALL", "ALL", "!authenticate", "ALL"), "", ""},
		{"by id", rule("#0", "", "!authenticate", "ALL"), "", ""},
		{"asked elsewhere", free + rule("root", "", "authenticate", "/bin/cat"), "", ""},
		{"other arguments", free + rule("root", "", "authenticate", "/bin/sh stop sidekiq") + rule("root", "", "authenticate", `/bin/sh ""`), "", ""},
		{"as another", free + rule("backup, !root", "", "authenticate", "ALL"), "", ""},
		{"later password", free + rule("root", "", "authenticate", "/bin/sh"), "", asks + "(root) /bin/sh"},
		{"without a tag", free + rule("ALL", "ALL", "", "ALL"), "", asks + "(ALL : ALL) ALL"},
		{"a folder", free + rule("root", "", "", "/bin/"), "", asks + "(root) /bin/"},
		{"a wildcard", free + rule("root", "", "", "/bin/sh * sidekiq"), "", asks + "(root) /bin/sh * sidekiq"},
		{"a wildcard for the program", free + rule("root", "", "", "/usr/bin/s? restart*"), "", asks + "(root) /usr/bin/s? restart*"},
		{"a wildcard of another", free + rule("root", "", "", "/bin/sh stop*"), "", ""},
		{"a class", free + rule("root", "", "", "/bin/sh [a-z]*"), doubt, ""},
		{"a class that is right either way", free + rule("root", "", "!authenticate", "/bin/sh [a-z]*"), "", ""},
		{"an expression", free + rule("root", "", "", "^/bin/.*$"), doubt, ""},
		{"a digest", free + rule("root", "", "", "sha224:abc /bin/sh"), doubt, ""},
		{"members of a group", free + rule("%adm", "", "", "ALL"), doubt, ""},
		{"with a group", free + rule("root", "mail", "", "ALL"), "", asks + "(root : mail) ALL"},
		{"negated", free + rule("root", "", "", "!/bin/sh"), "", `sudo does not let deploy run "/bin/sh restart sidekiq" as root: denied by a later rule in /etc/sudoers.d/x: (root) !/bin/sh`},
		{"a class that is right, then one that is not", rule("root", "", "", "/bin/sh") + rule("root", "", "!authenticate", "/bin/sh [a-z]*"), doubt, ""},
		{"another name of the program", rule("root", "", "!authenticate", "/proc/self/root/bin/sh.link"), "", `sudo does not let deploy run "/bin/sh restart sidekiq" as root: it lists no rule for that`},
		{"nothing", "", "", `sudo does not let deploy run "/bin/sh restart sidekiq" as root: it lists no rule for that`},
	} {
		t.Run(c.name, func(t *testing.T) {
			doubt, err := ParseListing(listed+c.listing, false).CheckPassword(restart)
			if c.doubt != "" {
				require.Contains(t, doubt, c.doubt[:60])
			} else {
				require.Empty(t, doubt)
			}
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, c.err)
			}
		})
	}
}

func TestListing_PasswordRequired(t *testing.T) {
	c := restart
	c.NoPassword = false
	_, err := ParseListing(listed+rule("root", "", "authenticate", "ALL"), false).CheckPassword(c)
	require.NoError(t, err)
	complaint := "/etc/sudoers.d/x:2:18: 'authenticate' cannot be used in a boolean context\nDefaults:deploy !authenticate\n"
	_, err = ParseListing(complaint+listed+rule("root", "", "", "ALL"), false).CheckPassword(c)
	require.NoError(t, err)
	trusting := "Matching Defaults entries for deploy on host:\n    env_reset, !authenticate\n\n"
	_, err = ParseListing(trusting+rule("root", "", "", "ALL"), false).CheckPassword(c)
	require.EqualError(t, err, `sudo lets deploy run "/bin/sh restart sidekiq" as root without asking for a password, because of a later rule in /etc/sudoers.d/x: (root) ALL`)
}

func TestListing_DefaultsForCommands(t *testing.T) {
	specific := "Runas and Command-specific defaults for deploy:\n    Defaults!/bin/sh !authenticate\n"
	doubt, err := ParseListing(specific+rule("root", "", "", "ALL"), false).CheckPassword(restart)
	require.NoError(t, err)
	require.Contains(t, doubt, "cannot tell whether")
	doubt, err = ParseListing(specific+rule("root", "", "!authenticate", "ALL"), false).CheckPassword(restart)
	require.NoError(t, err)
	require.Empty(t, doubt)
}

func TestListing_Groups(t *testing.T) {
	c := Call{User: "deploy", RunasGroup: "ops", Argv: []string{"/bin/sh"}, NoPassword: true}
	for _, users := range []string{"deploy", "root"} { // sudo-rs lists root
		doubt, err := ParseListing(rule(users, "adm, ops", "!authenticate", "/bin/sh")+rule("root", "", "authenticate", "ALL"), false).CheckPassword(c)
		require.NoError(t, err)
		require.Empty(t, doubt)
	}
}

// For a rule with only groups sudo lists the user itself, sudo-rs lists root.
func TestCheckPassword_UserAndGroup(t *testing.T) {
	c := Call{User: "deploy", Runas: "backup", RunasID: "#34", RunasGroup: "ops", RunasGroupID: "#27", Argv: []string{"/bin/sh"}, NoPassword: true}
	asRoot, asSelf := c, c
	asRoot.Runas, asRoot.RunasID, asSelf.Runas, asSelf.RunasID = "root", "#0", "deploy", "#1000"
	free := rule("ALL", "ALL", "!authenticate", "ALL")
	for _, test := range []struct {
		name, listing string
		call          Call
		rs            bool
		want          string
	}{
		{"both", rule("backup", "ops", "!authenticate", "/bin/sh"), c, false, ""},
		{"by id", rule("#34", "adm, #27", "!authenticate", "/bin/sh"), c, false, ""},
		{"with a password", free + rule("backup", "ops", "", "ALL"), c, false, "asks for a password, because of a later rule in /etc/sudoers.d/x: (backup : ops) ALL"},
		{"the user alone", rule("backup", "", "!authenticate", "ALL"), c, false, "lists no rule"},
		{"another group", free + rule("backup", "adm", "", "ALL"), c, false, ""},
		{"another user", free + rule("root", "ops", "", "ALL"), c, false, ""},
		{"the group alone", free + rule("deploy", "ops", "", "ALL"), asSelf, false, "doubt"},
		{"root", free + rule("root", "ops", "", "ALL"), asRoot, false, "asks for a password"},
		{"root, or the group alone", free + rule("root", "ops", "", "ALL"), asRoot, true, "doubt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := ParseListing(test.listing, test.rs)
			doubt, err := l.CheckPassword(test.call)
			switch test.want {
			case "":
				require.NoError(t, err)
				require.Empty(t, doubt)
			case "doubt":
				require.NoError(t, err)
				require.NotEmpty(t, doubt)
			default:
				require.ErrorContains(t, err, test.want)
				require.ErrorContains(t, err, `run "/bin/sh" as `+test.call.Runas+` with group ops`)
			}
		})
	}
}

// As sudo 1.8.21 (parse.c, print_member_int), 1.9.5, 1.9.13 and sudo-rs 0.2.5 list one name each.
func TestCheckPassword_ListedNames(t *testing.T) {
	for name, listed := range map[string][]string{
		"domain users": {"domain users", `"domain users"`}, `CORP\deploy`: {`CORP\deploy`, `CORP\\deploy`}, "a,b": {"a,b", `a\,b`}, "a=b": {"a=b", `a\=b`},
		"a#b": {"a#b", `a\#b`}, `a"b`: {`a"b`, `a\"b`}, "a(b)": {"a(b)"}, "Sales, EMEA": {`"Sales, EMEA"`}, "Deploy": {"Deploy"}, "jösé": {"jösé"},
	} {
		for _, item := range listed {
			for _, list := range []string{item, "x, " + item, item + ", x", "x, " + item + ", y"} {
				c := Call{User: "deploy", Runas: name, Argv: []string{"/bin/sh"}, NoPassword: true}
				_, err := ParseListing(rule(list, "", "!authenticate", "ALL"), false).CheckPassword(c)
				require.NoError(t, err, list)
				c.Runas, c.RunasGroup = "", name
				_, err = ParseListing(rule("deploy", list, "!authenticate", "ALL"), false).CheckPassword(c)
				require.NoError(t, err, list)
				for _, other := range []string{name + "x", "x" + name, strings.ToUpper(name), name[:1]} {
					c.RunasGroup = other
					_, err = ParseListing(rule("deploy", list, "!authenticate", "ALL"), false).CheckPassword(c)
					require.Error(t, err, "%s in %s", other, list)
				}
			}
		}
	}
}

func TestListing_SudoRs(t *testing.T) {
	for _, command := range []string{"/bin/sh *", "/bin/s*", "/usr/bin/*"} {
		l := ParseListing(rule("root", "", "", command), true)
		doubt, err := l.CheckPassword(restart)
		require.NoError(t, err)
		require.Contains(t, doubt, "cannot tell whether", command)
	}
}

func TestCommand_Systemctl(t *testing.T) {
	for text, want := range map[string]Systemctl{
		"/bin/systemctl":                                      {},
		"/bin/systemctl restart sidekiq":                      {Verb: "restart", Names: []string{"sidekiq"}, at: []int{1}},
		"/usr/bin/systemctl --no-block -qf stop a b":          {Options: []Option{{Name: "--no-block"}, {Name: "-q"}, {Name: "-f"}}, Verb: "stop", Names: []string{"a", "b"}, at: []int{3, 4}},
		"/bin/systemctl kill -s TSTP sidekiq":                 {Options: []Option{{"-s", "TSTP"}}, Verb: "kill", Names: []string{"sidekiq"}, at: []int{3}},
		"/bin/systemctl kill -qsTSTP sidekiq":                 {Options: []Option{{"-q", ""}, {"-s", "TSTP"}}, Verb: "kill", Names: []string{"sidekiq"}, at: []int{2}},
		"/bin/systemctl kill sidekiq --sig TSTP -- -x -":      {Options: []Option{{"--sig", "TSTP"}}, Verb: "kill", Names: []string{"sidekiq", "-x", "-"}, at: []int{1, 5, 6}},
		"/bin/systemctl stop -- a -- -b":                      {Verb: "stop", Names: []string{"a", "--", "-b"}, at: []int{2, 3, 4}},
		"/opt/systemctl -qH host status":                      {Options: []Option{{"-q", ""}, {"-H", "host"}}, Verb: "status"},
		"/bin/systemctl kill --kill-who=main -s TSTP sidekiq": {Options: []Option{{"--kill-who", "main"}, {"-s", "TSTP"}}, Verb: "kill", Names: []string{"sidekiq"}, at: []int{4}},
	} {
		c, err := ParseExact(text)
		require.NoError(t, err)
		got, ok := c.Systemctl()
		require.True(t, ok)
		require.Equal(t, want, got, text)
	}
	c, err := ParseExact("/usr/sbin/service sidekiq restart")
	require.NoError(t, err)
	_, ok := c.Systemctl()
	require.False(t, ok)
}

func TestCommand_Expanded(t *testing.T) {
	const twice = "/bin/systemctl kill -s TSTP TSTP"
	for text, want := range map[string][]string{
		"/bin/systemctl restart sidekiq":                  {"/bin/systemctl restart sidekiq", "/bin/systemctl restart sidekiq.service"},
		"/bin/systemctl restart sidekiq.service":          {"/bin/systemctl restart sidekiq", "/bin/systemctl restart sidekiq.service"},
		"/bin/systemctl start a.socket b":                 {"/bin/systemctl start a.socket b", "/bin/systemctl start a.socket b.service"},
		"/bin/systemctl start a.timer":                    {"/bin/systemctl start a.timer"},
		"/bin/systemctl enable /etc/x.service":            {"/bin/systemctl enable /etc/x.service"},
		"/bin/systemctl start sidekiq@1.0":                {"/bin/systemctl start sidekiq@1.0", "/bin/systemctl start sidekiq@1.0.service"},
		"/bin/systemctl set-default x":                    {"/bin/systemctl set-default x"},
		"/bin/systemctl start reboot.target.service":      {"/bin/systemctl start reboot.target.service"},
		"/bin/systemctl start a.socket.service b.service": {"/bin/systemctl start a.socket.service b", "/bin/systemctl start a.socket.service b.service"},
		"/bin/systemctl start a.service.service":          {"/bin/systemctl start a.service.service"},
		"/bin/systemctl start a@b.service":                {"/bin/systemctl start a@b", "/bin/systemctl start a@b.service"},
		"/bin/systemctl start a@b.mount.service":          {"/bin/systemctl start a@b.mount.service"},
		"/bin/systemctl start .service":                   {"/bin/systemctl start .service", "/bin/systemctl start .service.service"},
		"/bin/systemctl daemon-reload":                    {"/bin/systemctl daemon-reload"},
		"/opt/backup sidekiq":                             {"/opt/backup sidekiq"},
		twice:                                             {twice, twice + ".service"},
	} {
		c, err := ParseExact(text)
		require.NoError(t, err)
		var got []string
		for _, e := range c.Expanded() {
			got = append(got, e.String())
		}
		require.Equal(t, want, got)
	}
}

// All spellings of a unit are completed to the same name, as systemd-escape(1) does with the code of systemctl.
func TestCommand_ExpandedNamesSameUnits(t *testing.T) {
	escape := oracle(t, "/usr/bin/systemd-escape", "/bin/systemd-escape")
	random := rand.New(rand.NewPCG(7, 8))
	var spellings, names []string
	refused := map[string]bool{}
	for range testenv.Rounds(500) {
		unit := text(random, 0, 2, "a@.")
		for range random.IntN(4) {
			unit += append(suffixes, "", ".x")[random.IntN(len(suffixes)+2)]
		}
		c, err := ParseExact("/bin/systemctl start " + unit)
		if err != nil {
			require.Empty(t, unit)
			continue
		}
		for _, e := range c.Expanded() {
			require.Len(t, e.args, 2, "%q", e)
			require.NotEmpty(t, e.args[1])
			if strings.HasPrefix(unit, "@") {
				refused[e.args[1]] = true
				continue
			}
			spellings, names = append(spellings, e.args[1]), append(names, Qualified(unit))
		}
	}
	out, err := exec.Command(escape, append([]string{"--mangle", "--"}, spellings...)...).Output()
	require.NoError(t, err)
	require.Equal(t, names, strings.Fields(string(out)), "%q", spellings)
	for spelling := range refused {
		require.Error(t, exec.Command(escape, "--mangle", "--", spelling).Run(), "%q is no unit", spelling)
	}
}

func TestCommand_Placed(t *testing.T) {
	c, err := ParseExact("/usr/bin/systemctl restart sidekiq")
	require.NoError(t, err)
	require.Equal(t, []Command{c}, c.Placed(nil))
	var got []string
	for _, placed := range c.Placed([]string{"/bin/systemctl", "/usr/bin/systemctl"}) {
		got = append(got, placed.String())
	}
	require.Equal(t, []string{"/bin/systemctl restart sidekiq", "/usr/bin/systemctl restart sidekiq"}, got)
	other, err := ParseExact("/opt/systemctl restart sidekiq")
	require.NoError(t, err)
	require.Equal(t, []Command{other}, other.Placed([]string{"/bin/systemctl"}))
}

func TestFile_Losses(t *testing.T) {
	f := parse(t, request(), Request{
		Users: []string{"deploy", "%ops"}, Hosts: []string{"web1"}, Runas: []string{"backup", "ALL"},
		Commands: []string{"/opt/backup", "/opt/note a,b c:d"}, NoPassword: false,
	})
	for line, lost := range map[string][]string{
		"deploy ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq":                               nil,
		"deploy ALL=(ALL) NOPASSWD: /bin/systemctl restart sidekiq":                                nil,
		"deploy ALL = (ALL:ALL) NOPASSWD: /bin/systemctl restart sidekiq":                          {"/bin/systemctl restart sidekiq"},
		"deploy  ALL=NOPASSWD:/usr/bin/systemctl restart sidekiq":                                  nil,
		"deploy web7=(root) PASSWD: /bin/systemctl restart \\\n  sidekiq":                          nil,
		"deploy ALL=(backup) NOPASSWD: /bin/systemctl restart sidekiq":                             {"/bin/systemctl restart sidekiq"},
		"deploy ALL=(root) NOPASSWD: SETENV: /bin/systemctl restart sidekiq":                       {"/bin/systemctl restart sidekiq"},
		"deploy ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq.service":                       {"/bin/systemctl restart sidekiq.service"},
		"deploy ALL=(root) NOPASSWD: /bin/systemctl":                                               {"/bin/systemctl"},
		"ops ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq":                                  {"/bin/systemctl restart sidekiq"},
		"deploy, %ops web1=(postgres) /opt/backup now, PASSWD: /opt/note a\\,b c\\:d":              nil,
		"deploy, %ops ALL=/opt/backup":                                                             {"/opt/backup", "/opt/backup"},
		"%ops web1=NOPASSWD: /opt/backup":                                                          {"/opt/backup"},
		"deploy ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq, PASSWD: /bin/x, NOPASSWD: /y": {"/bin/x", "/y"},
		"Defaults:deploy !requiretty":                                                              {},
		"Defaults env_keep=FOO":                                                                    {},
		"Cmnd_Alias X = /bin/true":                                                                 {},
		"#include /etc/x":                                                                          {},
		"@includedir /etc/x":                                                                       {},
		"#1000 ALL=(root) /bin/x":                                                                  {"/bin/x"},
		"deploy ALL=NOPASSWD:/bin/systemctl restart sidekiq # by hand":                             nil,
		"deploy, #1000 ALL=/bin/x \\#1":                                                            {"/bin/x #1", "/bin/x #1"},
		"# a comment":                                                                              nil,
		"#":                                                                                        nil,
		"":                                                                                         nil,
		"nonsense":                                                                                 {},
	} {
		losses := f.Losses(line)
		if lost == nil {
			require.Empty(t, losses, line)
			continue
		}
		require.Len(t, losses, 1, line)
		require.Equal(t, lost, append([]string{}, losses[0].Grants...), line)
	}
}

func TestLosses_NamesInQuotesAndWithEscapes(t *testing.T) {
	f := parse(t, Request{
		Users: []string{`CORP\deploy`, "deploy@corp.example", "Deploy", "DEPLOY"}, Groups: []string{"domain users", "a,b"}, Hosts: []string{"ALL"},
		Runas: []string{"backup:ops", "domain user", "a(b)"}, RunasGroups: []string{"adm"}, Commands: []string{"/opt/x"}, NoPassword: true,
	})
	for line, isCovered := range map[string]bool{
		`"CORP\deploy" ALL=("domain user") /opt/x`:                                         true,
		`CORP\\deploy, "deploy@corp.example" , %domain\ users ALL = (domain\ user) /opt/x`: true,
		`"%domain users", %a\,b ALL=(a\(b\)) NOPASSWD: /opt/x`:                             true,
		`Deploy, "DEPLOY" ALL=(backup:ops) /opt/x`:                                         true,
		`Deploy ALL=(backup : ops) /opt/x, (:adm) /opt/x`:                                  true,
		`Deploy ALL=(backup, backup : ops) /opt/x`:                                         true,
		`"domain users" ALL=(domain\ user) /opt/x`:                                         false,
		`CORP\deploy ALL=(domain\ user) /opt/x`:                                            false,
		`\%domain\ users ALL=(domain\ user) /opt/x`:                                        false,
		`\x44eploy ALL=(domain\ user) /opt/x`:                                              false,
		`"deploy ALL=(domain\ user) /opt/x`:                                                false,
		`Deploy ALL=(domain user) /opt/x`:                                                  false,
		`Deploy ALL=(backup) /opt/x`:                                                       true,
		`Deploy ALL=(ops) /opt/x`:                                                          false,
		`Deploy ALL=(:ops) /opt/x`:                                                         false,
		`Deploy ALL=(adm) /opt/x`:                                                          false,
		`Deploy ALL=(backup:adm) /opt/x`:                                                   false,
		`Deploy ALL=() /opt/x`:                                                             false,
		`Deploy ALL=(domain\ user) /opt/x, /opt/y`:                                         false,
	} {
		require.Equal(t, isCovered, len(f.Losses(line)) == 0, line)
	}
}
