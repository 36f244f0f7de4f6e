package sudoers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFileNamesThatSudoWouldSkipAreRefused(t *testing.T) {
	const accepted = "; accepted: up to 200 of a-z A-Z 0-9 _ -, not starting with -"
	const skipped = " has a dot or ends in ~: sudo ignores such files" + accepted
	for name, want := range map[string]string{
		"sidekiq": "", "sidekiq-restart-users": "", "10_Ops": "", "_x": "", strings.Repeat("a", 200): "",
		"deploy.conf": skipped, ".hidden": skipped, "..": skipped, "../sudoers": skipped, "sidekiq~": skipped,
		"": " is not accepted" + accepted, "a/b": " is not accepted" + accepted, "-x": " is not accepted" + accepted,
		"a b": " is not accepted" + accepted, "a\n": " is not accepted" + accepted, "é": " is not accepted" + accepted,
		strings.Repeat("a", 201): " is not accepted" + accepted,
	} {
		f, err := ParseFileName(name)
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, name, f.String())
			continue
		}
		require.EqualError(t, err, fmt.Sprintf("file name %q%s", name, want))
		require.Equal(t, FileName{}, f)
	}
}

// accountNames are real ones, as they stand in sudoers. What sudo and sudo-rs do with them, the scenario sudo shows.
var accountNames = map[string]string{
	"deploy": "deploy", "first.last": "first.last", "a-b_c": "a-b_c", "0day": "0day", "Deploy": "Deploy", "deplOy": "deplOy", "_apt": "_apt",
	`CORP\deploy`: `CORP\\deploy`, `CORP\x41`: `CORP\\x41`, "deploy@corp.example": "deploy@corp.example", "domain users": `domain\ users`,
	"domain users@corp.example": `domain\ users@corp.example`, "host$": "host$", "O'Brien": `O\'Brien`, "a+b": `a\+b`, "a,b": `a\,b`, "a=b": `a\=b`,
	"a#b": `a\#b`, "a!b": `a\!b`, "a(b)": `a\(b\)`, "a/b*?[c]": `a\/b\*\?\[c\]`, `a"b`: `a\"b`, "@x": `\@x`, "jösé": "jösé", "дeploy": "дeploy",
	"DEPLOY": `"DEPLOY"`, "A_1": `"A_1"`, "10.0.0.1": `"10.0.0.1"`, "sudoedit": `"sudoedit"`, "sha224": `"sha224"`, "list": "list",
	"includedir": "includedir", "defaults": "defaults", "Defaults2": "Defaults2", strings.Repeat("a", 255): strings.Repeat("a", 255),
}

func TestParseUser(t *testing.T) {
	for s, text := range accountNames {
		u, err := ParseUser(s)
		require.NoError(t, err)
		require.Equal(t, []any{s, text, s, false, false}, []any{u.String(), u.text(), u.Key(), u.IsGroup(), u.IsID()})
		u, err = ParseUser("%" + s)
		require.NoError(t, err)
		require.Equal(t, []any{"%" + s, "%" + strings.Trim(text, `"`), s, true, false}, []any{u.String(), u.text(), u.Key(), u.IsGroup(), u.IsID()})
		r, err := ParseRunas(s + ":" + s)
		require.NoError(t, err)
		require.Equal(t, []any{s + ":" + s, text + " : " + text}, []any{r.String(), r.text()})
		g, err := ParseRunasGroup(s)
		require.NoError(t, err)
		require.Equal(t, []any{s, text}, []any{g.String(), g.text()})
	}
	for _, s := range []string{"#1000", "%#27", "#0", "#999999999", "#1000000000", "%#4294967294"} {
		u, err := ParseUser(s)
		require.NoError(t, err)
		require.Equal(t, []any{s, s, strings.Trim(s, "%#"), true}, []any{u.String(), u.text(), u.Key(), u.IsID()})
	}
	for _, s := range []string{"ops", "%ops"} {
		g, err := ParseGroup(s)
		require.NoError(t, err)
		require.Equal(t, "%ops", g.String())
	}
	u, err := ParseUser("%domain users")
	require.NoError(t, err)
	require.Equal(t, "%#27", u.WithID(27).String())
}

