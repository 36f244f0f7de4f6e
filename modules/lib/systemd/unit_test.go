package systemd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestValue_Render(t *testing.T) {
	for _, c := range []struct {
		value Value
		want  string
	}{
		{Literal("yes"), "yes"},
		{Text("100% hyrax"), "100%% hyrax"},
		{Path("/opt/my app/cur%rent"), "/opt/my app/cur%%rent"},
		{Paths{"-/opt/my app/%", "/opt/app"}, `"-/opt/my app/%%" /opt/app`},
		{Assignment{"A", ""}, "A="},
		{Assignment{"A", "b"}, "A=b"},
		{Assignment{"A", "b c"}, `"A=b c"`},
		{Assignment{"A", `50% of $HOME "x" \n`}, `"A=50%% of $HOME \"x\" \\n"`},
		{Assignment{"A", "two\nlines\t"}, `"A=two\nlines\t"`},
		{Assignment{"A", "é;#'"}, `"A=é;#'"`},
		{Command{"/usr/bin/bundle", "exec", "sidekiq"}, "/usr/bin/bundle exec sidekiq"},
		{Command{"/bin/sh", "-c", "kill -s TSTP $MAINPID"}, `/bin/sh -c "kill -s TSTP $$MAINPID"`},
		{Command{"/bin/echo", "", ";", "a%b"}, `/bin/echo "" ";" a%%b`},
	} {
		got, err := c.value.render()
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestValue_RenderRefuses(t *testing.T) {
	for want, value := range map[string]Value{
		`"a\nExecStartPre=/bin/evil" holds the control character U+000A, which systemd does not accept`: Text("a\nExecStartPre=/bin/evil"),
		`"opt/x" is not an absolute path`:                                                               Path("opt/x"),
		`"/opt/../x" is not a clean path; hint: write "/x"`:                                             Path("/opt/../x"),
		`"/opt/x\\" starts or ends with a blank or ends with a backslash, which systemd would not keep`: Path(`/opt/x\`),
		`"/opt/x " starts or ends with a blank or ends with a backslash, which systemd would not keep`:  Path("/opt/x "),
		`"1A" is not a variable name; hint: letters, digits and _, not starting with a digit`:           Assignment{"1A", ""},
		`"" is not a variable name; hint: letters, digits and _, not starting with a digit`:             Assignment{"", ""},
		`the value of "A" holds the control character U+0000, which systemd does not accept`:            Assignment{"A", "secret\x00"},
		`the value of "A" is not UTF-8`:                                                                 Assignment{"A", "secret\xff"},
		`"data" is not an absolute path`:                                                                Paths{"-data"},
		`"bundle" is not an absolute path`:                                                              Command{"bundle"},
		`"a\nb" holds the control character U+000A, which systemd does not accept`:                      Command{"/bin/sh", "a\nb"},
	} {
		_, err := value.render()
		require.EqualError(t, err, want)
		u := NewUnit(MinVersion)
		u.Section("Service")
		u.Set("ExecStart", value)
		_, err = u.Text()
		require.EqualError(t, err, "ExecStart= of the unit: "+want)
	}
}

func TestUnit_TextOfVersion(t *testing.T) {
	for _, c := range []struct {
		version   int
		directive string
		value     Value
		want      string
	}{
		{237, "ProtectSystem", Literal("strict"), "ProtectSystem=strict\n"},
		{246, "ProtectProc", Literal("invisible"), ""},
		{247, "ProtectProc", Literal("invisible"), "ProtectProc=invisible\n"},
		{253, "RestartSteps", Literal("5"), ""},
		{254, "RestartSteps", Literal("5"), "RestartSteps=5\n"},
		{237, "SystemCallFilter", Literal("~@sandbox"), "SystemCallFilter=~@sandbox\n"},
		{237, "SystemCallFilter", Literal("@chown ioprio_set"), "SystemCallFilter=@chown ioprio_set\n"},
		{239, "SystemCallFilter", Literal("@system-service"), "SystemCallFilter=@system-service\n"},
		{240, "StandardOutput", Literal("append:/var/log/x"), "StandardOutput=append:/var/log/x\n"},
	} {
		u := NewUnit(c.version)
		u.Set(c.directive, c.value)
		text, err := u.Text()
		require.NoError(t, err)
		require.Equal(t, c.want, text)
	}
}

func TestUnit_RefusesDirective(t *testing.T) {
	for want, set := range map[string]func(*Unit){
		`SystemCallFilter= of the unit: an allow-list with "@system-service" does not load on systemd 238; hint: write a deny-list such as ~@obsolete`: func(u *Unit) { u.Set("SystemCallFilter", Literal("@system-service")) },
		`StandardOutput= of the unit: "append:" is known from systemd 240, this host has 238; hint: log to the journal`:                                func(u *Unit) { u.Set("StandardOutput", Literal("append:/x")) },
		`Nonsense= of the unit: it is not known since when systemd has it`:                                                                             func(u *Unit) { u.Set("Nonsense", Literal("1")) },
	} {
		u := NewUnit(238)
		set(u)
		_, err := u.Text()
		require.EqualError(t, err, want)
	}
}

func TestUnit_Text(t *testing.T) {
	u := NewUnit(257)
	u.Section("Unit")
	u.Comment("why")
	u.Set("Description", Text("x"))
	u.Section("Service")
	u.Set("Type", Literal("notify"))
	text, err := u.Text()
	require.NoError(t, err)
	require.Equal(t, "[Unit]\n# why\nDescription=x\n\n[Service]\nType=notify\n", text)
	u.Comment("two\nlines")
	_, err = u.Text()
	require.ErrorContains(t, err, `"two\nlines" holds the control character U+000A`)
}

func TestIsVariable(t *testing.T) {
	for _, name := range []string{"_", "a", "z", "A", "Z", "a0", "a9", "_A_1"} {
		require.True(t, isVariable(name), name)
	}
	for _, name := range []string{"", "0", "9a", "@", "[", "`", "{", "a/", "a:", "a-", "\u00e9"} {
		require.False(t, isVariable(name), name)
	}
}

func oddUnit(t *testing.T, dir string) string {
	t.Helper()
	u := NewUnit(257)
	u.Comment("for the tests")
	u.Section("Unit")
	u.Set("Description", Text("100% odd"))
	u.Set("ConditionPathIsDirectory", Path("/opt/my app"))
	u.Section("Service")
	u.Set("WorkingDirectory", Path(dir))
	u.Set("Environment", Assignment{"ODD", "50% of $HOME \"x\" \\n\ttwo\nlines é;#'"})
	u.Set("ExecStart", Command{"/bin/echo", "a b", "$HOME", "50%", ";", `"quoted"`, `back\slash`, ""})
	text, err := u.Text()
	require.NoError(t, err)
	return text
}

// systemd accepts the oddest unit without a message.
func TestVerify_Accepts(t *testing.T) {
	needAnalyze(t)
	text := oddUnit(t, t.TempDir())
	require.NoError(t, Verify(map[string]string{"odd.service": text}))
	require.ErrorContains(t, Verify(map[string]string{"odd.service": text + "Nonsense=1\n"}), `systemd does not know "Nonsense" in [Service]`)
	require.ErrorContains(t, Verify(map[string]string{"odd.service": text + "CPUWeight=lots\n"}), "systemd-analyze verify does not accept the unit: odd.service:1")
	require.ErrorContains(t, Verify(map[string]string{"odd.service": strings.ReplaceAll(text, "ExecStart=", "ExecStopPost=")}), "ExecStart=")
}

// Before the first deploy Ruby may not be installed.
func TestVerify_MissingProgram(t *testing.T) {
	needAnalyze(t)
	require.NoError(t, Verify(map[string]string{"odd.service": "[Service]\nExecStart=/nowhere/bundle\n"}))
}

// The message of systemd 237, 247 and 257.
func TestVerify_UnknownDirective(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for _, message := range []string{"Unknown lvalue 'Frob' in section 'Service'", "Unknown key name 'Frob' in section 'Service', ignoring.", "Unknown key 'Frob' in section [Service], ignoring."} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "systemd-analyze"), []byte("#!/bin/sh\necho \"$3:2: "+message+"\" >&2\n"), 0o700))
		var unknown *UnknownDirective
		require.ErrorAs(t, Verify(map[string]string{"x.service": ""}), &unknown, message)
		require.Equal(t, UnknownDirective{Name: "Frob", Section: "Service"}, *unknown)
	}
}

