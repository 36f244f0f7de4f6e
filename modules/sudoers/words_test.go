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

func TestUsersAreWrittenAsTheyWereAskedFor(t *testing.T) {
	for _, s := range []string{"deploy", "%ops", "#1000", "%#27", "#0", "#999999999", "first.last", "a-b_c", "0day", strings.Repeat("a", 255)} {
		u, err := ParseUser(s)
		require.NoError(t, err)
		require.Equal(t, s, u.String())
		require.Equal(t, strings.HasPrefix(s, "%"), u.IsGroup())
		require.Equal(t, strings.Trim(s, "%#"), u.Key())
	}
	for _, s := range []string{"ops", "%ops"} {
		g, err := ParseGroup(s)
		require.NoError(t, err)
		require.Equal(t, "%ops", g.String())
	}
}

func TestUsersThatSudoAndSudoRsReadDifferentlyAreRefused(t *testing.T) {
	const name = "cannot be written so that every sudo reads the same name; accepted: a-z 0-9 _ . -, starting with a letter or digit; hint: give its id as "
	const number = "is no id; accepted: # and up to nine digits, as every sudo reads them"
	for s, want := range map[string]string{
		"ALL":       "would be everybody; hint: name users or groups",
		"!deploy":   "is a negation, which is easily got round; hint: name those who may",
		"Deploy":    name + `"#1000"`,
		"ADMINS":    name + `"#1000"`,
		"deplOy":    name + `"#1000"`,
		"%Ops":      name + `"%#1000"`,
		"_apt":      name + `"#1000"`,
		"1000":      name + `"#1000"`,
		"":          name + `"#1000"`,
		"%":         name + `"%#1000"`,
		"%%ops":     name + `"%#1000"`,
		"%:ops":     name + `"%#1000"`,
		"+netgroup": name + `"#1000"`,
		"-x":        name + `"#1000"`,
		"a b":       name + `"#1000"`,
		"a,b":       name + `"#1000"`,
		"a\nb":      name + `"#1000"`,
		"a\n":       name + `"#1000"`,
		"a=b":       name + `"#1000"`,
		"host$":     name + `"#1000"`,
		"a@b":       name + `"#1000"`,
		`d\u`:       name + `"#1000"`,
		`"deploy"`:  name + `"#1000"`,
		"dеploy":    name + `"#1000"`, // a Cyrillic е
		"#-1":       number, "#": number, "#1a": number, "#007": number, "#4294967295": number, "%#x": number,
	} {
		u, err := ParseUser(s)
		require.EqualError(t, err, fmt.Sprintf("%q %s", s, want))
		require.Equal(t, User{}, u)
	}
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

func TestRunasIsAnAccountOrAll(t *testing.T) {
	for _, s := range []string{"root", "#0", "ALL"} {
		r, err := ParseRunas(s)
		require.NoError(t, err)
		require.Equal(t, s, r.String())
		require.Equal(t, s == "ALL", r.IsAll())
	}
	for _, s := range []string{"%ops", "root:ops", "!root", "#-1", "", "all)"} {
		_, err := ParseRunas(s)
		require.ErrorContains(t, err, fmt.Sprintf("%q", s))
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
		c, err := ParseCommand(s, Wide{})
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
	const blank = "has a blank too many; accepted: single blanks between arguments"
	const relative = "has no clean absolute path; hint: start it with a path such as /bin/systemctl, without any . or .. in it"
	const script = "; hint: allow a script of your own instead, owned by root"
	const unknown = " cannot be written so that every sudo reads the same" + script
	const escape = " is taken for an escape, by each sudo in another way" + script
	const quoted = ` is taken as it is: an argument cannot contain a blank; only "" alone has a meaning, no arguments` + script
	const named = "; hint: write out what is needed"
	const wild = " is a wildcard: for sudo it matches blanks and options as well, for sudo-rs nothing" + named
	const every = "would be every command; hint: name the commands"
	const folder = "would be every program in that folder; hint: name the programs"
	for s, want := range map[string]string{
		"":                              relative,
		"systemctl restart sidekiq":     relative,
		"./x":                           relative,
		"~/x":                           relative,
		"$HOME/x":                       relative,
		"/":                             relative,
		"/bin/":                         folder,
		"bin/":                          folder,
		"/usr/bin/sudoedit /etc/x":      `is sudoedit, which sudo takes without a path and sudo-rs before 0.2.8 not at all` + script,
		"/bin/../bin/sh":                relative,
		"//bin/sh":                      relative,
		"/bin/./sh":                     relative,
		"sudoedit /etc/x":               relative,
		"sha256:abc= /bin/sh":           relative,
		"ALL":                           every,
		"ALL x":                         every,
		"!/bin/sh":                      "is a negation, which is easily got round; hint: name what may be run",
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
		"/opt/x !y":                     `is refused: '!' in "!y" is a negation, which is easily got round` + script,
		"/opt/x ~/y":                    `is refused: '~' in "~/y" is not replaced by a home directory` + script,
		"/opt/x a;b":                    `is refused: ';' in "a;b"` + unknown,
		"/opt/x,/bin/sh":                `is refused: ',' in "/opt/x,/bin/sh"` + unknown,
		"/opt/x=y":                      `is refused: '=' in "/opt/x=y"` + unknown,
		"/opt/x =":                      `has a = that stands alone in "=", which sudo cannot read`,
		"/opt/x a,=:b":                  `has a = that stands alone in "a,=:b", which sudo cannot read`,
		"/" + strings.Repeat("a", 1000): "has 1001 characters, too many for sudo-rs; accepted: up to 1000",
	} {
		c, err := ParseCommand(s, Wide{})
		require.EqualError(t, err, fmt.Sprintf("command %q %s", s, want))
		require.Equal(t, Command{}, c)
	}
}
