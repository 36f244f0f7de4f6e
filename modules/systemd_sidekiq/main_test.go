package systemdsidekiq

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible/answertest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// TestMain also runs the programs of the scripts: the module, and the programs that it calls.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"systemd_sidekiq": program,
		"nobody": func() {
			must(syscall.Setuid(65534))
			program()
		},
		"systemctl":       fakeSystemctl,
		"systemd-analyze": fakeAnalyze,
		"id":              fakeID,
		"usermod":         func() { set("journal", os.Args[len(os.Args)-1], "member") },
		"gpasswd":         func() { set("journal", os.Args[2], "") },
		"journalctl":      func() { fmt.Println(get("journal", "text", "worker: \x1b[31mcannot load such file -- sidekiq")) },
		"getent": func() {
			if os.Args[3] != "deploy" {
				os.Exit(2)
			}
			fmt.Println(get("getent", "deploy", "deploy:x:1000:1000::/home/deploy:/bin/bash"))
		},
	})
}

// program is the module with the host of a script.
func program() {
	h := host{root: os.Getenv("WORK") + "/host"} // with a zero uptime a process counts as up at once, and its errors are read at once
	os.Exit(ansible.Main("test", ansible.Modules{"systemd_sidekiq": func() ansible.Module { return newModule(h) }}))
}

// The scripts run the module with the directory $WORK/host as the host, and a systemctl that keeps its state in
// $WORK/systemd. Processes that it starts write heartbeats into a real Redis, one for each script: all scripts have the same PIDs.
// molecule tests with a real systemd.
//
//	module OPTIONS...        run the module with defaultOptions and these, each JSON or the name of a file; null is an option that is not set
//	exec nobody run systemd_sidekiq -    run it as another user
//	answer EXPECTED          compare its answer: see answertest.Command
//	calls CALL...            compare the calls of systemctl that change something, since the last calls
//	redis COMMAND WORD...    send a command to the Redis
//	fake SOCKET FILE         run a Redis with the answers in the file: see redistest.FakeCommand
func TestScripts(t *testing.T) {
	testenv.NeedRoot(t, "only root can create files of root")
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, UpdateScripts: os.Getenv("UPDATE") == "1",
		Setup: func(env *testscript.Env) error {
			server := redistest.Start(env.T().(testing.TB), "--port", "0")
			env.Setenv("REDIS_SOCKET", server.Socket)
			env.Setenv("REDIS_URL", fmt.Sprintf("unix://:%s@%s", url.PathEscape(redistest.Password), server.Socket))
			return errors.Join(makeHost(env.WorkDir), os.MkdirAll(filepath.Join(env.WorkDir, "systemd"), 0o700),
				os.WriteFile(filepath.Join(env.WorkDir, "systemd/redis.socket"), []byte(server.Socket), 0o600))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"module": command(module),
			"answer": answertest.Command,
			"calls":  command(calls),
			"fake":   redistest.FakeCommand,
			"redis": command(func(ts *testscript.TestScript, words []string) {
				var args []any
				for _, word := range words[1:] {
					args = append(args, word)
				}
				ts.Check(redistest.Server{Socket: ts.Getenv("REDIS_SOCKET")}.Do(0, words[0], args...))
			}),
		},
	})
}

// hostFiles are the files of each script's host. Its bundle runs its ruby.
var hostFiles = map[string]string{
	"run/systemd/system/README":     "",
	"etc/systemd/system/README":     "",
	"usr/bin/bundle":                "#!$WORK/host/usr/bin/ruby\n",
	"usr/bin/ruby":                  "#!/bin/sh\necho 'ruby 3.3.8 (fake)'\n",
	"opt/demo/current/Gemfile.lock": "GEM\n  specs:\n    sidekiq (7.3.2)\n",
}

func makeHost(work string) error {
	// The user deploy executes bundle.
	err := errors.Join(os.Chmod(filepath.Dir(work), 0o755), os.Chmod(work, 0o755))
	for name, text := range hostFiles {
		path := filepath.Join(work, "host", name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(strings.ReplaceAll(text, "$WORK", work)), 0o755))
	}
	return err
}

// command returns a testscript command that does not accept "!".
func command(f func(*testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, negated bool, args []string) {
		if negated {
			ts.Fatalf("! is not accepted with this command")
		}
		f(ts, args)
	}
}

// defaultOptions are options of every call, if the script does not give others.
func defaultOptions(ts *testscript.TestScript) map[string]any {
	return map[string]any{"app_root": "/opt/demo/current", "verify_jobs": "off", "redis_url": ts.Getenv("REDIS_URL"), "database_pool": map[string]any{"exists": false}}
}

func module(ts *testscript.TestScript, args []string) {
	options := defaultOptions(ts)
	names := strings.NewReplacer("$WORK", ts.Getenv("WORK"), "$REDIS_URL", ts.Getenv("REDIS_URL"))
	for _, text := range args {
		if !strings.HasPrefix(text, "{") {
			text = ts.ReadFile(text)
		}
		ts.Check(json.Unmarshal([]byte(names.Replace(text)), &options))
	}
	maps.DeleteFunc(options, func(_ string, value any) bool { return value == nil })
	data, err := json.Marshal(options)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("arguments.json"), data, 0o600))
	ts.Check(ts.Exec("systemd_sidekiq", "arguments.json"))
}

func calls(ts *testscript.TestScript, want []string) {
	file := ts.MkAbs("calls")
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		ts.Fatalf("%v", err)
	}
	if got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"); !slices.Equal(got, strings.Split(strings.Join(want, "\n"), "\n")) {
		ts.Fatalf("the calls of systemctl are\n  %s\nnot\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	ts.Check(os.RemoveAll(file))
}

// fakeAnalyze knows all directives but Frob. The real one knows another version of systemd than the systemctl here: see
// TestSystemdAnalyze_AcceptsUnits.
func fakeAnalyze() {
	for _, file := range os.Args[3:] {
		text, err := os.ReadFile(file)
		must(err)
		for _, d := range (systemd.UnitFile{Text: string(text)}).Directives() {
			if d.Name == "Frob" {
				fmt.Fprintf(os.Stderr, "%s:1: Unknown key 'Frob' in section [%s], ignoring.\n", file, d.Section)
			}
		}
	}
}

// fakeID replaces id(1). It has the users deploy and alice, and their membership in systemd-journal.
func fakeID() {
	user := os.Args[len(os.Args)-1]
	if user != "deploy" && user != "alice" {
		os.Exit(1)
	}
	if os.Args[1] == "-G" {
		fmt.Println(1000)
		return
	}
	groups := user
	if get("journal", user, "") != "" {
		groups += " systemd-journal"
	}
	fmt.Println(groups)
}
