package sudoers

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// request is a rule that is fine; tests change one thing.
func request() Request {
	return Request{
		Users: []string{"deploy"}, Hosts: []string{"ALL"}, Runas: []string{"root"},
		Commands: []string{"/bin/systemctl restart sidekiq"}, NoPassword: true,
	}
}

func parse(t *testing.T, requests ...Request) File {
	t.Helper()
	f := File{Name: FileName{"10-workers"}}
	for _, q := range requests {
		r, err := ParseRule(q)
		require.NoError(t, err)
		f.Rules = append(f.Rules, r)
	}
	return f
}

// body is the text below the header.
func body(f File, d Dialect) string {
	_, text, _ := strings.Cut(f.Text(d), "\n")
	return text
}

func TestFileHasOneCompleteLineForEachCommand(t *testing.T) {
	f := parse(t,
		Request{
			Users: []string{"deploy", "#1000"}, Groups: []string{"ops", "#27"}, Hosts: []string{"ALL"}, Runas: []string{"root"},
			Commands: []string{"/bin/systemctl restart sidekiq", "/bin/systemctl kill --kill-who=main -s TSTP sidekiq"}, NoPassword: true,
		},
		Request{
			Groups: []string{"admin"}, Hosts: []string{"web1", "web2.example.org"}, Runas: []string{"ALL"},
			Commands: []string{`/opt/backup ""`, "/opt/note at 12:30, #1"},
		},
	)
	require.Equal(t, `deploy, #1000, %ops, %#27 ALL=(root) NOPASSWD: /bin/systemctl restart sidekiq
deploy, #1000, %ops, %#27 ALL=(root) NOPASSWD: /bin/systemctl kill --kill-who=main -s TSTP sidekiq
%admin web1, web2.example.org=(ALL) PASSWD: /opt/backup ""
%admin web1, web2.example.org=(ALL) PASSWD: /opt/note at 12\:30\, \#1
`, body(f, Dialect{}))
}

func TestFileWithoutRulesIsAComment(t *testing.T) {
	require.Equal(t, "# Managed by Ansible (sudoers_entry), sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", File{}.Text(Dialect{}))
}

func TestFaultNamesItsField(t *testing.T) {
	for field, change := range map[string]func(*Request){
		"users":    func(q *Request) { q.Users = []string{"deploy", "ALL"} },
		"groups":   func(q *Request) { q.Groups = []string{"a:b"} },
		"hosts":    func(q *Request) { q.Hosts = []string{"10.0.0.1"} },
		"runas":    func(q *Request) { q.Runas = []string{"!root"} },
		"commands": func(q *Request) { q.Commands = append(q.Commands, "sh") },
	} {
		q := request()
		change(&q)
		_, err := ParseRule(q)
		var fault *FieldError
		require.ErrorAs(t, err, &fault)
		require.Equal(t, field, fault.Field)
		require.Equal(t, field+": "+fault.Err.Error(), err.Error())
		require.ErrorAs(t, err, new(*Refusal))
	}
}

func TestAllFaultsOfARuleAreTold(t *testing.T) {
	q := request()
	q.Users, q.Commands = []string{"!a", "deploy", "!b"}, []string{"sh"}
	_, err := ParseRule(q)
	require.EqualError(t, err, `users: "!a" is a negation, which is easy to bypass; hint: name those who may`+"\n"+
		`users: "!b" is a negation, which is easy to bypass; hint: name those who may`+"\n"+
		`commands: command "sh" has no clean absolute path; hint: start it with a path such as /bin/systemctl, without any . or .. in it`)
}

func TestTagsAndGroupsStandInTheRule(t *testing.T) {
	q := request()
	q.Runas, q.RunasGroups, q.SetEnv, q.NoExec = nil, []string{"ops", "#27", "%adm"}, true, true
	require.Equal(t, "deploy ALL=(:ops, #27, adm) NOPASSWD: SETENV: NOEXEC: /bin/systemctl restart sidekiq\n", body(parse(t, q), Dialect{}))
}

