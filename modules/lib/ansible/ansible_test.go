package ansible

import (
	"errors"
	"fmt"
	"log/syslog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun_SecondRunChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	first := call(t, map[string]any{"path": path})
	require.Equal(t, true, first["changed"])
	require.Equal(t, []any{"write " + path}, first["steps"])
	require.Equal(t, true, first["proved"], "keys that a step sets are in the answer")
	second := call(t, map[string]any{"path": path})
	require.Equal(t, false, second["changed"])
	require.Equal(t, []any{}, second["steps"])
}

func TestCheckMode_ReturnsSameAnswerAndWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	checked := call(t, map[string]any{"path": path, "_ansible_check_mode": true, "_ansible_diff": true})
	require.NoFileExists(t, path)
	done := call(t, map[string]any{"path": path, "_ansible_diff": true})
	delete(done, "proved")
	require.Equal(t, done, checked)
	require.Equal(t, []any{map[string]any{"before": "", "after": "hello", "before_header": path, "after_header": path}}, done["diff"])
}

func TestMissing_FailsRunAndWarnsInCheckMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	args := map[string]any{"path": path, "trouble": "missing"}
	got := call(t, args)
	require.Equal(t, map[string]any{"failed": true, "changed": false, "msg": "no ink", "warnings": []any{}}, got)
	require.NoFileExists(t, path)
	args["_ansible_check_mode"] = true
	got = call(t, args)
	require.Equal(t, []any{"about to write " + path, "no ink", "no paper"}, got["warnings"])
	require.Equal(t, true, got["changed"])
	require.Equal(t, false, got["failed"])
}

func TestPlan_Change(t *testing.T) {
	var calls []string
	note := func(call string) func() error {
		return func() error {
			calls = append(calls, call)
			return nil
		}
	}
	p := &Plan{}
	p.Change("reload", note("do"), note("undo"))
	p.Add(Step{Title: "prove", Proof: true, Do: func(*Late) error { return nil }})
	p.Add(Step{Title: "write", Diff: &Diff{Prepared: "+a\n"}, Do: func(l *Late) error {
		l.Plan().Warn("careful")
		return errors.New("no")
	}})
	a := p.run(true)
	require.Equal(t, []string{"do", "undo"}, calls)
	require.Equal(t, []string{"reload"}, a["undone"])
	require.Empty(t, a["not_undone"], "a proof need not be undone")
	require.Equal(t, []string{"careful"}, a["warnings"])
	require.Equal(t, []map[string]string{{"prepared": "+a\n"}}, a["diff"], "a change has no diff")
}

func TestPlan_WarnsOnce(t *testing.T) {
	p := &Plan{}
	p.Warn("Redis %s is too old", "6.0.16")
	p.Warn("another")
	(&Late{p}).Warn("Redis %s is too old", "6.0.16")
	require.Equal(t, []string{"Redis 6.0.16 is too old", "another"}, p.warnings)
}

func TestRun_RollsBackAfterFailure(t *testing.T) {
	for _, c := range []struct {
		trouble, msg, left string
		changed            bool
		undone, notUndone  []any
	}{
		{"before", "could not write F: disk full", "old", false, []any{}, []any{}},
		{"proof", "could not prove F: it is not so; taken back: write F", "old", false, []any{"write F"}, []any{}},
		{"partial", "could not write F: half written; taken back: write F", "old", false, []any{"write F"}, []any{}},
		{"panic", "could not write F: bug: out of luck; taken back: write F", "old", false, []any{"write F"}, []any{}},
		{"keep", "could not prove F: not our fault", "hello", true, []any{}, []any{}},
		{"undo", "could not prove F: it is not so; NOT taken back: write F (still no luck)", "hello", true, []any{}, []any{"write F (still no luck)"}},
		{"no_undo", "could not prove F: it is not so; NOT taken back: write F (cannot be taken back)", "hello", true, []any{}, []any{"write F (cannot be taken back)"}},
	} {
		t.Run(c.trouble, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "F")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
			got := call(t, map[string]any{"path": path, "trouble": c.trouble})
			short := func(v any) any {
				if s, ok := v.(string); ok {
					return strings.ReplaceAll(s, path, "F")
				}
				return v
			}
			require.Equal(t, true, got["failed"])
			require.Equal(t, c.msg, short(got["msg"]))
			require.Equal(t, c.changed, got["changed"])
			require.NotContains(t, got, "path", "keys of a success are not in the answer of a failure")
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, c.left, string(left))
			for key, want := range map[string][]any{"undone": c.undone, "not_undone": c.notUndone} {
				all := []any{}
				for _, v := range got[key].([]any) {
					all = append(all, short(v))
				}
				require.Equal(t, want, all, key)
			}
		})
	}
}

// Package atomicfile returns such an error if a file was replaced but not yet synced to the disk.
func TestIsPartial(t *testing.T) {
	require.True(t, isPartial(fmt.Errorf("write: %w", unsynced{errors.New("io")})))
	require.True(t, isPartial(fmt.Errorf("start: %w", Partial(errors.New("x")))))
	require.False(t, isPartial(errors.New("x")))
	require.NoError(t, Partial(nil))
	require.ErrorIs(t, Partial(os.ErrClosed), os.ErrClosed)
}

