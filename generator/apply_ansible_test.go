package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
)

// local are arguments for a run on localhost without root: only the first task.
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

func TestVerifyAndApply_RealAnsible(t *testing.T) {
	needPayload(t)
	for _, bin := range ansibletest.Cores(t) {
		t.Run(filepath.Base(filepath.Dir(bin)), func(t *testing.T) {
			args, database := local(t, ansibletest.Use(t, bin))
			before, err := os.ReadFile(database)
			require.NoError(t, err)
			status, out, errs := called(append([]string{"verify"}, args...)...)
			require.Equal(t, 2, status, out+errs)
			require.Contains(t, out, "    -pool: 5\n    +pool: 9\n")
			require.Regexp(t, `(?m)^localhost +differs +unknown +unknown +unknown +unknown +5 -> 9 +unknown +unknown$`, out)
			ansibletest.Clean(t, errs)
			after, err := os.ReadFile(database)
			require.NoError(t, err)
			require.Equal(t, before, after)

			applyAtTerminal(t, args)
			status, out, _ = called(append([]string{"verify"}, args...)...)
			require.Equal(t, 0, status, out)
		})
	}
}

// A team's playbook runs in its own directory with its own configuration. Of other roles only errors count.
func TestPlaybook_RealAnsible(t *testing.T) {
	needPayload(t)
	for _, bin := range ansibletest.Cores(t) {
		t.Run(filepath.Base(filepath.Dir(bin)), func(t *testing.T) {
			args, database := local(t, ansibletest.Use(t, bin))
			vars := args[len(args)-1]
			t.Chdir(t.TempDir())
			_, err := generate(model.Default(), rolePackage, "roles/sidekiq")
			require.NoError(t, err)
			for file, text := range map[string]string{
				"hosts.ini":   "[workers]\nlocalhost ansible_connection=local\n[web]\nweb1 ansible_connection=local\n",
				"ansible.cfg": "[defaults]\ninventory = hosts.ini\nstdout_callback = minimal\ncallback_plugins = own\ncallbacks_enabled = audit\n",
				"own/audit.py": "from ansible.plugins.callback import CallbackBase\nclass CallbackModule(CallbackBase):\n    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = 2.0, 'notification', 'audit', True\n" +
					"    def v2_playbook_on_start(self, playbook): open('audited', 'w')\n",
				"roles/web/tasks/main.yml": "- {name: Other, ansible.builtin.debug: {msg: other}, changed_when: true, tags: [always]}\n",
				"site.yml": "- {name: Web, hosts: all, gather_facts: false, roles: [web]}\n" +
					"- {name: Sidekiq, hosts: workers, gather_facts: false, vars: {project_name: demo}, tasks: [{ansible.builtin.import_role: {name: sidekiq}}]}\n",
				"dynamic.yml": "- {name: Sidekiq, hosts: workers, gather_facts: false, vars: {project_name: demo}, tasks: [{ansible.builtin.include_role: {name: sidekiq}, tags: sidekiq}]}\n",
				"broken.yml":  "- {name: Web, hosts: web, gather_facts: false, tasks: [{name: Boom, ansible.builtin.fail: {msg: boom}, tags: always}]}\n- {ansible.builtin.import_playbook: site.yml}\n",
				"web.yml":     "- {hosts: web, gather_facts: false, roles: [web]}\n",
			} {
				ansibletest.Write(t, file, []byte(text), nil)
			}
			t.Setenv("ANSIBLE_CONFIG", "ansible.cfg")
			options := []string{"--", "--skip-tags", "sudoers_entry,systemd_sidekiq", "-e", vars}
			for _, file := range []string{"site.yml", "dynamic.yml"} {
				status, out, errs := called(append([]string{"verify", "--playbook", file}, options...)...)
				require.Equal(t, 2, status, out+errs)
				require.Regexp(t, `^(Web \(all\): 2 hosts, nothing is changed\n  localhost, web1\n)?Sidekiq \(workers\): 1 host, nothing is changed\n  localhost\n\nlocalhost\n`, out)
				require.Equal(t, file == "site.yml", strings.Contains(out, "web1"), "the task with the tag always runs on it")
				require.Contains(t, out, "    -pool: 5\n    +pool: 9\n")
				require.Contains(t, out, "1 host: differs 1\n")
				require.NotContains(t, out, "other")
				ansibletest.Clean(t, errs)
			}
			require.FileExists(t, "audited", "a callback plugin of the team")
			status, out, errs := called(append([]string{"apply", "-y", "--playbook", "site.yml"}, options...)...)
			require.Equal(t, 0, status, out+errs)
			text, err := os.ReadFile(database)
			require.NoError(t, err)
			require.Contains(t, string(text), "pool: 9")
			require.Contains(t, out, "1 host: changed 1\n1 task of other roles changed something\n")

			status, out, errs = called(append([]string{"verify", "--playbook", "site.yml", "-q"}, options...)...)
			require.Equal(t, 0, status, "the task of the other role changes something each time")
			require.Empty(t, out+errs)

			status, out, errs = called(append([]string{"verify", "--playbook", "broken.yml", "--format", "json"}, options...)...)
			require.Equal(t, 1, status, out+errs)
			require.Contains(t, out, `"error": "boom"`)

			_, _, errs = called("verify", "--playbook", "web.yml")
			require.Contains(t, errs, `error: no task with the tag "sidekiq" would run`)
			_, _, errs = called("verify", "--playbook", "site.yml", "-i", "web1,")
			require.Contains(t, errs, "error: no host matches \"workers\"; groups of the inventory: none\nhint: correct hosts in the playbook")
			require.Contains(t, errs, "Could not match supplied host pattern, ignoring: workers")
			status, _, errs = called("apply", "-y", "-i", "missing.yml")
			require.Equal(t, 1, status)
			require.Regexp(t, `^\S+ Completely failed to parse inventory source \S+missing.yml\n$`, errs)
			status, out, errs = called("apply", "--playbook", "site.yml")
			require.Equal(t, 1, status)
			require.Empty(t, out)
			require.Contains(t, errs, "--yes applies to 2 hosts")
			status, out, errs = called("apply", "-i", "hosts.ini", "--hosts", "nosuch")
			require.Equal(t, 1, status)
			require.Empty(t, out)
			require.Contains(t, errs, "error: no host matches \"nosuch\"; groups of the inventory: web, workers\nhint: name others in the model (playbook.hosts), or with --hosts PATTERN\n")
		})
	}
}