// A list of both would allow more: each of the groups with each of the users, and the groups alone with sudo before 1.9.15.
func TestLines_OneForEachTarget(t *testing.T) {
	q := request()
	q.Runas, q.RunasGroups = []string{"backup:ops", "root", "#34", "Deploy:#27"}, []string{"adm", "OPS"}
	q.Commands = append(q.Commands, "/opt/x a")
	require.Equal(t, `deploy ALL=(root, #34) NOPASSWD: /bin/systemctl restart sidekiq
deploy ALL=(root, #34) NOPASSWD: /opt/x a
deploy ALL=(:adm, "OPS") NOPASSWD: /bin/systemctl restart sidekiq
deploy ALL=(:adm, "OPS") NOPASSWD: /opt/x a
deploy ALL=(backup : ops) NOPASSWD: /bin/systemctl restart sidekiq
deploy ALL=(backup : ops) NOPASSWD: /opt/x a
deploy ALL=(Deploy : #27) NOPASSWD: /bin/systemctl restart sidekiq
deploy ALL=(Deploy : #27) NOPASSWD: /opt/x a
`, body(parse(t, q), Dialect{}))
}

func TestEqualsSignsAreEscapedWhereSudoRsWantsIt(t *testing.T) {
	q := request()
	q.Commands = []string{"/opt/x a=b,c"}
	require.Equal(t, "deploy ALL=(root) NOPASSWD: /opt/x a\\=b\\,c\n", body(parse(t, q), Dialect{EscapeEquals: true}))
	require.Equal(t, "deploy ALL=(root) NOPASSWD: /opt/x a=b\\,c\n", body(parse(t, q), Dialect{}))
}

func TestSettingsAreLimitedToTheCommandsOfTheFile(t *testing.T) {
	q := request()
	q.Commands = []string{"/opt/x a=b,c", `/opt/y ""`, `/opt/y ""`}
	f := parse(t, q, request())
	for _, s := range []string{"timestamp_timeout=0", "!lecture", "secure_path=/usr/sbin:/opt/a-b_c.d/e@f+g", "secure_path=/bin", "env_keep+=A B"} {
		setting, err := ParseSetting(s)
		require.NoError(t, err)
		f.Settings = append(f.Settings, setting)
	}
	require.NoError(t, f.CheckSettings())
	require.Equal(t, `Cmnd_Alias FILE_10_WORKERS = /opt/x a=b\,c, /opt/y "", /bin/systemctl restart sidekiq
Defaults!FILE_10_WORKERS timestamp_timeout=0
Defaults!FILE_10_WORKERS !lecture
Defaults!FILE_10_WORKERS secure_path="/usr/sbin:/opt/a-b_c.d/e@f+g"
Defaults!FILE_10_WORKERS secure_path="/bin"
Defaults!FILE_10_WORKERS env_keep+="A B"
`, strings.SplitAfter(body(f, Dialect{}), "B\"\n")[0])

	q.Commands = []string{"ALL"}
	f.Rules = parse(t, q).Rules
	require.EqualError(t, f.CheckSettings(), `defaults: apply to single commands, but ALL is granted; hint: name the commands`)
	q.Commands = nil
	for i := range 128 {
		q.Commands = append(q.Commands, fmt.Sprintf("/opt/x%d", i))
	}
	f.Rules = parse(t, q).Rules
	require.EqualError(t, f.CheckSettings(), `defaults: 128 commands are too many for sudo-rs; accepted: up to 127; hint: use several files`)
}

func TestParseSetting_RefusesPaths(t *testing.T) {
	for _, value := range []string{
		"", "bin", ".", "/bin:", ":/bin", "/bin::/usr/bin", "/", "/bin/", "/bin:../x", "/bin/../x", "/./bin", "//bin", "/bin:~", "/bin:$HOME/bin", "/a b", `/a"b`, `/a\b`, "/a,b",
		"/a=b", "/a#b", "/a\n", "/é",
	} {
		_, err := ParseSetting("secure_path=" + value)
		require.Error(t, err, value)
	}
	for _, s := range []string{"secure_path", "!secure_path", "secure_path+=/bin", "secure_path-=/bin"} {
		_, err := ParseSetting(s)
		require.EqualError(t, err, fmt.Sprintf("%q does not fit the setting; accepted: secure_path=DIR:DIR, with clean absolute paths", s))
	}
}

func TestAlias_DiffersForEveryName(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a-b", "a_b", "A-b", "a-B", "A_B", "A-B", "a--b", "a_-b", "a-_b", "_a", "-a", "0", strings.Repeat("A", 200)} {
		alias := FileName{name}.alias()
		require.Regexp(t, `^[A-Z][A-Z0-9_]{0,254}$`, alias)
		require.Empty(t, seen[alias], "%s has the alias of %s", name, seen[alias])
		seen[alias] = name
	}
	require.Equal(t, "FILE_10_WORKERS", FileName{"10-workers"}.alias())
}