func TestParseUser_Refuses(t *testing.T) {
	const accepted = "; accepted: letters, digits, single characters that can be printed, and blanks between them"
	const number = "is not an id; accepted: # and a number up to 4294967294"
	const ends = "starts or ends with a blank, or ends in a backslash" + accepted
	const byID = "; hint: give the id of the account, with a # before it"
	starts := func(c string) string {
		return fmt.Sprintf("starts with %q, which means something else in sudoers", c) + byID
	}
	unseen := func(c string) string {
		return "has the character " + c + ", which cannot be seen or could pass for another" + accepted
	}
	for s, want := range map[string]string{
		"ALL":     "matches every user; hint: name users or groups",
		"!deploy": "is a negation, which is easy to bypass; hint: name those who may",
		"1000":    `is a number; hint: write an id as #NUMBER`,
		"%1000":   `is a number; hint: write an id as #NUMBER`,
		"":        "has no name", "%": "has no name", "%ALL": "has a meaning of its own in sudoers" + byID,
		"Defaults": "has a meaning of its own in sudoers" + byID, "User_Alias": "has a meaning of its own in sudoers" + byID, "Cmd_Alias": "has a meaning of its own in sudoers" + byID,
		"%%ops": starts("%"), "+netgroup": starts("+"), "-x": starts("-"), "%!x": starts("!"),
		"%:ops": "has a colon, which no account has (passwd(5))", "a:b": "has a colon, which no account has (passwd(5))",
		" a": ends, "a ": ends, `a\`: ends,
		"a\nb": unseen(`'\n'`), "a\n": unseen(`'\n'`), "\na": unseen(`'\n'`), "a\x00": unseen(`'\x00'`), "a\tb": unseen(`'\t'`), "a\x7f": unseen(`'\x7f'`),
		"a\u00a0b": unseen(`'\u00a0'`), "a\u202eb": unseen(`'\u202e'`), "a\u200bb": unseen(`'\u200b'`), "a\xff": unseen(`'�'`), "a\u2028b": unseen(`'\u2028'`),
		strings.Repeat("a", 256): "has 256 bytes; accepted: up to 255",
		"#-1":                    number, "#": number, "#1a": number, "#007": number, "#4294967295": number, "#4294967296": number, "%#x": number,
		"#99999999999999999999": number, "# 1": number, "#+1": number,
	} {
		u, err := ParseUser(s)
		require.EqualError(t, err, fmt.Sprintf("%q %s", s, want))
		require.Equal(t, User{}, u)
	}
	_, err := ParseUser(strings.Repeat("a", 255))
	require.NoError(t, err)
}

func TestHostsAreNamesOrAll(t *testing.T) {
	for _, s := range []string{"ALL", "web1", "web-1.example.org", "web_1", "1web", "cafe"} {
		h, err := ParseHost(s)
		require.NoError(t, err)
		require.Equal(t, s, h.String())
	}
	for _, s := range []string{"", "10.0.0.1", "10.0.0.0/8", "::1", "+hosts", "Web1", "WEB", "!web1", "a b", "a=b", "a\n", "*"} {
		_, err := ParseHost(s)
		require.ErrorContains(t, err, fmt.Sprintf("%q is no host name that every sudo reads the same; accepted: ALL, or", s))
	}
}

func TestParseRunas(t *testing.T) {
	for s, text := range map[string]string{
		"root": "root", "#0": "#0", "ALL": "ALL", "backup:ops": "backup : ops", "#34:#27": "#34 : #27", "ALL:ALL": "ALL : ALL", "backup:ALL": "backup : ALL",
		"ALL:ops": "ALL : ops", "backup:%ops": "backup : ops",
	} {
		r, err := ParseRunas(s)
		require.NoError(t, err)
		require.Equal(t, strings.Replace(s, "%", "", 1), r.String())
		require.Equal(t, text, r.text())
		require.Equal(t, strings.Contains(s, "ALL"), r.IsAll(), s)
	}
	for _, s := range []string{"%ops", "%ops:ops", "!root", "#-1", "", "root:", ":ops", ":", "a:b:c", "root:ops,adm:x", "root\n:ops", "root:ops\n"} {
		r, err := ParseRunas(s)
		require.Error(t, err, s)
		require.Equal(t, Runas{}, r)
	}
}

func TestCommandsAreEscapedAsEverySudoReadsThem(t *testing.T) {
	for s, text := range map[string]string{
		"/bin/systemctl restart sidekiq":                       "",
		"/bin/systemctl kill --kill-who=main -s TSTP sidekiq":  "",
		"/opt/x -o a=b =b a= sidekiq@1 +x 50%":                 "",
		"/opt/c++/a_b-c.d@e":                                   "",
		`/opt/x ""`:                                            "",
		"/opt/x":                                               "",
		"/opt/x a,b c:d e#f #g":                                `/opt/x a\,b c\:d e\#f \#g`,
		"/usr/sbin/service sidekiq restart 2020-01-01T00:00:0": `/usr/sbin/service sidekiq restart 2020-01-01T00\:00\:0`,
	} {
		c, err := ParseExact(s)
		require.NoError(t, err)
		if text == "" {
			text = s
		}
		require.Equal(t, s, c.String())
		require.Equal(t, text, c.text(Dialect{}))
		require.Equal(t, !strings.Contains(s, " "), c.TakesAnyArguments())
		require.Equal(t, strings.Split(strings.TrimSuffix(s, ` ""`), " "), c.Argv())
		require.Equal(t, c.Argv()[0], c.Path())
	}
}