func needAnalyze(t *testing.T) {
	t.Helper()
	if _, err := lookPath("systemd-analyze"); err != nil {
		testenv.NotTested(t, err.Error())
	}
}

func FuzzAssignment_OneLine(f *testing.F) {
	f.Add("a b\nExecStart=/bin/evil")
	f.Add(`\" % $ ;`)
	f.Fuzz(func(t *testing.T, value string) {
		text, err := Assignment{"A", value}.render()
		if err != nil {
			return
		}
		require.NotContains(t, text, "\n")
		require.Equal(t, "A="+value, readQuoted(t, text))
	})
}

// readQuoted reads one word as systemd's extract_first_word does with quotes, C escapes and specifiers.
func readQuoted(t *testing.T, word string) string {
	t.Helper()
	if len(word) > 1 && word[0] == '"' {
		require.Equal(t, byte('"'), word[len(word)-1])
		word = word[1 : len(word)-1]
	}
	var out []byte
	escapes := map[byte]byte{'n': '\n', 't': '\t', '"': '"', '\\': '\\'}
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case c == '\\':
			i++
			require.Contains(t, escapes, word[i])
			c = escapes[word[i]]
		case c == '%':
			i++
			require.Equal(t, byte('%'), word[i])
		case c == '"':
			t.Fatalf("bare quote in %q", word)
		}
		out = append(out, c)
	}
	return string(out)
}
