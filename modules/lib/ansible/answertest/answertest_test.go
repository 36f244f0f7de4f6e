package answertest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// The program echo prints its arguments in an answer.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"echo": func() {
		text, err := os.ReadFile(os.Args[len(os.Args)-1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf(`{"changed": false, "failed": false, "words": %d, "args": %s}`, len(os.Args), text)
	}})
}

// recorder is the testscript.T of a script that may fail.
type recorder struct {
	log    strings.Builder
	failed bool
}

func (r *recorder) Run(_ string, script func(testscript.T)) {
	done := make(chan bool)
	go func() {
		defer close(done)
		script(r)
	}()
	<-done
}

func (r *recorder) FailNow() {
	r.failed = true
	runtime.Goexit()
}

func (r *recorder) Log(args ...any) { fmt.Fprintln(&r.log, args...) }

func (r *recorder) Fatal(args ...any) {
	r.Log(args...)
	r.FailNow()
}

func (r *recorder) Skip(args ...any) { r.Fatal(args...) }

func (r *recorder) Parallel() {}

func (r *recorder) Verbose() bool { return false }

// run runs a script and returns its log and whether it passed.
func run(t *testing.T, script string) (log string, passed bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.txtar")
	require.NoError(t, os.WriteFile(file, []byte(script), 0o600))
	r := &recorder{}
	testscript.RunT(r, testscript.Params{Files: []string{file}, Cmds: map[string]func(*testscript.TestScript, bool, []string){"call": Call, "answer": Command}})
	return r.log.String(), !r.failed
}

func TestScript_Passes(t *testing.T) {
	log, passed := run(t, `
mkdir elsewhere
cd elsewhere
call echo '{"path": "$WORK/a", "pid": "$MAINPID"}'
answer '{"words": 2, "args": {"path": "$WORK/a"}}'
stdout '"path": "'${WORK@R}'/a", "pid": "\$MAINPID"'
call echo echo ../args.json
answer ../expected.json
-- args.json --
{"path": "$WORK/b"}
-- expected.json --
{"words": 3, "args": {"path": "~$WORK/."}}
`)
	require.True(t, passed, log)
}

func TestScript_Fails(t *testing.T) {
	for line, want := range map[string]string{
		`answer '{"args": {"pool": 25, "wrods": 2}}'`: "the answer differs:\n  args.wrods is missing\nthe module printed {",
		`answer '{"args": {"pool": 5}}'`:              "the answer differs:\n  args.pool is 25, not 5\n",
		`answer '{"args"}'`:                           "the expected JSON: invalid character '}' after object key",
		`answer '{}' '{}'`:                            "usage: answer EXPECTED",
		`! answer '{}'`:                               "usage: answer EXPECTED",
		`answer none.json`:                            "/none.json: no such file or directory",
		`call echo`:                                   "usage: call PROGRAM... ARGUMENTS",
		`! call echo '{}'`:                            "usage: call PROGRAM... ARGUMENTS",
		`call nothing '{}'`:                           `exec: "nothing": executable file not found in $PATH`,
	} {
		log, passed := run(t, "call echo '{\"pool\": 25}'\n"+line+"\n")
		require.False(t, passed, line)
		require.Contains(t, log, want, line)
	}
}

const answer = `{"changed": true, "failed": false, "pid": 101, "steps": ["write a", "start b"], "warnings": ["careful"],
	"redis": {"place": "localhost", "version": "7.3"}, "msg": "<a>"}`

func TestCompare_Equal(t *testing.T) {
	for _, expected := range []string{
		`{"changed": true, "warnings": ["careful"]}`,
		`{"changed": true, "warnings": ["~care.*"], "pid": "~[0-9]+", "steps": ["write a", "~start ."]}`,
		`{"changed": true, "warnings": ["careful"], "redis": {"place": "localhost"}, "msg": "<a>", "steps": "~.*write a.*"}`,
	} {
		differences, err := Compare(answer, expected)
		require.NoError(t, err)
		require.Empty(t, differences, expected)
	}
	differences, err := Compare(`{"failed": true, "changed": false, "msg": "no"}`, `{"failed": true, "msg": "no"}`)
	require.NoError(t, err)
	require.Empty(t, differences, "an answer without warnings has none")
}

func TestCompare_Different(t *testing.T) {
	const rest = `"changed": true, "warnings": ["careful"]`
	for expected, want := range map[string]string{
		`{` + rest + `, "stesp": ["write a", "start b"]}`:    "stesp is missing",
		`{` + rest + `, "redis": {"palce": "localhost"}}`:    "redis.palce is missing",
		`{` + rest + `, "redis": {"version": "7.2"}}`:        `redis.version is "7.3", not "7.2"`,
		`{` + rest + `, "pid": "101"}`:                       `pid is 101, not "101"`,
		`{` + rest + `, "pid": "~[0-9]"}`:                    `pid is 101, which does not match [0-9]`,
		`{` + rest + `, "steps": ["write a"]}`:               `steps is ["write a","start b"], not ["write a"]`,
		`{` + rest + `, "steps": ["write a", "start c"]}`:    `steps[1] is "start b", not "start c"`,
		`{` + rest + `, "msg": null}`:                        `msg is "<a>", not null`,
		`{` + rest + `, "msg": "~("}`:                        "msg: error parsing regexp: missing closing ): `(?s)^(?:()$`",
		`{` + rest + `, "failed": true}`:                     "failed is false, not true",
		`{"warnings": ["careful"]}`:                          "changed is true, not false",
		`{"changed": true}`:                                  `warnings is ["careful"], not []`,
		`{"changed": true, "warnings": ["careful", "more"]}`: `warnings is ["careful"], not ["careful","more"]`,
	} {
		differences, err := Compare(answer, expected)
		require.NoError(t, err)
		require.Equal(t, []string{want}, differences, expected)
	}
}

func TestCompare_RefusesOtherThanObjects(t *testing.T) {
	_, err := Compare(answer, `{"changed": tru}`)
	require.ErrorContains(t, err, "the expected JSON: ")
	_, err = Compare("panic: no JSON", `{}`)
	require.ErrorContains(t, err, "the answer: ")
}
