package inspect

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

// schemaURL replaces the real URL.
const schemaURL = "https://example.org/a/path/that/is/as/long/as/the/real/one/of/a/schema/sidekiq-role.schema.json"

// initGoldens are applications with init's file and output.
func initGoldens(t testing.TB) []string {
	names, err := filepath.Glob("testdata/applications/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	return names
}

const shownAs = "terminal"

// application returns the files of an application in an archive, and its environment. A line of the header that
// starts with -- is an option; an unknown option is an error.
func application(t testing.TB, archive *txtar.Archive) (files fstest.MapFS, env string) {
	files, env = fstest.MapFS{}, "production"
	for line := range strings.Lines(string(archive.Comment)) {
		if strings.HasPrefix(line, "--") {
			_, err := fmt.Sscanf(line, "--rails-env %s\n", &env)
			require.NoError(t, err, line)
		}
	}
	for _, f := range archive.Files {
		if f.Name == model.FileName {
			break
		}
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files, env
}

// UPDATE=1 writes the expected output.
func TestLook_Applications(t *testing.T) {
	for _, name := range initGoldens(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			files, env := application(t, archive)
			a := Look(files, Options{RailsEnv: env})
			text := a.Text(schemaURL)
			var shown bytes.Buffer
			require.NoError(t, a.Tell(&shown))
			archive.Files = append(archive.Files[:len(files)], txtar.File{Name: model.FileName, Data: text}, txtar.File{Name: shownAs, Data: shown.Bytes()})
			goldentest.File(t, name, string(txtar.Format(archive)))
			accepts(t, text)
			asks(t, a)
			updates(t, files, env, text)
			require.NotContains(t, string(text)+shown.String(), "hunter2", "a secret")
			require.Equal(t, string(text), string(Look(files, Options{RailsEnv: env}).Text(schemaURL)), "the same each time")
		})
	}
}

// accepts requires that a file is a model, also if one or all of the commented fields are uncommented.
func accepts(t testing.TB, text []byte) model.Model {
	t.Helper()
	m, err := model.Read(model.FileName, text)
	require.NoError(t, err, "%s", text)
	fields := fieldsInComments(string(text))
	all := strings.Split(string(text), "\n")
	for _, lines := range fields {
		one := strings.Split(string(text), "\n")
		for i, line := range lines {
			one[i], all[i] = line, line
		}
		_, err := model.Read(model.FileName, []byte(strings.Join(one, "\n")))
		require.NoError(t, err, "%s", strings.Join(one, "\n"))
	}
	_, err = model.Read(model.FileName, []byte(strings.Join(all, "\n")))
	require.NoError(t, err, "%s", strings.Join(all, "\n"))
	return m
}

var (
	fieldInComment = regexp.MustCompile(`^( *)# ([a-z_]+:( .*)?)$`)
	goesOnBelow    = regexp.MustCompile(`^( *)# ( +\S.*)$`)
)

// fieldsInComments returns the commented fields, each as its uncommented lines by number.
func fieldsInComments(text string) (fields []map[int]string) {
	within := false
	for i, line := range strings.Split(text, "\n") {
		if m := fieldInComment.FindStringSubmatch(line); m != nil && i > 1 {
			fields, within = append(fields, map[int]string{i: m[1] + m[2]}), true
		} else if m := goesOnBelow.FindStringSubmatch(line); m != nil && within {
			fields[len(fields)-1][i] = m[1] + m[2]
		} else {
			within = false
		}
	}
	return fields
}

func TestFieldsInComments(t *testing.T) {
	require.Equal(t, []map[int]string{{3: "a:", 4: "  - x"}, {6: "  b: c"}}, fieldsInComments("\n\n# Is it: so?\n# a:\n#   - x\n# words\n  # b: c\n"))
}

