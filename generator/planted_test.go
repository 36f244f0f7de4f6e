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
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
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

// generated generates a package of a model, which must not contain the command of an expression.
func generated(t *testing.T, modelFile, command, dir string, flags ...string) {
	t.Helper()
	status, _, errs := called(append([]string{"generate", "--model", modelFile, "--project", "hyrax", "--output", dir}, flags...)...)
	require.Zero(t, status, errs)
	for name, text := range tree(t, dir) {
		require.NotContains(t, text, command, name)
	}
}

const validatingTask = "Validate the variables"

// validatingPlay is a play without its name. It runs a role and, with the tag always, validates its variables with
// its argument_specs.
func validatingPlay(role, dir string) string {
	return fmt.Sprintf(`  hosts: localhost
  gather_facts: false
  roles: [%s]
  pre_tasks:
    - name: %s
      ansible.builtin.validate_argument_spec:
        argument_spec: "{{ (lookup('file', '%s/meta/argument_specs.yml') | from_yaml).argument_specs.variables.options }}"
      tags: always
`, role, validatingTask, dir)
}

// A command in every quoted text of every file is never run and, for each file alone, is not in the generated files.
// For all files together, Ansible runs the playbook and the role of the collection, and validates the role's
// variables, which templates them all; with SOAK=2 also for each file alone.
func TestInit_PlantedCommands(t *testing.T) {
	t.Parallel()
	needPayload(t)
	dir := t.TempDir()
	evidence := filepath.Join(dir, "evidence")
	command := "touch " + evidence
	i := installed{bin: ansibletest.Bin(t), collections: filepath.Join(dir, "collections")}
	var plays []string
	var last string
	for where, files := range planttest.Texts(command) {
		last = planted(t, files)
		role := fmt.Sprintf("role%d", len(plays))
		generated(t, last, command, filepath.Join(dir, "roles", role), "--binaries", "none")
		plays = append(plays, fmt.Sprintf("- name: %s\n%s", where, validatingPlay(role, "roles/"+role)))
	}
	require.Greater(t, len(plays), 15)
	if testenv.Rounds(1) > 1 {
		ansibletest.Write(t, filepath.Join(dir, "all.yml"), []byte(strings.Join(plays, "")), nil)
		out, err := i.run(t, dir, "ansible-playbook", "--check", "--tags", "always", "-c", "local", "-i", "localhost,", "all.yml")
		require.NoError(t, err, out)
		require.Equal(t, len(plays), strings.Count(out, validatingTask), out)
		require.NoFileExists(t, evidence, out)
	}

	collection := filepath.Join(i.collections, "ansible_collections/curationexperts/samvera")
	generated(t, last, command, filepath.Join(dir, "playbook"), "--layout", "playbook")
	generated(t, last, command, collection, "--layout", "collection")
	play := "- name: Collection\n" + validatingPlay("curationexperts.samvera.sidekiq", filepath.Join(collection, "roles/sidekiq"))
	ansibletest.Write(t, filepath.Join(dir, "collection/sidekiq.yml"), []byte(play), nil)
	// The playbook is for a group of hosts. The modules may fail, since nothing is deployed.
	ansibletest.Write(t, filepath.Join(dir, "hosts.yml"), []byte("all: {vars: {ansible_connection: local, ansible_become: false}}\nworkers: {hosts: {localhost: }}\n"), nil)
	for run, tasks := range map[string][]string{"playbook": nil, "collection": {validatingTask}} {
		out, _ := i.run(t, filepath.Join(dir, run), "ansible-playbook", "--check", "-i", "../hosts.yml", "-e", "sidekiq_module_cache="+t.TempDir(), "sidekiq.yml")
		for _, task := range append(tasks, "Give each thread of Sidekiq a database connection", "Let the deploy user restart Sidekiq, and nothing more") {
			require.Contains(t, out, task+"] *", run)
		}
		require.NoFileExists(t, evidence, out)
	}
}
