package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	project "github.com/curationexperts/ansible-sidekiq"
	"github.com/curationexperts/ansible-sidekiq/generator/ansibletest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

var collectionPackage = Package{"collection", "include"}

// built is a layout with the binaries, if they were built.
func built(layout string) Package {
	if hasPayload() {
		return Package{layout, "include"}
	}
	return Package{layout, "none"}
}

func emitted(t *testing.T, p Package) map[string][]byte {
	t.Helper()
	files, err := Emit(model.Default(), p)
	require.NoError(t, err)
	again, err := Emit(model.Default(), p)
	require.NoError(t, err)
	require.Equal(t, files, again, "the same model gives the same bytes")
	return files.text
}

func parsed(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(text, &document))
	return document
}

// A collection has the files of the role in its own places, each once.
func TestCollection_Files(t *testing.T) {
	role, collection := emitted(t, rolePackage), emitted(t, collectionPackage)
	for name := range role {
		if name == "LICENSE" {
			continue
		}
		require.Contains(t, collection, collectionPackage.place("role/"+name))
	}
	require.Equal(t, project.License, collection["LICENSE"])
	require.Equal(t, project.Changelog, collection["CHANGELOG.md"])
	for name, text := range collection {
		require.NotRegexp(t, `^roles/sidekiq/(library|action_plugins|files)/`, name)
		require.NotContains(t, string(text), "roles/sidekiq/library", name)
	}
	plugin, err := templates.ReadFile("templates/role/action_plugins/MODULE.py")
	require.NoError(t, err)
	rest := func(text []byte) string { _, rest, _ := strings.Cut(string(text), "\n"); return rest }
	require.Equal(t, rest(plugin), rest(collection["plugins/action/sidekiq_module.py"]), "one plugin for all modules")
}

func TestCollection_Runtime(t *testing.T) {
	files := emitted(t, collectionPackage)
	runtime := parsed(t, files["meta/runtime.yml"])
	routing := map[string]any{}
	v, err := viewOf(model.Default(), collectionPackage)
	require.NoError(t, err)
	for _, s := range v.Modules {
		require.Contains(t, files, "plugins/modules/"+s.Module+".py")
		routing[s.Module] = map[string]any{"action_plugin": "curationexperts.samvera.sidekiq_module"}
	}
	require.Equal(t, map[string]any{"sidekiq": []any{"db_pool", "sidekiq_info", "systemd_sidekiq"}}, runtime["action_groups"])
	for _, s := range v.Modules {
		if slices.Contains(v.Group(), s.Module) {
			names := []string{}
			for _, o := range s.Options {
				names = append(names, o.Name)
			}
			require.Subset(t, names, []string{"rails_env", "app_root", "environment", "secret_environment", "environment_files", "dotenv_files"}, s.Module)
		}
	}
	require.Equal(t, map[string]any{"modules": routing}, runtime["plugin_routing"])
	require.Equal(t, ">=2.14.0", runtime["requires_ansible"])
}

func TestCollection_FullModuleNames(t *testing.T) {
	files := emitted(t, collectionPackage)
	short := regexp.MustCompile(`(?m)^ *(- )?(db_pool|sidekiq_info|sudoers_entry|systemd_sidekiq):|\bM\(\w+\)|- module: \w+$`)
	for name, text := range files {
		if strings.HasPrefix(name, "roles/sidekiq/tasks/") || strings.HasPrefix(name, "plugins/modules/") {
			require.Empty(t, short.FindAllString(string(text), -1), name)
		}
	}
	for _, module := range []string{"db_pool", "sidekiq_info", "sudoers_entry", "systemd_sidekiq"} {
		require.Contains(t, string(files["roles/sidekiq/tasks/"+module+".yml"]), "\n  curationexperts.samvera."+module+":\n")
		require.Contains(t, string(files["plugins/modules/"+module+".py"]), "\n  curationexperts.samvera."+module+":\n", "an example")
		require.Contains(t, string(files["plugins/modules/"+module+".py"]), "\nmodule: "+module+"\n")
	}
}

func TestGalaxyVersion(t *testing.T) {
	defer func(before string) { version = before }(version)
	var galaxy map[string]any
	for built, want := range map[string]string{"devel": "0.0.0-devel", "1.2.3": "1.2.3"} {
		version = built
		galaxy = parsed(t, emitted(t, collectionPackage)["galaxy.yml"])
		require.Equal(t, want, galaxy["version"])
	}
	require.Equal(t, "curationexperts.samvera", galaxy["namespace"].(string)+"."+galaxy["name"].(string))
}

