package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// asCommitted is the section of a golden that lists the files that are equal to those in roles/sidekiq.
const asCommitted = "as in roles/sidekiq"

// testdata/golden/NAME.txtar has a section with a model, and one for each generated file that differs from
// roles/sidekiq. UPDATE=1 writes all but the model.
func TestGoldens_Trees(t *testing.T) {
	for _, file := range goldens(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			source := archive.Files[0]
			require.Equal(t, model.FileName, source.Name)
			made := &txtar.Archive{Comment: archive.Comment, Files: append([]txtar.File{source}, goldenOf(t, source.Data)...)}
			goldentest.File(t, file, string(txtar.Format(made)))
		})
	}
}

func goldens(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/golden/*.txtar")
	require.NoError(t, err)
	require.Len(t, files, 3)
	return files
}

// goldenOf returns the generated playbook's directory and Capistrano tasks, or only the role of a model without a
// project, which a playbook requires.
func goldenOf(t *testing.T, source []byte) []txtar.File {
	t.Helper()
	m, err := model.Read(model.FileName, source)
	require.NoError(t, err)
	files := emittedFor(t, m)
	files["lib/capistrano/tasks/sidekiq.rake"], err = capistranoText(m)
	require.NoError(t, err)
	committed := tree(t, "../roles/sidekiq")
	var different []txtar.File
	var same bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if committed[strings.TrimPrefix(name, "roles/sidekiq/")] == string(files[name]) {
			fmt.Fprintln(&same, name)
			continue
		}
		different = append(different, txtar.File{Name: name, Data: files[name]})
	}
	return append(different, txtar.File{Name: asCommitted, Data: same.Bytes()})
}

func emittedFor(t *testing.T, m model.Model) map[string][]byte {
	t.Helper()
	p := Package{"playbook", "include"}
	if m.Project == "" {
		p = rolePackage
	}
	all, err := Emit(m, p)
	require.NoError(t, err)
	maps.Copy(all.text, all.stubs)
	return all.text
}

// generatedGoldens generates the goldens, each into a directory, and returns those with a playbook.
func generatedGoldens(t *testing.T, dir string) (playbooks []string) {
	t.Helper()
	for _, file := range goldens(t) {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		m, err := model.Read(model.FileName, archive.Files[0].Data)
		require.NoError(t, err)
		into, p := filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ".txtar")), Package{"playbook", "none"}
		if m.Project == "" {
			into, p.Layout = filepath.Join(into, "roles/sidekiq"), "role"
		} else {
			playbooks = append(playbooks, into)
		}
		_, err = generate(m, p, into)
		require.NoError(t, err)
	}
	return playbooks
}

// Generated files pass the linters without exceptions.
func TestGoldens_Linters(t *testing.T) {
	testenv.Lint(t)
	i, dir := installed{bin: ansibletest.Bin(t)}, t.TempDir()
	generatedGoldens(t, dir)
	for _, lint := range [][]string{{"yamllint", "-d", "default", "--strict", "."}, {"ansible-lint", "--offline", "--strict", "--profile", "production", "."}} {
		out, err := i.run(t, dir, lint[0], lint[1:]...)
		require.NoError(t, err, out)
	}
}

func TestGoldens_Playbooks(t *testing.T) {
	t.Parallel()
	i, dir := installed{bin: ansibletest.Bin(t)}, t.TempDir()
	for _, into := range generatedGoldens(t, dir) {
		inventory := filepath.Join(into, "inventory/hosts.yml")
		text, err := os.ReadFile(inventory)
		require.NoError(t, err)
		named := strings.Replace(string(text), "\nproduction:\n  hosts: {}\n", "\nproduction:\n  hosts:\n    worker1.example.org:\n", 1)
		require.NoError(t, os.WriteFile(inventory, []byte(named), 0o600))
		out, err := i.run(t, into, "ansible-playbook", "--list-hosts", "--list-tasks", "sidekiq.yml")
		require.NoError(t, err, out)
		ansibletest.Clean(t, out)
		require.Contains(t, out, "worker1.example.org")
		require.Contains(t, out, "Give each thread of Sidekiq a database connection")
		if filepath.Base(into) == "processes" {
			out, err = i.run(t, into, "ansible-inventory", "--list")
			require.NoError(t, err, out)
			var inventory struct {
				Meta struct{ Hostvars map[string]map[string]int } `json:"_meta"`
				Jobs struct{ Children []string }

				Production, QA struct{ Hosts []string }
			}
			require.NoError(t, json.Unmarshal([]byte(out), &inventory), out)
			require.Equal(t, map[string]int{"ansible_port": 2222}, inventory.Meta.Hostvars["worker2.example.org"])
			require.Equal(t, []string{"production", "qa"}, inventory.Jobs.Children)
			require.Equal(t, []string{"worker1.example.org", "worker2.example.org"}, inventory.Production.Hosts)
			require.Equal(t, []string{"2001:db8::10"}, inventory.QA.Hosts)
		}
	}
}
