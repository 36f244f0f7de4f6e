package inspect

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/planttest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// Fails if init reads a file that planttest/application.txtar does not have.
func TestLook_ReadsOnlyPlantedFiles(t *testing.T) {
	all := planttest.Application()
	for name, files := range map[string]fstest.MapFS{"nothing": {}, "all": all, "without what counts more": without(all, "config/sidekiq.yml", "site.yml", "production.yml", "config/deploy.rb")} {
		asked := planttest.Asked(files)
		Look(asked, Options{})
		require.NotEmpty(t, asked.Patterns)
		for file := range asked.Names {
			if _, err := all.ReadDir(file); err != nil && file != "config/sidekiq.yml.erb" && file != "apps/web" { // read as config/sidekiq.yml is; a directory that is not there
				require.Contains(t, all, file, name)
			}
		}
		for pattern := range asked.Patterns {
			require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(file string) bool {
				match, err := path.Match(short(pattern), short(file))
				require.NoError(t, err)
				return match
			}), "nothing is planted for %s", pattern)
		}
	}
	recipe := string(all["config/deploy.rb"].Data)
	for _, setting := range slices.Concat(slices.Collect(maps.Keys(settingOf)), slices.Collect(maps.Keys(settings)), slices.Collect(maps.Keys(asking))) {
		require.Contains(t, recipe, "set :"+setting+",", "nothing is planted in a setting")
	}
}

// Fails if a finding is added in any other way.
func TestNote_OnlyWriterOfFindings(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	changes := map[string]int{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			assigned, is := n.(*ast.AssignStmt)
			for i := 0; is && i < len(assigned.Lhs); i++ {
				if field, is := assigned.Lhs[i].(*ast.SelectorExpr); is && (field.Sel.Name == "findings" || field.Sel.Name == "value" && file != "settle.go") {
					changes[file+" "+field.Sel.Name]++
				}
			}
			return true
		})
	}
	require.Equal(t, map[string]int{"inspect.go findings": 1, "inert.go value": 2}, changes)
}

// short uses one suffix for YAML.
func short(name string) string { return strings.Replace(name, ".yaml", ".yml", 1) }

func without(files fstest.MapFS, names ...string) fstest.MapFS {
	rest := maps.Clone(files)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

// inert requires that a model and its commented fields contain no Jinja of the application.
func inert(t *testing.T, where string, a *Application) {
	t.Helper()
	text := string(a.Text(schemaURL))
	for _, delimiter := range []string{"{{", "{%", "{#"} {
		require.NotContains(t, text, delimiter, where)
	}
	var read any
	require.NoError(t, yaml.Unmarshal([]byte(text), &read), where)
	require.False(t, holdsJinja(read), where)
	require.NotContains(t, string(asJSON(read)), `"#jinja2:`, where)
}

// Fields with a withheld expression prove that expressions reach them.
func TestPlanted_EveryWord(t *testing.T) {
	withheld := map[string]bool{}
	for where, files := range planttest.Words(min(3, testenv.Rounds(1))) {
		a := Look(files, Options{})
		inert(t, where, a)
		for _, f := range a.findings {
			withheld[f.key] = withheld[f.key] || strings.HasPrefix(f.text, "ignored: its value ")
		}
	}
	maps.DeleteFunc(withheld, func(_ string, was bool) bool { return !was })
	require.Subset(t, slices.Sorted(maps.Keys(withheld)), []string{"app_root", "capistrano.roles", "command", "deploy_root", "deploy_user", "environment", "environment_files",
		"extra_directives", "hardening.read_write_paths", "logging.file", "processes", "project", "queues", "rails_env", "redis.namespace", "redis.url", "ruby.bundle", "service_name", "sidekiq_config", "umask"})
}

// An expression is the value of every variable of the role, in a playbook of the application or in one that is an
// argument; with SOAK=2 in both.
func TestPlanted_EveryVariableOfPlaybook(t *testing.T) {
	for i, f := range model.Fields(model.Default()) {
		if f.Name == "" {
			continue
		}
		expression := planttest.Expressions[i%len(planttest.Expressions)]
		for j, value := range []any{planttest.Header, []string{planttest.Header}, map[string]string{"A": planttest.Header + "\n[% x %]"}, expression, "/opt/" + expression, "/var/log/x" + expression, "redis://" + expression, []string{expression}, []string{"/" + expression},
			map[string]string{expression: "x"}, map[string]string{"Nice": expression}, map[string][]string{"A": {expression}},
			[]map[string]any{{"name": "a", "queues": []string{expression}}}, []map[string]any{{"name": "a", "config": expression}}, []map[string]any{{"name": "a", expression: 1}}} {
			text, err := yaml.Marshal([]any{map[string]any{"hosts": "workers", "roles": []any{map[string]any{"role": "sidekiq", f.Name: value}}}})
			require.NoError(t, err)
			for n := range min(2, testenv.Rounds(1)) {
				files, asked := fstest.MapFS{"site.yml": {Data: text}}, Options{}
				if (i+j+n)%2 == 0 {
					files, asked = fstest.MapFS{}, Options{PlaybookName: "/" + expression + ".yml", Playbook: text}
				}
				inert(t, string(text), Look(files, asked))
			}
		}
	}
}
