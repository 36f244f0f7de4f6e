package main

import (
	"bytes"
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

// asCommitted is the section of a golden that lists the files which are as in roles/sidekiq, byte for byte.
const asCommitted = "as in roles/sidekiq"

// Whole trees, by the model that makes them: testdata/golden/NAME.txtar has a section for the model, and one for each file that is not as in roles/sidekiq.
// UPDATE=1 writes all but the model.
func TestModelsMakeTheGoldenTrees(t *testing.T) {
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

// goldenOf are the playbook's folder and the Capistrano tasks that a model makes; where it has no project, which a playbook needs, the role alone.
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
	p := playbookPackage
	if m.Project == "" {
		p = rolePackage
	}
	all, err := Emit(m, p)
	require.NoError(t, err)
	maps.Copy(all.text, all.stubs)
	return all.text
}

// No list of exceptions: what a team generates passes the linters as they come.
func TestGoldensPassTheLinters(t *testing.T) {
	bin := ansibletest.Bin(t)
	dir := t.TempDir()
	var playbooks []string
	for _, file := range goldens(t) {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		m, err := model.Read(model.FileName, archive.Files[0].Data)
		require.NoError(t, err)
		folder, p := filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ".txtar")), playbookPackage
		if m.Project == "" {
			folder, p = filepath.Join(folder, "roles/sidekiq"), rolePackage
		} else {
			playbooks = append(playbooks, folder)
		}
		_, err = generate(m, p, folder, false)
		require.NoError(t, err)
	}
	i := installed{bin: bin}
	for _, lint := range [][]string{{"yamllint", "-d", "default", "--strict", "."}, {"ansible-lint", "--offline", "--strict", "--profile", "production", "."}} {
		if _, err := os.Stat(filepath.Join(bin, lint[0])); err != nil {
			testenv.NotTested(t, "what is generated needs "+lint[0])
		}
		out, err := i.run(t, dir, lint[0], lint[1:]...)
		require.NoError(t, err, out)
	}
	for _, folder := range playbooks {
		inventory := filepath.Join(folder, "inventory/hosts.yml")
		text, err := os.ReadFile(inventory)
		require.NoError(t, err)
		named := strings.Replace(string(text), "\nproduction:\n  hosts: {}\n", "\nproduction:\n  hosts:\n    worker1.example.org:\n", 1)
		require.NoError(t, os.WriteFile(inventory, []byte(named), 0o600))
		for _, option := range []string{"--syntax-check", "--list-hosts", "--list-tasks"} {
			out, err := i.run(t, folder, "ansible-playbook", option, "sidekiq.yml")
			require.NoError(t, err, out)
			ansibletest.Clean(t, out)
			require.True(t, option != "--list-hosts" || strings.Contains(out, "worker1.example.org"), out)
		}
	}
}