type unsynced struct{ error }

func (unsynced) Partial() bool { return true }

func TestAnswer_ErrorBeforeFirstStep(t *testing.T) {
	for trouble, msg := range map[string]string{
		"plan":       "cannot look",
		"plan_panic": "bug in module write_text, nothing was changed: runtime error: index out of range [10] with length 0",
		"validate":   `option "trouble" cannot be "validate"`,
		"nonsense":   `option "trouble": "nonsense" is not accepted; accepted: missing, plan, plan_panic, validate, before, proof, keep, partial, panic, undo, no_undo, echo`,
	} {
		got := call(t, map[string]any{"path": "/nowhere/f", "trouble": trouble})
		require.Equal(t, map[string]any{"failed": true, "changed": false, "msg": msg, "warnings": []any{}}, got)
	}
}

func TestAnswer_MasksSecrets(t *testing.T) {
	const secret = `redis://:p@ss"w ord@host/0`
	path := filepath.Join(t.TempDir(), "f")
	for _, args := range []map[string]any{
		{"path": path, "password": secret, "trouble": "echo", "_ansible_verbosity": 3},
		{"path": path, "password": secret, "text": "has " + secret, "_ansible_diff": true, "_ansible_check_mode": true},
		{"path": path, "password": []any{secret}},
		{"path": path, "password": secret, "pasword": "x"},
		{"path": path, "password": map[string]any{"a": secret}},
	} {
		text, err := answer(call(t, args)).text()
		require.NoError(t, err)
		require.NotContains(t, string(text), `p@ss`, "%s", text)
		require.NotContains(t, string(text), `w ord`, "%s", text)
	}
}

func TestMask_PasswordOfSecretURL(t *testing.T) {
	m := newMask([]string{"redis://user:s3cr%2Ft@host:1/0"})
	require.Equal(t, "dial host:1 with ********: no", m.text("dial host:1 with s3cr/t: no"))
	require.Equal(t, "********", m.text("s3cr%2Ft"))
}

func TestMask_SecretThatBeginsWithAnother(t *testing.T) {
	m := newMask([]string{"hunt", "hunter", "hunter2", "hunter22", "hunte"})
	require.Equal(t, "******** ******** ********s", m.text("hunter22 hunter hunts"))
}

// Secrets are also in options that are not no_log, such as the environment of a service.
func TestLikelySecrets(t *testing.T) {
	got := likelySecrets(map[string]any{
		"environment": map[string]any{"SECRET_KEY_BASE": "abcd", "PGPASSWORD": "defg", "DATABASE_URL": "postgres://u:gh%40i@h/db", "MYSQL_PWD": "pwpw",
			"RAILS_MASTER_KEY": "mkmk", "MONKEY": "2525", "MY_TOKEN": "up", "COMPASS": "north", "PWD": "/opt/x"},
		"list": []any{"redis://:jklm@h/0", "redis://h/0"},
		"text": `DB_PASSWORD=hunter22,API_TOKEN=xyz1 oops THREADS=2525`,
		"unit": "Environment=\"DB_PASSWORD=a \\\"b\"\nEnvironment=MALLOC_ARENA_MAX=2222",
	})
	require.ElementsMatch(t, []string{"abcd", "defg", "gh%40i", "gh@i", "pwpw", "mkmk", "jklm", "hunter22", "xyz1", `a \"b`}, got)
}

// In units, and so in their diffs, percent signs are doubled.
func TestMask_EscapedSecrets(t *testing.T) {
	m := newMask([]string{`a%b"c d`})
	for _, form := range []string{`a%b"c d`, `a%%b"c d`, `a%%b\"c d`, `a%b\"c d`, `a%25b%22c+d`, `a%25b%22c%20d`} {
		require.Equal(t, "<********>", m.text("<"+form+">"))
	}
}

func TestAnswer_MasksSecretsOfOldFileInDiff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, []byte("Environment=DB_PASSWORD=oldsecret\n"), 0o600))
	got := call(t, map[string]any{"path": path, "_ansible_check_mode": true, "_ansible_diff": true})
	require.Equal(t, "Environment=DB_PASSWORD=********\n", got["diff"].([]any)[0].(map[string]any)["before"])
}

func TestAnswer_NewSecretsByVersion(t *testing.T) {
	for version, sent := range map[string]bool{"2.14.18": false, "2.19.11": false, "2.21.5": false, "2.22.0b2": true, "2.29.1": true, "3.0": true, "": false, "x": false} {
		_, has := call(t, map[string]any{"path": "/nowhere/f", "password": "pw", "_ansible_check_mode": true, "_ansible_version": version})["_ansible_new_secrets"]
		require.Equal(t, sent, has, version)
	}
	require.NotContains(t, call(t, map[string]any{"path": "/nowhere/f", "_ansible_check_mode": true, "_ansible_version": "2.22.0"}), "_ansible_new_secrets")
}