func TestCommandsThatGrantMoreThanTheySayAreRefused(t *testing.T) {
	const control = "has a control character or one beyond ASCII, which could start a rule or pass for another"
	const blank = "has a leading, trailing or double space; accepted: single spaces between arguments"
	const relative = "has no clean absolute path; hint: start it with a path such as /bin/systemctl, without any . or .. in it"
	const script = "; hint: allow a script of your own instead, owned by root"
	const unknown = " has no spelling that every sudo reads the same way" + script
	const escape = " is taken for an escape, by each sudo in another way" + script
	const quoted = ` is taken as it is: an argument cannot contain a blank; only "" alone has a meaning, no arguments` + script
	const named = "; hint: write out what is needed"
	const wild = " is a wildcard: for sudo it matches blanks and options as well, for sudo-rs nothing" + named
	const every = "matches every command; hint: name the commands"
	const sudoedit = `is sudoedit, which is not supported: it lets a user write any text into the file, and sudo-rs before 0.2.8 does not know it; ` +
		`hint: let a group write the file, or allow a script that checks the text, owned by root`
	const directory = "matches every program in the directory; hint: name the programs"
	for s, want := range map[string]string{
		"":                              relative,
		"systemctl restart sidekiq":     relative,
		"./x":                           relative,
		"~/x":                           relative,
		"$HOME/x":                       relative,
		"/":                             relative,
		"/bin/":                         directory,
		"bin/":                          directory,
		"/usr/bin/sudoedit /etc/x":      sudoedit,
		"sudoedit":                      sudoedit,
		"/bin/../bin/sh":                relative,
		"//bin/sh":                      relative,
		"/bin/./sh":                     relative,
		"sudoedit /etc/x":               sudoedit,
		"sha256:abc= /bin/sh":           relative,
		"ALL":                           every,
		"ALL x":                         every,
		"!/bin/sh":                      "is a negation, which is easy to bypass; hint: name what may be run",
		"/opt/x\ndeploy ALL=(ALL) ALL":  control,
		"/opt/x\n":                      control,
		"/opt/x\ty":                     control,
		"/opt/x\x00":                    control,
		"/opt/x\r":                      control,
		"/opt/x a\u00a0b":               control,
		"/opt/x a\u2028b":               control,
		"/bin/systеmctl restart x":      control, // a Cyrillic е
		"/opt/x \xff":                   control,
		"/opt/x  y":                     blank,
		" /opt/x":                       blank,
		"/opt/x ":                       blank,
		"/bin/systemctl * sidekiq":      `is refused: '*' in "*"` + wild,
		"/bin/s* x":                     `is refused: '*' in "/bin/s*"` + wild,
		"/opt/x a?":                     `is refused: '?' in "a?" is a wildcard, for sudo-rs it matches nothing` + named,
		"/opt/x [ab]":                   `is refused: '[' in "[ab]" starts a wildcard` + named,
		"/opt/x ^a$":                    `is refused: '^' in "^a$" starts a regular expression` + script,
		`/opt/x a\,b`:                   `is refused: '\\' in "a\\,b"` + escape,
		`/opt/x a\`:                     `is refused: '\\' in "a\\"` + escape,
		`/opt/x 'a b'`:                  `is refused: '\'' in "'a" is taken as it is: an argument cannot contain a blank` + script,
		`/opt/x "a b"`:                  `is refused: '"' in "\"a"` + quoted,
		`/opt/x "" y`:                   `is refused: '"' in "\"\""` + quoted,
		`/opt/x y ""`:                   `is refused: '"' in "\"\""` + quoted,
		"/opt/x !y":                     `is refused: '!' in "!y" is a negation, which is easy to bypass` + script,
		"/opt/x ~/y":                    `is refused: '~' in "~/y" is not replaced by a home directory` + script,
		"/opt/x a;b":                    `is refused: ';' in "a;b"` + unknown,
		"/opt/x,/bin/sh":                `is refused: ',' in "/opt/x,/bin/sh"` + unknown,
		"/opt/x=y":                      `is refused: '=' in "/opt/x=y"` + unknown,
		"/opt/x =":                      `has a = that stands alone in "=", which sudo cannot read`,
		"/opt/x a,=:b":                  `has a = that stands alone in "a,=:b", which sudo cannot read`,
		"/" + strings.Repeat("a", 1000): "has 1001 characters, too many for sudo-rs; accepted: up to 1000",
	} {
		c, err := ParseExact(s)
		require.EqualError(t, err, fmt.Sprintf("command %q %s", s, want))
		require.Equal(t, Command{}, c)
	}
}