func TestText_Yamllint(t *testing.T) {
	lint, err := exec.LookPath("yamllint")
	if err != nil {
		testenv.NotTested(t, "yamllint is not installed")
	}
	dir := t.TempDir()
	for _, name := range initGoldens(t) {
		archive, err := txtar.ParseFile(name)
		require.NoError(t, err)
		files, env := application(t, archive)
		text := Look(files, Options{RailsEnv: env}).Text(schemaURL)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(name)+".yml"), text, 0o600))
	}
	out, err := exec.Command(lint, "--strict", "--config-data", "extends: default", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// The applications of the project's own tests.
func TestLook_ApplicationsOfTheTests(t *testing.T) {
	demo := overlay{os.DirFS("../../molecule/capistrano/app"), os.DirFS("../../molecule/app")}
	m := accepts(t, Look(demo, Options{}).Text(schemaURL))
	require.Equal(t, "demo", m.Project)
	require.Equal(t, []model.Server{{Host: "worker", Stage: "production"}}, m.Playbook.Servers)
	m.Project, m.Playbook.Servers = "", nil
	require.Equal(t, model.Default(), m, "the rest of it is the defaults'")

	text := Look(os.DirFS("../../molecule/rails"), Options{}).Text(schemaURL)
	require.Equal(t, model.Default(), accepts(t, text))
	require.Contains(t, string(text), "# config/sidekiq.yml: 25 threads")
	require.Contains(t, string(text), "# config/database.yml:6: pool 5, too small for 25 threads: the role raises it\n")
}

// overlay merges directories.
type overlay []fs.FS

func (o overlay) Open(name string) (f fs.File, err error) {
	for _, files := range o {
		if f, err = files.Open(name); err == nil {
			return f, nil
		}
	}
	return nil, err
}

// The file has the same value, whatever the text contains.
func TestText_ValuesAreReadBack(t *testing.T) {
	long := strings.Repeat("x", longestLine)
	for _, text := range []string{": #", "*a", "&a", "!!python/object", "- a", "? a", "a: b", "x #", "'", "x\"", "\u2028sudo:\u2028- a", "\u0085sudo: {}", "\u2029a:\u2029", "\ufeffa", "\\", "|", ">-", "%", "---", "~", "null", "no"} {
		for _, value := range []string{text, long + text, text + long, long + " " + text + " " + long} {
			e := entry{key: "sidekiq_config", value: value, live: true}
			var read map[string]any
			written := strings.Join(linesOf("", []entry{e}), "\n")
			require.NoError(t, yaml.Unmarshal([]byte(written), &read), written)
			require.Equal(t, map[string]any{"sidekiq_config": value}, read, written)
			e.live = false
			read = nil
			require.NoError(t, yaml.Unmarshal([]byte(strings.Join(linesOf("", []entry{e}), "\n")), &read))
			require.Empty(t, read, "a comment")
		}
	}
}

// A playbook of the application cannot disable a protection; other values of the same fields are used.
func TestPrivileged_ProtectionsAreNotDisabled(t *testing.T) {
	for variable, live := range map[string]bool{
		"sidekiq_database_allow_foreign_links: true": false, "sidekiq_environment_files: [/srv/x/.env]": false, "sidekiq_hardening: 'off'": false,
		"sidekiq_hardening: strict": true, "sidekiq_read_write_paths: [/srv/x]": true,
	} {
		a := Look(fstest.MapFS{"site.yml": {Data: []byte("- hosts: workers\n  roles:\n    - role: sidekiq\n      " + variable + "\n")}}, Options{})
		m, err := model.Read(model.FileName, a.Text(schemaURL))
		require.NoError(t, err, variable)
		m.Project, m.DeployUser, m.DeployGroup, m.Playbook.Hosts = "", model.Default().DeployUser, model.Default().DeployGroup, model.Default().Playbook.Hosts
		require.Equal(t, live, string(asJSON(m)) != string(asJSON(model.Default())), variable)
		require.Equal(t, !live, strings.Contains(string(a.Text(schemaURL)), "removes a"), variable)
	}
}

// yaml.v3 would write the value as !!binary.
func TestRead_RefusesInvalidUTF8(t *testing.T) {
	for name, text := range map[string]string{"config/deploy.rb": "set :application, 'hyrax'\nset :deploy_to, '/srv/\xff'\n", "site.yml": "- hosts: workers\n  roles:\n    - { role: sidekiq, project_name: 'a\xff' }\n"} {
		a := Look(fstest.MapFS{name: {Data: []byte(text)}}, Options{})
		require.Contains(t, string(a.Text(schemaURL)), "# "+name+": not read: not UTF-8\n")
		require.NotContains(t, string(a.Text(schemaURL)), "!!binary")
	}
	_, err := Limited(strings.NewReader("\xff"))
	require.EqualError(t, err, "not UTF-8")
}