func TestFileIsOursUntilSomebodyChangesIt(t *testing.T) {
	text := parse(t, request()).Text(Dialect{})
	require.True(t, IsOurs(text))
	for _, changed := range []string{
		"", text + "deploy ALL=(root) /bin/true\n", strings.Replace(text, "restart", "stop", 1), body(parse(t, request()), Dialect{}), "\n" + text,
		strings.Replace(text, "sha256 ", "sha256 0", 1), strings.TrimSuffix(text, "\n"),
	} {
		require.False(t, IsOurs(changed), changed)
	}
}

func TestListsAreNeitherEmptyNorTooLongForSudoRs(t *testing.T) {
	var names []string
	for i := range 128 {
		names = append(names, fmt.Sprintf("u%d", i))
	}
	for _, c := range []struct {
		field, wanted string
		set           func(*Request, []string)
	}{
		{"users", "user or group", func(q *Request, l []string) { q.Users = l }},
		{"hosts", "host, or ALL", func(q *Request, l []string) { q.Hosts = l }},
		{"runas", "account", func(q *Request, l []string) { q.Runas = l }},
	} {
		q := request()
		c.set(&q, nil)
		_, err := ParseRule(q)
		require.EqualError(t, err, c.field+": is empty; hint: name at least one "+c.wanted)
		c.set(&q, names[:127])
		parse(t, q)
		c.set(&q, names)
		_, err = ParseRule(q)
		require.EqualError(t, err, c.field+": 128 are too many for sudo-rs; accepted: up to 127; hint: use a group or several rules")
	}
	q := request()
	q.Commands = nil
	_, err := ParseRule(q)
	require.EqualError(t, err, "commands: is empty; hint: name at least one command")
}

func TestRuleHoldsEverywhereWithAllAmongItsHosts(t *testing.T) {
	q := request()
	require.True(t, parse(t, q).Rules[0].Everywhere())
	q.Hosts = []string{"web1", "ALL"}
	require.True(t, parse(t, q).Rules[0].Everywhere())
	q.Hosts = []string{"web1"}
	require.False(t, parse(t, q).Rules[0].Everywhere())
}

// What sudo 1.8.21, which cannot be installed beside the others, is known to read: each construct was tried on Ubuntu 18.04, names with escapes
// with a visudo 1.8.21p2 built from source. Whatever is
// written has these alone, and a last newline, without which that sudo stops working for everybody.
func TestNothingIsWrittenThatSudo18DoesNotRead(t *testing.T) {
	const name = `[a-z0-9][a-z0-9_.-]*`
	const special = `\\[ -/:-@[-` + "`" + `{-~]`
	const escaped = `(` + special + `|[\p{L}\p{M}\p{Nd}._$-])(` + special + `|[\p{L}\p{M}\p{Nd}._$@-])*`
	const account = `(%?` + escaped + `|"[A-Za-z0-9_.]+"|%?#[0-9]+)`
	const list = `%[1]s(, %[1]s)*`
	const command = `(ALL|/(\\[,:#]|[A-Za-z0-9_./+@=%%*?[\]-])*( (\\[,:#]|[A-Za-z0-9_./+@=%%*?[\]-])+)*( "")?)`
	known := regexp.MustCompile(`\A# Managed by Ansible \(sudoers_entry\), sha256 [0-9a-f]{64}\n` +
		`(Cmnd_Alias FILE[0-9A-F]{8}_ = ` + fmt.Sprintf(list, command) + `\n(Defaults!FILE[0-9A-F]{8}_ (!?[a-z_]+|[a-z_]+=[0-9]+|secure_path="[/A-Za-z0-9_.+@:-]+"|[a-z_]+[+-]=(\w+|"[\w ]+"))\n)+)?` +
		`(` + fmt.Sprintf(list, account) + ` ` + fmt.Sprintf(list, `(`+name+`|ALL)`) + `=\((` + fmt.Sprintf(list, `(`+account+`|ALL)`) + `)?( ?: ?` + fmt.Sprintf(list, `(`+account+`|ALL)`) + `)?\)` +
		` (NO)?PASSWD: (SETENV: )?(NOEXEC: )?` + command + `\n)*\z`)
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		if c := randomCandidate(random); c.parse() {
			require.Regexp(t, known, c.file.Text(Dialect{}))
		}
	}
}
