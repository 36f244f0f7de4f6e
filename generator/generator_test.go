package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// roles/sidekiq is what comes out with the defaults, byte for byte. After a change of a template: make generate.
func TestCommittedRoleIsWhatTheTemplatesMake(t *testing.T) {
	files, err := Emit(model.Default(), rolePackage)
	require.NoError(t, err)
	files[manifestName], err = manifestOf(files)
	require.NoError(t, err)
	found := tree(t, "../roles/sidekiq")
	for name, text := range files {
		require.Equal(t, string(text), found[name], "%s; hint: make generate", name)
		delete(found, name)
	}
	require.Empty(t, found, "files in roles/sidekiq that no template makes")
}

// tree reads a role's text files.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || d.IsDir() || strings.HasPrefix(rel, "files/") {
			return err
		}
		text, err := os.ReadFile(name)
		found[rel] = string(text)
		return err
	}))
	return found
}

func TestSameModelGivesTheSameBytes(t *testing.T) {
	m := model.Default()
	m.Project, m.ServiceName, m.DeployUser, m.DeployGroup, m.DeployRoot = "hyrax", "hyrax-worker", "app", "app", "/srv/hyrax"
	m.RailsEnv, m.Ruby.Bundle, m.Concurrency, m.Queues = "staging", "/home/app/.rbenv/shims/bundle", 12, []string{"default,2", "ingest"}
	one, err := Emit(m, rolePackage)
	require.NoError(t, err)
	two, err := Emit(m, rolePackage)
	require.NoError(t, err)
	require.Equal(t, one, two)
	var defaults map[string]any
	require.NoError(t, yaml.Unmarshal(one["defaults/main.yml"], &defaults))
	for name, want := range map[string]any{
		"sidekiq_project": "hyrax", "sidekiq_service_name": "hyrax-worker", "sidekiq_deploy_user": "app", "sidekiq_deploy_group": "app",
		"sidekiq_deploy_root": "/srv/hyrax", "sidekiq_rails_env": "staging", "sidekiq_bundle": "/home/app/.rbenv/shims/bundle",
		"sidekiq_concurrency": 12, "sidekiq_queues": []any{"default,2", "ingest"},
	} {
		require.Equal(t, want, defaults[name], name)
	}
}

// A variable that no task uses would be a promise that nobody keeps.
func TestEveryVariableIsUsedAndEveryUsedVariableExists(t *testing.T) {
	files, err := Emit(model.Default(), rolePackage)
	require.NoError(t, err)
	var text strings.Builder
	for name, content := range files {
		if strings.HasPrefix(name, "tasks/") || name == "defaults/main.yml" {
			text.Write(content)
		}
	}
	used := map[string]bool{}
	for _, w := range strings.FieldsFunc(text.String(), func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z')
	}) {
		used[w] = true
	}
	known := map[string]bool{}
	for _, v := range model.Variables(model.Default()) {
		known[v.Name] = true
		require.Greater(t, strings.Count(text.String(), v.Name), 1, "%s is used by no task", v.Name)
	}
	for w := range used {
		module := w == "sidekiq_config" || w == "sidekiq_info" // an option, and a module
		if strings.HasPrefix(w, "sidekiq_") && !module {
			require.True(t, known[w], "%s is no variable of the role", w)
		}
	}
}

// The options that the tasks pass are those of the modules, which would refuse others only on the host.
func TestTasksPassOnlyOptionsThatTheModulesHave(t *testing.T) {
	files, err := Emit(model.Default(), rolePackage)
	require.NoError(t, err)
	specs := map[string]map[string]bool{}
	v, err := viewOf(model.Default(), rolePackage)
	require.NoError(t, err)
	for _, s := range v.Modules {
		specs[s.Module] = map[string]bool{}
		for _, o := range s.Options {
			specs[s.Module][o.Name] = true
		}
	}
	for module, options := range specs {
		var tasks []map[string]any
		require.NoError(t, yaml.Unmarshal(files["tasks/"+module+".yml"], &tasks), module)
		for _, task := range tasks {
			args, ok := task[module].(map[string]any)
			if !ok {
				continue
			}
			for name := range args {
				require.True(t, options[name], "%s has no option %s", module, name)
			}
		}
	}
}

// written brings a folder up to date with these text files.
func written(t *testing.T, dir string, force bool, text map[string][]byte) ([]string, error) {
	t.Helper()
	changes, err := compare(dir, made{text: text})
	require.NoError(t, err)
	done, err := doChanges(dir, changes, force)
	var said []string
	for _, c := range done {
		said = append(said, c.String())
	}
	return said, err
}

func TestEditedFilesAreNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	done, err := written(t, dir, false, map[string][]byte{"a": []byte("1"), "b/c": []byte("1")})
	require.NoError(t, err)
	require.Equal(t, []string{"wrote a", "wrote b/c", "wrote .sidekiq-role.json"}, done)
	done, err = written(t, dir, false, map[string][]byte{"a": []byte("1"), "b/c": []byte("1")})
	require.NoError(t, err)
	require.Empty(t, done)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("mine"), 0o600))
	_, err = written(t, dir, false, map[string][]byte{"a": []byte("2")})
	require.EqualError(t, err, dir+": not overwritten, since not as they were generated: a; hint: --force overwrites them, --diff shows how")
	require.Equal(t, map[string]string{"a": "mine", "b/c": "1"}, without(tree(t, dir), manifestName), "nothing was written")

	done, err = written(t, dir, true, map[string][]byte{"a": []byte("2")})
	require.NoError(t, err)
	require.Equal(t, []string{"wrote a", "removed b/c", "wrote .sidekiq-role.json"}, done)
	require.Equal(t, map[string]string{"a": "2"}, without(tree(t, dir), manifestName))
	require.NoDirExists(t, filepath.Join(dir, "b"), "a folder that holds nothing else goes with its last file")
}

// A file that is removed may have been edited, or be there no more.
func TestStaleFilesAreRemovedUnlessEdited(t *testing.T) {
	dir := t.TempDir()
	_, err := written(t, dir, false, map[string][]byte{"a": []byte("1"), "b": []byte("1"), "c": []byte("1")})
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "a")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b"), []byte("mine"), 0o600))
	_, err = written(t, dir, false, map[string][]byte{})
	require.ErrorContains(t, err, "not as they were generated: b;")
	done, err := written(t, dir, true, map[string][]byte{})
	require.NoError(t, err)
	require.Equal(t, []string{"removed b", "removed c", "wrote .sidekiq-role.json"}, done)
}

// Killed between two files: the next run goes on, and takes nothing for edited.
func TestABrokenOffRunIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	_, err := written(t, dir, false, map[string][]byte{"a": []byte("1"), "b": []byte("1")})
	require.NoError(t, err)
	next := map[string][]byte{"a": []byte("2"), "b": []byte("2")}
	changes, err := compare(dir, made{text: next})
	require.NoError(t, err)
	_, err = doChanges(dir, changes[:1], false)
	require.NoError(t, err)
	done, err := written(t, dir, false, next)
	require.NoError(t, err)
	require.Equal(t, []string{"wrote b", "wrote .sidekiq-role.json"}, done)
}

func TestManifestReachesNoFileElsewhere(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), []byte(`{"files": {"../a": "1"}}`), 0o600))
	_, err := compare(dir, made{})
	require.ErrorContains(t, err, `"../a" is no file below it`)
}

func without(m map[string]string, key string) map[string]string {
	delete(m, key)
	return m
}

func TestAFolderWithOtherFilesIsNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("theirs"), 0o600))
	_, err := written(t, dir, false, map[string][]byte{"a": []byte("1")})
	require.ErrorContains(t, err, "not as they were generated: a")
}

func TestCommandLineFaultsAreErrorAndHint(t *testing.T) {
	for args, want := range map[string]string{
		"generate":                           "error: --output is required\nhint: for example --output roles/sidekiq\n",
		"generate --output /x --project a.b": "error: --project: \"a.b\" is not accepted; accepted: letters, digits, _ and -\n",
		"apply":                              "error: --inventory or --host is required\nhint: for example --inventory hosts.yml, or --host worker1.example.org\n",
		"apply --inventory x playbook.yml":   "error: unexpected argument \"playbook.yml\"\nhint: options of ansible-playbook go after --\n",
		"generate --nonsense":                "error: unknown flag: --nonsense\n",
		"nonsense":                           "error: unknown command \"nonsense\" for \"sidekiq-role\"\n",
	} {
		var out, errs bytes.Buffer
		require.Equal(t, 1, run(strings.Fields(args), &out, &errs), args)
		require.Equal(t, want, errs.String(), args)
		require.Empty(t, out.String())
	}
}

// The model of a file to all text files.
func BenchmarkGenerate(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/golden/processes.txtar")
	if err != nil {
		b.Fatal(err)
	}
	source := archive.Files[0].Data
	b.Run("model", func(b *testing.B) {
		for b.Loop() {
			if _, err := model.Read(model.FileName, source); err != nil {
				b.Fatal(err)
			}
		}
	})
	m, err := model.Read(model.FileName, source)
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range []struct {
		name string
		Package
	}{{"role", rolePackage}, {"playbook", playbookPackage}, {"collection", collectionPackage}} {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Emit(m, p.Package); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	dir := b.TempDir()
	if _, err := generate(m, rolePackage, dir, hasPayload()); err != nil {
		b.Fatal(err)
	}
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			done, err := generate(m, rolePackage, dir, hasPayload())
			if err != nil || len(done) > 0 {
				b.Fatal(done, err)
			}
		}
	})
}
