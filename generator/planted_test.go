package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/planttest"
)

// planted writes an application, and runs init there.
func planted(t *testing.T, files fstest.MapFS) (modelFile string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, files))
	status, _, errs := called("init", dir)
	require.Zero(t, status, errs)
	return filepath.Join(dir, model.FileName)
}

// generated generates a package of a model, and demands that nothing in it has the command of an expression.
func generated(t *testing.T, modelFile, command, dir string, flags ...string) {
	t.Helper()
	status, _, errs := called(append([]string{"generate", "--model", modelFile, "--project", "hyrax", "--output", dir}, flags...)...)
	require.Zero(t, status, errs)
	for name, text := range tree(t, dir) {
		require.NotContains(t, text, command, name)
	}
}

const validatingTask = "Validate the variables"

// validatingPlay is a play without its name. It runs the role and, with the tag always, validates the role's variables by its argument_specs.
func validatingPlay(role string) string {
	return fmt.Sprintf(`  hosts: localhost
  gather_facts: false
  roles: [%[1]s]
  tasks:
    - name: %[2]s
      ansible.builtin.validate_argument_spec:
        argument_spec: "{{ (lookup('file', 'roles/%[1]s/meta/argument_specs.yml') | from_yaml).argument_specs.variables.options }}"
      tags: always
`, role, validatingTask)
}

// A command in every quoted text of every file is never run. Ansible templates all variables of a role when it validates them, so that for one
// file after the other this is enough; with all files together it runs the role, the playbook and the collection.
func TestPlanted_NothingRuns(t *testing.T) {
	needPayload(t)
	dir := t.TempDir()
	evidence := filepath.Join(dir, "evidence")
	command := "touch " + evidence
	i := installed{bin: ansibletest.Bin(t), collections: filepath.Join(dir, "collections")}
	var plays strings.Builder
	var last string
	for where, files := range planttest.Texts(command) {
		last = planted(t, files)
		role := fmt.Sprintf("role%d", strings.Count(plays.String(), "hosts:"))
		generated(t, last, command, filepath.Join(dir, "roles", role), "--no-payload")
		fmt.Fprintf(&plays, "- name: %s\n%s", where, validatingPlay(role))
	}
	roles := strings.Count(plays.String(), "hosts:")
	require.Greater(t, roles, 15)
	ansibletest.Write(t, filepath.Join(dir, "all.yml"), []byte(plays.String()), nil)
	out, err := i.run(t, dir, "ansible-playbook", "--check", "--tags", "always", "-c", "local", "-i", "localhost,", "all.yml")
	require.NoError(t, err, out)
	require.Equal(t, roles, strings.Count(out, validatingTask), out)
	require.NoFileExists(t, evidence, out)

	generated(t, last, command, filepath.Join(dir, "role/roles/sidekiq"))
	generated(t, last, command, filepath.Join(dir, "playbook"), "--playbook")
	generated(t, last, command, filepath.Join(i.collections, "ansible_collections/curationexperts/samvera"), "--collection")
	play := "- hosts: localhost\n  gather_facts: false\n  roles: [%s]\n"
	ansibletest.Write(t, filepath.Join(dir, "role/sidekiq.yml"), fmt.Appendf(nil, play, "sidekiq"), nil)
	ansibletest.Write(t, filepath.Join(dir, "collection/sidekiq.yml"), fmt.Appendf(nil, play, "curationexperts.samvera.sidekiq"), nil)
	for _, folder := range []string{"role", "playbook", "collection"} {
		// The playbook is for a group of hosts. What the modules answer about a host where nothing is deployed does not matter, and
		// the play may end there.
		ansibletest.Write(t, filepath.Join(dir, "hosts.yml"), []byte("all: {vars: {ansible_connection: local, ansible_become: false}}\nworkers: {hosts: {localhost: }}\n"), nil)
		out, _ := i.run(t, filepath.Join(dir, folder), "ansible-playbook", "--check", "-i", "../hosts.yml", "-e", "sidekiq_module_cache="+t.TempDir(), "sidekiq.yml")
		for _, task := range []string{"Give each thread of Sidekiq a database connection", "Let the deploy user restart Sidekiq, and nothing more"} {
			require.Contains(t, out, task+"] *", folder)
		}
		require.NoFileExists(t, evidence, out)
	}
}