// The README has the VERSION of the Makefile.
func TestDocuments_Version(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^VERSION := (\S+)$`).FindSubmatch(makefile)
	require.NotNil(t, found)
	require.Contains(t, string(project.Changelog), "\n## "+string(found[1]))
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	named := regexp.MustCompile(`(?:/v|sidekiq-|samvera-)(\d+\.\d+\.\d+)`).FindAllSubmatch(readme, -1)
	require.Len(t, named, 4)
	for _, n := range named {
		require.Equal(t, string(found[1]), string(n[1]))
	}
}

func TestGenerate_Collection(t *testing.T) {
	needPayload(t)
	dir := t.TempDir()
	var out, errs bytes.Buffer
	require.Equal(t, 0, run([]string{"generate", "--layout", "collection", "--output", dir}, &out, &errs), errs.String())
	require.FileExists(t, filepath.Join(dir, "plugins/files/payload.json"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "galaxy.yml"), []byte("edited"), 0o644))
	require.Equal(t, 1, run([]string{"generate", "--layout", "collection", "--output", dir}, &out, &errs))
	require.Contains(t, errs.String(), "refusing to overwrite modified files: galaxy.yml")
}

// installed returns a directory with only the role installed, and one with only the collection.
type installed struct {
	role, collections string
	bin               string // where Ansible's programs are
}

func install(t *testing.T) installed {
	t.Helper()
	i := installed{bin: ansibletest.Bin(t), role: filepath.Join(t.TempDir(), "roles/sidekiq"), collections: t.TempDir()}
	_, err := generate(model.Default(), built("role"), i.role)
	require.NoError(t, err)
	_, err = generate(model.Default(), built("collection"), filepath.Join(i.collections, "ansible_collections/curationexperts/samvera"))
	require.NoError(t, err)
	return i
}

// run runs a program of Ansible in dir, and returns its output whatever its exit status.
func (i installed) run(t *testing.T, dir, program string, args ...string) (string, error) {
	t.Helper()
	command := exec.Command(filepath.Join(i.bin, program), args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "PATH="+i.bin+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "NO_COLOR=1", "ANSIBLE_NOCOLOR=1",
		"ANSIBLE_COLLECTIONS_PATH="+i.collections)
	out, err := command.CombinedOutput()
	return string(out), err
}

// ansible-doc shows the modules and the role, also of the collection, without a warning.
func TestAnsibleDoc(t *testing.T) {
	t.Parallel()
	i := install(t)
	library := filepath.Join(i.role, "library")
	doc := func(args ...string) string {
		out, err := i.run(t, i.role, "ansible-doc", args...)
		require.NoError(t, err, "%v: %s", args, out)
		ansibletest.Clean(t, out)
		return out
	}
	v, err := viewOf(model.Default(), rolePackage)
	require.NoError(t, err)
	var modules []string
	for _, prefix := range []string{"", "curationexperts.samvera."} {
		for _, s := range v.Modules {
			modules = append(modules, prefix+s.Module)
		}
	}
	pages := regexp.MustCompile(`(?m)^> `).Split(doc(append([]string{"-M", library}, modules...)...), -1)[1:]
	require.Len(t, pages, len(modules))
	for n, page := range pages {
		title, _, _ := strings.Cut(page, "(")
		require.Contains(t, strings.ToLower(title), modules[n])
		for _, o := range v.Modules[n%len(v.Modules)].Options {
			require.Contains(t, page, o.Name)
		}
	}
	list := doc("-M", library, "-l", "ansible.legacy", "curationexperts.samvera")
	for _, prefix := range []string{"ansible.legacy.", "curationexperts.samvera."} {
		require.Equal(t, len(v.Modules), strings.Count(list, prefix), list)
	}
	roles := doc("-t", "role", "-r", filepath.Dir(i.role), "sidekiq", "curationexperts.samvera.sidekiq")
	require.Equal(t, 2, strings.Count(roles, "\n- sidekiq_deploy_user "), roles)
}

// Linters see the values of options that a playbook gives the collection's modules.
func TestCollection_Linters(t *testing.T) {
	testenv.Lint(t)
	i, dir := install(t), t.TempDir()
	text, err := os.ReadFile("testdata/collection/banana.yml")
	require.NoError(t, err)
	for _, state := range []string{"banana", "absent"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, state+".yml"), bytes.ReplaceAll(text, []byte("banana"), []byte(state)), 0o644))
	}
	out, err := i.run(t, dir, "ansible-lint", "--offline", "--strict", "banana.yml", "absent.yml")
	require.Error(t, err)
	require.Contains(t, out, "value of state must be one of: present, absent, got: banana")
	require.Contains(t, out, "Listing 1 violation(s)")
}

// acme is a model with a collection of a team's own, in a version of its own.
func acme() model.Model {
	m := model.Default()
	m.Project, m.Collection = "hyrax", model.Collection{Namespace: "acme", Name: "jobs", Version: "2.1.0"}
	return m
}

// installAcme builds acme's collection and installs it beside this project's.
func (i installed) installAcme(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	_, err := generate(acme(), built("collection"), filepath.Join(dir, "acme"))
	require.NoError(t, err)
	for _, args := range [][]string{{"build", "acme"}, {"install", "--offline", "-p", i.collections, "acme-jobs-2.1.0.tar.gz"}} {
		out, err := i.run(t, dir, "ansible-galaxy", append([]string{"collection"}, args...)...)
		require.NoError(t, err, out)
	}
}

// A generated playbook runs with an installed collection, whose name is the model's, and passes ansible-lint.
func TestBinariesCollection_RealAnsible(t *testing.T) {
	t.Parallel()
	needPayload(t)
	i := install(t)
	i.installAcme(t)
	ours := model.Default()
	ours.Project = "hyrax"
	for name, m := range map[string]model.Model{"acme.jobs": acme(), "curationexperts.samvera": ours} {
		dir, cache := t.TempDir(), t.TempDir()
		_, err := generate(m, Package{"playbook", "collection"}, dir)
		require.NoError(t, err)
		ansibletest.Write(t, filepath.Join(dir, "hosts.yml"), []byte("workers: {hosts: {localhost: {ansible_connection: local, ansible_become: false}}}\n"), nil)
		out, err := i.run(t, dir, "ansible-playbook", "--check", "--tags", "db_pool", "-i", "hosts.yml", "-e", "sidekiq_module_cache="+cache, "sidekiq.yml")
		require.NoError(t, err, out)
		require.Contains(t, out, "localhost                  : ok=1 ", name)
		require.Contains(t, out, "database.yml", name)
		require.NoDirExists(t, filepath.Join(dir, "roles/sidekiq/library"))
		sent, err := os.ReadDir(cache)
		require.NoError(t, err)
		require.NotEmpty(t, sent, "the collection's binary")
	}
}

func TestBinariesCollection_Linters(t *testing.T) {
	testenv.Lint(t)
	i := install(t)
	i.installAcme(t)
	dir := t.TempDir()
	_, err := generate(acme(), Package{"playbook", "collection"}, dir)
	require.NoError(t, err)
	out, err := i.run(t, dir, "ansible-lint", "--offline", "--strict", "--profile", "production")
	require.NoError(t, err, out)
	out, err = i.run(t, dir, "yamllint", "-d", "default", "--strict", ".")
	require.NoError(t, err, out)
	for _, collection := range []string{"acme/jobs", "curationexperts/samvera"} {
		out, err := i.run(t, filepath.Join(i.collections, "ansible_collections", collection), "ansible-lint", "--offline", "--strict", "--profile", "production")
		require.NoError(t, err, out)
		require.Contains(t, out, "Profile 'production' was required, and it passed", collection)
	}
}

// Everything in a collection has the model's names, and an installed one does not hide this project's.
func TestCollection_OwnName(t *testing.T) {
	own, err := Emit(acme(), collectionPackage)
	require.NoError(t, err)
	for name, text := range own.text {
		require.NotContains(t, string(text), "curationexperts.samvera", name)
	}
	galaxy := parsed(t, own.text["galaxy.yml"])
	require.Equal(t, []any{"acme", "jobs", "2.1.0"}, []any{galaxy["namespace"], galaxy["name"], galaxy["version"]})
	require.Contains(t, string(own.text["README.md"]), "\n  - name: acme.jobs\n    version: 2.1.0\n")
	require.NotContains(t, string(own.text["CHANGELOG.md"]), "0.1.0")
	for version, want := range map[string]map[string]any{"": {"name": "acme.jobs"}, "2.1.0": {"name": "acme.jobs", "version": "2.1.0"}} {
		m := acme()
		m.Collection.Version = version
		playbook, err := Emit(m, Package{"playbook", "collection"})
		require.NoError(t, err)
		require.Equal(t, []any{want}, parsed(t, playbook.text["requirements.yml"])["collections"])
	}
	m := model.Default()
	m.Project = "hyrax"
	playbook, err := Emit(m, Package{"playbook", "collection"})
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"type": "url", "name": "https://github.com/curationexperts/ansible-sidekiq/releases/download/v0.0.0-devel/curationexperts-samvera-0.0.0-devel.tar.gz"}},
		parsed(t, playbook.text["requirements.yml"])["collections"])
}

func TestCollection_RealAnsible(t *testing.T) {
	t.Parallel()
	needPayload(t)
	i, dir := install(t), t.TempDir()
	play, err := filepath.Abs("testdata/collection/names.yml")
	require.NoError(t, err)
	database, cache := filepath.Join(dir, "database.yml"), filepath.Join(dir, "cache")
	require.NoError(t, os.WriteFile(database, []byte("staging:\n  adapter: mysql2\n  pool: 5\n"), 0o600))
	require.NoError(t, os.Mkdir(cache, 0o700))
	out, err := i.run(t, dir, "ansible-playbook", "-i", "localhost,", "-e", "database="+database, "-e", "sidekiq_module_cache="+cache, play)
	require.NoError(t, err, out)
	text, err := os.ReadFile(database)
	require.NoError(t, err)
	require.Contains(t, string(text), "pool: 9\n", out)
}