// Without a project no host is connected to.
func TestApply_WithoutProject(t *testing.T) {
	needPayload(t)
	for _, bin := range ansibletest.Cores(t) {
		t.Run(filepath.Base(filepath.Dir(bin)), func(t *testing.T) {
			ansibletest.Use(t, bin)
			status, out, errs := called("apply", "-y", "--host", "host.invalid")
			require.Equal(t, 1, status, out+errs)
			require.Equal(t, "error: the application has no name\nhint: project in sidekiq-role.yml, --project NAME, or project_name in the inventory\n", errs)
			require.NotRegexp(t, "unreachable|failed", out)
			for _, name := range []string{"project_name", "sidekiq_project"} {
				_, out, _ = called("apply", "-y", "--host", "host.invalid", "--", "-e", name+"=demo", "-T", "1")
				require.Contains(t, out, "1 host: unreachable 1\n")
			}
		})
	}
}

// applyAtTerminal changes the pool at a terminal of 80 by 24. With ansible-core 2.19 or later the lines of hosts are updated, and the
// last screen has only the report.
func applyAtTerminal(t *testing.T, args []string) {
	t.Helper()
	master, slave, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}))
	raw := make(chan []byte)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(master) // ends with an error once the other side is closed
		raw <- all.Bytes()
	}()
	status := run(append([]string{"apply", "-y"}, args...), slave, slave)
	require.NoError(t, slave.Close())
	data := <-raw
	require.NoError(t, master.Close())
	require.Equal(t, 0, status, "%s", data)
	require.Contains(t, string(data), "\x1b[33mchanged\x1b[0m")
	core, err := watch.Ansible(t.Context())
	require.NoError(t, err)
	if core < 19 {
		require.Contains(t, string(data), "localhost  Give each thread of Sidekiq a database connection  \x1b[33mchanged")
		return
	}
	require.Contains(t, string(data), "1/1  Give each thread of Sidekiq a database connection  ")
	erased := data[bytes.LastIndex(data, []byte("\x1b[J")):]
	require.Regexp(t, `(?s)^\x1b\[J(a task starts\r\n)*\r\n\S*localhost\S*\r\n  raise the pool to 9 in \S+\r\n\r\n.*localhost +\S*changed.*1 host: \S*changed\S* 1\r\n$`, string(erased))
}
