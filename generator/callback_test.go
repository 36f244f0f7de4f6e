package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// These tests run the callback plugin as it is shipped, with each ansible-core that is there.

// cores are the folders of Ansible's programs: that of the other tests, and those that molecule/setup core has made.
func cores(t *testing.T) []string {
	t.Helper()
	bins := []string{filepath.Dir(ansiblePlaybook(t))}
	more, err := filepath.Glob("../.venv/cores/*/bin/ansible-playbook")
	require.NoError(t, err)
	for _, program := range more {
		bin, err := filepath.Abs(filepath.Dir(program))
		require.NoError(t, err)
		bins = append(bins, bin)
	}
	return bins
}

// config is what a person may have set. Nothing of it may matter.
const config = `[defaults]
stdout_callback = minimal
callback_plugins = mine
callbacks_enabled = talker
strategy = free
forks = 2
display_skipped_hosts = false
display_ok_hosts = false
check_mode_markers = true
force_color = true
log_path = log
callback_result_format = yaml
any_errors_fatal = false
`

// useAnsible makes a program of bin the one that runs, with a home and an ansible.cfg of its own.
func useAnsible(t *testing.T, bin string) (home string) {
	t.Helper()
	home = t.TempDir()
	talker, err := os.ReadFile("testdata/callback/talker.py")
	require.NoError(t, err)
	put(t, filepath.Join(home, "ansible.cfg"), []byte(config))
	put(t, filepath.Join(home, "mine/talker.py"), talker)
	for name, value := range map[string]string{"PATH": bin + ":" + os.Getenv("PATH"), "HOME": home, "LC_ALL": "C.UTF-8", "TERM": "xterm",
		"ANSIBLE_CONFIG": filepath.Join(home, "ansible.cfg")} {
		t.Setenv(name, value)
	}
	return home
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

func TestPluginTellsWhatHappensAndNoSecret(t *testing.T) {
	for i, bin := range cores(t) {
		for _, way := range []string{"linear", "free"} {
			if i > 0 && way == "free" {
				continue // the same plugin calls
			}
			t.Run(filepath.Base(filepath.Dir(bin))+" "+way, func(t *testing.T) {
				home := useAnsible(t, bin)
				f, out := hear(t, home, way)
				require.NotContains(t, out, "s3cret")
				require.NotRegexp(t, `[\x00-\x09\x0b-\x1f\x7f]|\\u00(0|1|7f)`, strings.ReplaceAll(out, `\n`, ""))
				require.Equal(t, 10, f.Tasks, "all but the rescue")
				require.Equal(t, []string{changed, failed}, []string{f.Hosts[0].result(), f.Hosts[1].result()})
				log, err := os.ReadFile(filepath.Join(home, "log"))
				require.NoError(t, err)
				require.NotContains(t, string(log), "s3cret")
				golden(t, "../callback/secrets.jsonl", resultsOf(t, f.Hosts[0]))
			})
		}
	}
}

// hear runs the playbook with the plugin beside it.
func hear(t *testing.T, home, way string) (*fleet, string) {
	t.Helper()
	plugin, err := callback.ReadFile("callback/sidekiq_role.py")
	require.NoError(t, err)
	text, err := os.ReadFile("testdata/callback/secrets.yml")
	require.NoError(t, err)
	put(t, filepath.Join(home, "callback_plugins/sidekiq_role.py"), plugin)
	put(t, filepath.Join(home, "play.yml"), text)
	command := exec.Command("ansible-playbook", "-i", "one,two,", "-e", "playground="+t.TempDir(), "-e", "way="+way, filepath.Join(home, "play.yml"))
	command.Env = append(os.Environ(), "ANSIBLE_STDOUT_CALLBACK=sidekiq_role", "SIDEKIQ_ROLE_MARK=MARK")
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	require.ErrorContains(t, command.Run(), "exit status 2", out.String()+errs.String())
	clean(t, errs.String())
	require.NotContains(t, strings.ToLower(errs.String()), "deprecat")
	events, texts := split(t, out.String())
	require.Regexp(t, `^(a task starts\n){11,}$`, strings.Join(texts, ""), "what is not an event is shown")
	f := &fleet{}
	for _, e := range events {
		f.take(e, time.Time{})
	}
	return f, out.String()
}

// resultsOf is all that is known of a host, task by task.
func resultsOf(t *testing.T, h *host) string {
	t.Helper()
	var b strings.Builder
	for _, r := range h.Results {
		line, err := json.Marshal(map[string]any{"task": r.Task, "module": r.Module, "status": r.Status, "text": r.Answer.text(), "diff": r.Diff != ""})
		require.NoError(t, err)
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// local are the arguments for a run on this machine that needs no root: the first task alone.
func local(t *testing.T, home string) (args []string, database string) {
	t.Helper()
	database = filepath.Join(home, "database.yml")
	cache := filepath.Join(home, "cache")
	require.NoError(t, os.Mkdir(cache, 0o700))
	require.NoError(t, os.WriteFile(database, []byte("production:\n  adapter: mysql2\n  pool: 5\n"), 0o600))
	vars, err := json.Marshal(map[string]any{"ansible_become": false, "sidekiq_module_cache": cache, "sidekiq_database_yml": []string{database}, "sidekiq_database_pool": 9})
	require.NoError(t, err)
	return []string{"--host", "localhost", "--project", "demo", "--", "--connection", "local", "--tags", "db_pool", "-e", string(vars)}, database
}

func TestVerifyAndApplyWithTheRealAnsible(t *testing.T) {
	needPayload(t)
	for _, bin := range cores(t) {
		t.Run(filepath.Base(filepath.Dir(bin)), func(t *testing.T) {
			args, database := local(t, useAnsible(t, bin))
			before, err := os.ReadFile(database)
			require.NoError(t, err)
			status, out, errs := called(append([]string{"verify"}, args...)...)
			require.Equal(t, 2, status, out+errs)
			require.Contains(t, out, "    -pool: 5\n    +pool: 9\n")
			require.Contains(t, out, "localhost  differs  unknown  unknown  5 -> 9\n")
			clean(t, errs)
			after, err := os.ReadFile(database)
			require.NoError(t, err)
			require.Equal(t, before, after)

			status, out, _ = called(append([]string{"apply"}, args...)...)
			require.Equal(t, 0, status, out)
			require.Contains(t, out, "localhost  Give each thread of Sidekiq a database connection  changed\n    raise the pool to 9 in "+database+"\n")
			status, out, _ = called(append([]string{"verify"}, args...)...)
			require.Equal(t, 0, status, out)
		})
	}
}

// A terminal of 80 by 24 shows the lines live, and in the end holds the report alone.
func TestApplyOnATerminal(t *testing.T) {
	needPayload(t)
	args, _ := local(t, useAnsible(t, filepath.Dir(ansiblePlaybook(t))))
	master, slave, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}))
	raw := make(chan []byte)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(master) // ends with an error once the other side is closed
		raw <- all.Bytes()
	}()
	status := run(append([]string{"apply"}, args...), slave, slave)
	require.NoError(t, slave.Close())
	data := <-raw
	require.NoError(t, master.Close())
	require.Equal(t, 0, status, "%s", data)
	s := &screen{lines: 24, columns: 80}
	_, err = s.Write(data)
	require.NoError(t, err)
	require.Contains(t, string(data), "2/2  Give each thread of Sidekiq a database connection  ")
	require.NotContains(t, s.String(), "2/2")
	require.Regexp(t, `(?s)^(a task starts\n)*Run Sidekiq: 1 host, 2 tasks\n(a task starts\n)*\nlocalhost\n  raise the pool to 9 in \S+\n\n.*localhost +changed.*1 host: 1 changed\n$`, s.String())
	require.Contains(t, string(data), "\x1b[33mchanged\x1b[0m")
}

func TestTerminalWithoutColoursOrCursor(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	defer slave.Close()
	t.Setenv("TERM", "xterm")
	require.True(t, newStage(slave, slave, 19, nil, false).colour)
	t.Setenv("NO_COLOR", "1")
	s := newStage(slave, slave, 19, nil, false)
	require.False(t, s.colour)
	require.IsType(t, &live{}, s.show)
	require.IsType(t, plain{}, newStage(slave, slave, 19, []string{"--step"}, false).show, "its questions stand in the way")
	t.Setenv("TERM", "dumb")
	require.IsType(t, plain{}, newStage(slave, slave, 19, nil, false).show)
	require.IsType(t, silent{}, newStage(slave, slave, 19, nil, true).show)
}