func TestAnswer_Invocation(t *testing.T) {
	args := map[string]any{"path": "/nowhere/f", "password": "pw", "_ansible_check_mode": true}
	for _, c := range []struct {
		key   string
		value any
		sent  bool
	}{
		{"_ansible_verbosity", 3, true}, {"_ansible_verbosity", 2, false},
		{"_ansible_inject_invocation", true, true}, {"_ansible_inject_invocation", false, false},
	} {
		with := map[string]any{c.key: c.value}
		for k, v := range args {
			with[k] = v
		}
		got, has := call(t, with)["invocation"]
		require.Equal(t, c.sent, has, "%s=%v", c.key, c.value)
		if has {
			require.Equal(t, map[string]any{"module_args": map[string]any{"path": "/nowhere/f", "password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}}, got)
		}
	}
}

func TestInvokedWith_OneLineWithoutSecrets(t *testing.T) {
	spec := testModule().spec
	args := map[string]any{"path": "/a\nb", "password": "pw", "text": "it is pw", "n": map[string]any{"k": true}}
	line := invokedWith(spec, args, newMask(spec.Secrets(args)))
	require.Equal(t, `Invoked with n={"k":true} password=VALUE_SPECIFIED_IN_NO_LOG_PARAMETER path="/a\nb" text=it is ********`, line)
}

func TestControl_IgnoresUnknownKeys(t *testing.T) {
	got := call(t, map[string]any{"path": "/nowhere/f", "_ansible_check_mode": true, "_ansible_brand_new": []any{1}, "_ansible_verbosity": "odd"})
	require.Equal(t, false, got["failed"])
}

func TestParseArguments_RefusesWithoutSecrets(t *testing.T) {
	for text, msg := range map[string]string{
		``:                     "there is nothing",
		`{"password": "pw`:     "wrong type or end of input",
		`["pw"]`:               "wrong type or end of input",
		`{"a": pw}`:            "syntax error at byte 7",
		`{"path": "/x"} "pw" `: "go on after",
	} {
		a := testModule().answer([]byte(text))
		require.Equal(t, true, a["failed"], text)
		require.Contains(t, a["msg"], msg)
		require.NotContains(t, a["msg"], "pw")
	}
}

// People copy this form from Ansible's developer guide.
func TestParseArguments_Wrapped(t *testing.T) {
	a := testModule().answer([]byte(`{"ANSIBLE_MODULE_ARGS": {"path": "/nowhere/f", "_ansible_check_mode": true}}`))
	require.Equal(t, []any{"write /nowhere/f"}, a["steps"])
}

func TestNew_PanicsIfFieldIsMissing(t *testing.T) {
	type missing struct {
		Path string `option:"path"`
	}
	require.PanicsWithError(t, `option "text" has no field in ansible.missing`, func() {
		New([]byte(testDoc), func(*missing) (*Plan, error) { return nil, nil })
	})
}

func TestAnswer_LogsInvocation(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "log")
	journal, err := net.ListenPacket("unixgram", socket)
	require.NoError(t, err)
	defer journal.Close()
	useSyslog(t, func(priority syslog.Priority, tag string) (*syslog.Writer, error) {
		return syslog.Dial("unixgram", socket, priority, tag)
	})
	for _, args := range []map[string]any{
		{"path": "/nowhere/a", "_ansible_check_mode": true, "_ansible_no_log": true},
		{"path": "/nowhere/b", "_ansible_check_mode": true, "password": "pw", "_ansible_syslog_facility": "LOG_LOCAL3"},
		{"path": "/nowhere/c", "_ansible_check_mode": true, "_ansible_syslog_facility": "nonsense"},
	} {
		call(t, args)
	}
	message := make([]byte, 1000)
	for _, want := range []string{
		fmt.Sprintf("<%d>.* ansible-write_text\\[[0-9]+\\]: Invoked with password=VALUE_SPECIFIED_IN_NO_LOG_PARAMETER path=/nowhere/b\n", syslog.LOG_LOCAL3|syslog.LOG_INFO),
		fmt.Sprintf("<%d>.* ansible-write_text\\[[0-9]+\\]: Invoked with path=/nowhere/c\n", syslog.LOG_USER|syslog.LOG_INFO),
	} {
		n, _, err := journal.ReadFrom(message)
		require.NoError(t, err)
		require.Regexp(t, "^"+want+"$", string(message[:n]))
	}
}

// useSyslog replaces the function that connects to the syslog socket of the host.
func useSyslog(t *testing.T, open func(syslog.Priority, string) (*syslog.Writer, error)) {
	t.Helper()
	usual := openSyslog
	t.Cleanup(func() { openSyslog = usual })
	openSyslog = open
}

// A host without a syslog socket must not fail the task.
func TestAnswer_WithoutSyslog(t *testing.T) {
	useSyslog(t, func(syslog.Priority, string) (*syslog.Writer, error) { return nil, errors.New("no socket") })
	require.Equal(t, false, call(t, map[string]any{"path": "/nowhere/f", "_ansible_check_mode": true})["failed"])
}
