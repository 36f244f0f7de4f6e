package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// README.md has all help texts. UPDATE=1 writes it, as make generate does.
func TestReference_Committed(t *testing.T) {
	defer func(before string) { version = before }(version)
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	version = string(regexp.MustCompile(`(?m)^VERSION := (\S+)$`).FindSubmatch(makefile)[1])
	made, err := reference(rootCommand(io.Discard, io.Discard))
	require.NoError(t, err)
	goldentest.File(t, "README.md", string(made))
}

var fenced = regexp.MustCompile("(?s)```(yaml|sh)\n(.*?)```")

// The examples in the role's README are YAML that Ansible accepts.
func TestRoleREADME_Examples(t *testing.T) {
	t.Parallel()
	bin := ansibletest.Bin(t)
	i := installed{bin: bin}
	dir := t.TempDir()
	_, err := generate(model.Default(), Package{"role", "none"}, filepath.Join(dir, "roles/sidekiq"))
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(dir, "roles/sidekiq/README.md"))
	require.NoError(t, err)
	plays, variables := "", map[string]bool{}
	for _, v := range model.Variables(model.Default()) {
		variables[v.Name] = true
	}
	examples := fenced.FindAllSubmatch(readme, -1)
	require.Len(t, examples, 3)
	for _, e := range examples {
		var content any
		require.NoError(t, yaml.Unmarshal(e[2], &content), string(e[2]))
		text := string(e[2])
		switch content := content.(type) {
		case map[string]any: // group_vars
			for name := range content {
				require.True(t, variables[name], name)
			}
			continue
		case []any:
			if _, task := content[0].(map[string]any)["ansible.builtin.include_role"]; task {
				text = "- hosts: workers\n  tasks:\n" + indent(4, text)
			}
		}
		plays += text
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plays.yml"), []byte(plays), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hosts"), []byte("[workers]\nworker1\n"), 0o600))
	out, err := i.run(t, dir, "ansible-playbook", "--syntax-check", "-i", "hosts", "plays.yml")
	require.NoError(t, err, out)
	ansibletest.Clean(t, out)
}
