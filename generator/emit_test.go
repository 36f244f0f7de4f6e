package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// roles/sidekiq is generated with the defaults. After a change of a template: make generate.
func TestEmit_CommittedRole(t *testing.T) {
	files := emitted(t, rolePackage)
	list, err := manifestOf(files)
	require.NoError(t, err)
	files[manifestName] = list
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

func TestEmit_IsPure(t *testing.T) {
	m := model.Default()
	m.Project, m.ServiceName, m.DeployUser, m.DeployGroup, m.DeployRoot = "hyrax", "hyrax-worker", "app", "app", "/srv/hyrax"
	m.RailsEnv, m.Ruby.Bundle, m.Concurrency, m.Queues = "staging", "/home/app/.rbenv/shims/bundle", 12, []string{"default,2", "ingest"}
	one, err := Emit(m, rolePackage)
	require.NoError(t, err)
	two, err := Emit(m, rolePackage)
	require.NoError(t, err)
	require.Equal(t, one, two)
	var defaults map[string]any
	require.NoError(t, yaml.Unmarshal(one.text["defaults/main.yml"], &defaults))
	for name, want := range map[string]any{
		"sidekiq_project": "hyrax", "sidekiq_service_name": "hyrax-worker", "sidekiq_deploy_user": "app", "sidekiq_deploy_group": "app",
		"sidekiq_deploy_root": "/srv/hyrax", "sidekiq_rails_env": "staging", "sidekiq_bundle": "/home/app/.rbenv/shims/bundle",
		"sidekiq_concurrency": 12, "sidekiq_queues": []any{"default,2", "ingest"},
	} {
		require.Equal(t, want, defaults[name], name)
	}
}

// Each variable is used by a task, and tasks use no other.
func TestEmit_Variables(t *testing.T) {
	files := emitted(t, rolePackage)
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

// The modules would refuse other options only on the host.
func TestEmit_OptionsOfModules(t *testing.T) {
	files := emitted(t, rolePackage)
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
