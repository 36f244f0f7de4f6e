package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// yamlHostile are texts that have another meaning in YAML without quotes.
var yamlHostile = []string{
	"\n- hosts: all", ": #", "!!python/object/apply:os.system [x]", "!unsafe x", "*a", "&a b", "x\n---\nevil: 1", "\n...\nevil: 1", "x\u2028evil: 1", "x\u0085evil: 1", "x\revil: 1", "' evil: 1", `" evil: 1`, "}", "]", "# x",
	"%YAML 1.1", "? x", "- x", "a\tb", "<<", "=", "x: >-", ">-\nevil: 1", "|", "[[ . ]]", "`x`", "<!-- x -->", "| x |", "x\x01", "\u009bx",
}

// long is inserted before a text, since long texts are written in another style.
var long = []string{"", strings.Repeat("x", 60), strings.Repeat("word ", 30)}

// accepted are the hostile texts that a field accepts, with its required prefix.
func accepted(f model.Field, valueOf func(text string) any) (texts []string) {
	for i, text := range yamlHostile {
		for _, begin := range []string{"", "/", "/var/log/x", "redis://", "/bin/x "} {
			tree := map[string]any{}
			model.Put(tree, f.Key, valueOf(begin+long[i%len(long)]+text))
			if _, err := model.Read(model.FileName, marshalled(tree)); err == nil {
				texts = append(texts, begin+long[i%len(long)]+text)
				break
			}
		}
	}
	return texts
}

// hostileModels together have all these texts: the first has them in lists and mappings, each other model has one in
// the other fields.
func hostileModels(t *testing.T) (models []model.Model) {
	t.Helper()
	together, single := map[string]any{}, map[string][]string{}
	for _, f := range model.Fields(model.Default()) {
		list, processes, variables := []any{}, []any{}, map[string]any{}
		switch {
		case f.Key == "" || !f.Textual() || f.Choices != nil:
		case f.Fields != nil:
			for i, text := range accepted(f, func(text string) any { return []any{map[string]any{"name": "a", "config": text}} }) {
				processes = append(processes, map[string]any{"name": fmt.Sprint("p", i), "config": text})
			}
			together[f.Key] = processes
		case f.Type == argspec.List:
			for _, text := range accepted(f, func(text string) any { return []any{text} }) {
				list = append(list, text)
			}
			together[f.Key] = list
		case f.Key == "environment":
			for i, text := range accepted(f, func(text string) any { return map[string]any{"A": text} }) {
				variables[fmt.Sprint("A", i)] = text
			}
			together[f.Key] = variables
		case f.Key == "extra_directives":
			single[f.Key+".Nice"] = accepted(f, func(text string) any { return map[string]any{"Nice": text} })
		case f.Key == "unit_directives":
			single[f.Key+".OnFailure"] = accepted(f, func(text string) any { return map[string]any{"OnFailure": text} })
		default:
			single[f.Key] = accepted(f, func(text string) any { return text })
		}
	}
	for i := range yamlHostile {
		tree := map[string]any{"project": "hyrax"}
		if i == 0 {
			for key, value := range together {
				model.Put(tree, key, value)
			}
		}
		for key, texts := range single {
			if len(texts) > 0 {
				model.Put(tree, key, texts[i%len(texts)])
			}
		}
		m, err := model.Read(model.FileName, marshalled(tree))
		require.NoError(t, err)
		models = append(models, m)
	}
	require.Greater(t, len(models[0].Environment), len(yamlHostile)/2)
	require.Greater(t, len(models[0].Processes), len(yamlHostile)/2)
	return models
}

// document reads a single YAML document.
func document(t *testing.T, text []byte) (content any) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(text))
	require.NoError(t, d.Decode(&content), "%s", text)
	require.True(t, errors.Is(d.Decode(new(any)), io.EOF), "another document: %s", text)
	return content
}

// documents returns all YAML files of a package.
func documents(t *testing.T, m model.Model, p Package) (all map[string]any, defaults []byte) {
	t.Helper()
	files, err := Emit(m, p)
	require.NoError(t, err)
	maps.Copy(files.text, files.stubs)
	all = map[string]any{}
	for name, text := range files.text {
		if filepath.Ext(name) == ".yml" {
			all[name] = document(t, text)
		}
		if strings.HasSuffix(name, "defaults/main.yml") {
			defaults = text
		}
	}
	return all, defaults
}

// Every value is read back unchanged.
func TestYAMLValue_IsReadBack(t *testing.T) {
	for _, text := range yamlHostile {
		for _, long := range long {
			for _, text := range []string{text, long + text, text + long} {
				for _, value := range []any{text, []any{text, text}, map[string]any{"Nice": text}, []any{map[string]any{"a": text}}} {
					for n := 2; n <= 10; n += 2 {
						written, err := yamlValue(n, value)
						require.NoError(t, err)
						begin, end := "", "after: 1\n"
						for i := range n/2 - 1 {
							begin += strings.Repeat("  ", i) + "a:\n"
						}
						whole, err := wrapped(begin+strings.Repeat(" ", n-2)+"value:"+written+"\n"+end, fileWidth)
						require.NoError(t, err, written)
						var want any = map[string]any{"value": value}
						for range n/2 - 1 {
							want = map[string]any{"a": want}
						}
						want.(map[string]any)["after"] = 1
						require.Equal(t, want, document(t, []byte(whole)), whole)
					}
				}
			}
		}
	}
}

// takeDefaults removes and returns the defaults of the options in an argument_specs.yml.
func takeDefaults(specs any) map[string]any {
	options := specs.(map[string]any)["argument_specs"].(map[string]any)["variables"].(map[string]any)["options"].(map[string]any)
	defaults := map[string]any{}
	for name, option := range options {
		if value, has := option.(map[string]any)["default"]; has {
			defaults[name] = value
		}
		delete(option.(map[string]any), "default")
	}
	return defaults
}

// All generated files have the values of the model, and differ in nothing else.
func TestEmit_HostileValues(t *testing.T) {
	t.Parallel()
	plain := model.Default()
	plain.Project = "hyrax"
	models, dir := hostileModels(t), t.TempDir()
	var files []string
	var wants []any
	for _, p := range []Package{{"playbook", "include"}, {"playbook", "collection"}, {"collection", "include"}} {
		same, _ := documents(t, plain, p)
		for i, m := range models {
			want := map[string]any{}
			for _, v := range model.Variables(m) {
				want[v.Name] = v.Default
			}
			all, defaults := documents(t, m, p)
			require.ElementsMatch(t, slices.Collect(maps.Keys(same)), slices.Collect(maps.Keys(all)))
			for name, content := range all {
				switch {
				case strings.HasSuffix(name, "defaults/main.yml"):
					require.JSONEq(t, asJSON(t, want), asJSON(t, content), name)
					continue
				case strings.HasSuffix(name, "meta/argument_specs.yml"):
					takeDefaults(same[name])
					for variable, value := range takeDefaults(content) {
						require.JSONEq(t, asJSON(t, want[variable]), asJSON(t, value), variable)
					}
				}
				require.Equal(t, same[name], content, name)
			}
			files = append(files, filepath.Join(dir, fmt.Sprintf("%d%s%s.yml", i, p.Layout, p.Binaries)))
			wants = append(wants, want)
			require.NoError(t, os.WriteFile(files[len(files)-1], defaults, 0o600))
		}
	}
	require.JSONEq(t, asJSON(t, wants), asJSON(t, readByPython(t, files)))
}
