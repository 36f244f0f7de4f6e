package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/inspect"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// appIn writes files into a separate directory.
func appIn(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestInitWritesOnceAndSaysWhatItDid(t *testing.T) {
	dir := appIn(t, map[string]string{"Gemfile.lock": "    sidekiq (7.3.2)\n", "config/deploy.rb": "set :application, 'mover'\nset :user, 'deploy'\nset :deploy_to, '/srv/mover'\n"})
	play := filepath.Join(appIn(t, map[string]string{"site.yml": "- hosts: jobs\n  roles:\n    - { role: sidekiq, project_name: played }\n"}), "site.yml")
	home := appIn(t, map[string]string{".tool-versions": "ruby 3.3.5\n", ".ruby-version": "3.3.5\n"})
	file := filepath.Join(dir, model.FileName)
	shown := "Gemfile.lock            sidekiq 7.3.2\nconfig/deploy.rb        application mover, user deploy, deploy_to /srv/mover\n"
	for _, c := range []struct {
		args   string
		out    string
		errs   string
		wrote  string
		status int
	}{
		{"init " + dir, shown + "wrote " + file + ", with 2 questions in it\nnext: sidekiq-role generate --model " + file + " --output ../deployment --layout playbook\n", "", "\nproject: mover\n", 0},
		{"init " + dir, "", "error: " + file + " already exists; hint: --update keeps its values, --force overwrites it, --output - prints a new one\n", "\nproject: mover\n", 1},
		{"init --force --from-playbook " + play + " " + dir, shown + play + "  hosts jobs, project_name played\nwrote " + file + ", with 1 question in it\nnext: sidekiq-role generate --model " + file + " --output ../deployment --layout playbook\n",
			"", "\nproject: played\n", 0},
		{"init " + dir + "/config", "", "error: " + dir + "/config is not a Rails application; looked for: " + inspect.LookedFor + "; hint: name the directory that holds Gemfile.lock\n", "", 1},
		{"init " + home, "", "error: " + home + " is not a Rails application; looked for: " + inspect.LookedFor + "; hint: name the directory that holds Gemfile.lock\n", "", 1},
		{"init " + dir + "/nowhere", "", "error: open " + dir + "/nowhere: no such file or directory; hint: name the directory of the Rails application\n", "", 1},
		{"init " + dir + "/Gemfile.lock", "", "error: open " + dir + "/Gemfile.lock: not a directory; hint: name the directory of the Rails application\n", "", 1},
		{"init --force --from-playbook nowhere.yml " + dir, "", "error: --from-playbook: \"nowhere.yml\": open nowhere.yml: no such file or directory; hint: name an Ansible playbook\n", "", 1},
		{"init --force --rails-env a-b " + dir, "", "error: --rails-env: \"a-b\" is not accepted; accepted: letters, digits and _\n", "", 1},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, c.status, run(strings.Fields(c.args), &out, &errs), c.args)
		require.Equal(t, strings.ReplaceAll(c.errs, "; hint", "\nhint"), errs.String(), c.args)
		if c.out != "" {
			require.Equal(t, strings.Join(strings.Fields(c.out), " "), strings.Join(strings.Fields(out.String()), " "), c.args)
		}
		if c.wrote != "" {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Contains(t, string(text), c.wrote, c.args)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "config"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is written where there is no application")
}

// The command that init names can be pasted, whatever the directory is called.
func TestInitNamesACommandThatAShellReads(t *testing.T) {
	t.Chdir(appIn(t, map[string]string{"our app/Procfile": "worker: bundle exec sidekiq\n"}))
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"init", "our app"}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "\nnext: set project in our app/sidekiq-role.yml, then sidekiq-role generate --model 'our app/sidekiq-role.yml' --output ../deployment --layout playbook\n")
}

func TestInit_Quiet(t *testing.T) {
	dir := appIn(t, map[string]string{"Procfile": "worker: bundle exec sidekiq -c 3\n"})
	for _, output := range []string{"-", filepath.Join(dir, "x.yml")} {
		var out, errs bytes.Buffer
		require.Zero(t, run([]string{"init", "-q", dir, "--output", output}, &out, &errs))
		require.Empty(t, errs.String())
		require.Equal(t, output == "-", out.Len() > 0)
	}
}

func TestInit_Update(t *testing.T) {
	dir := appIn(t, map[string]string{"Procfile": "worker: bundle exec sidekiq -c 3 -t 40\n", model.FileName: "project: mover\nconcurrency: 5\nrails_env: staging\n", "faulty.yml": "concurrency: many\n"})
	file := filepath.Join(dir, model.FileName)
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"init", "--update", dir}, &out, &errs), errs.String())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "\n# Procfile:1 differs: worker: sidekiq -c 3 -t 40\nconcurrency: 5\n")
	m, err := model.Read(file, text)
	require.NoError(t, err)
	require.Equal(t, []any{"mover", 5, 0, "staging"}, []any{m.Project, m.Concurrency, m.Timeout, m.RailsEnv})
	require.Contains(t, out.String(), file+"  concurrency is kept: Procfile:1 differs: worker: sidekiq -c 3 -t 40\n")
	require.Contains(t, out.String(), file+"  new question: from Procfile:1: worker: sidekiq -c 3 -t 40. Is that right?\n")
	require.Contains(t, out.String(), "wrote "+file+", with ")

	for args, want := range map[string]string{
		"--output " + dir + "/faulty.yml":  dir + "/faulty.yml:1:14: concurrency: \"many\" is not accepted; accepted: a whole number, 1 or more\n",
		"--output " + dir + "/nowhere.yml": "error: --update: \"" + dir + "/nowhere.yml\": open " + dir + "/nowhere.yml: no such file or directory\nhint: without --update, init writes it\n",
		"--output -":                       "error: --update: --output - is not accepted; accepted: the file of a model\n",
		"--force":                          "error: --update and --force are mutually exclusive\nhint: --update keeps the values of the model, --force discards them\n",
	} {
		before, after := tree(t, dir), bytes.Buffer{}
		require.Equal(t, 1, run(append([]string{"init", "--update", dir}, strings.Fields(args)...), &out, &after), args)
		require.Equal(t, want, after.String())
		require.Equal(t, before, tree(t, dir), args)
	}
}

// Nothing is written for an application that needs no unit, unless that is forced.
func TestInit_Unwanted(t *testing.T) {
	dir := appIn(t, map[string]string{"config/deploy.yml": "service: x\nimage: x/x\n"})
	var out, errs bytes.Buffer
	require.Equal(t, 1, run([]string{"init", dir}, &out, &errs))
	require.Equal(t, "error: "+dir+": config/deploy.yml is Kamal's; a systemd unit on the host is probably not wanted\nhint: --force writes the model anyway\n", errs.String())
	require.NoFileExists(t, filepath.Join(dir, model.FileName))
	require.Zero(t, run([]string{"init", "--force", dir}, &out, &errs))
	require.FileExists(t, filepath.Join(dir, model.FileName))
}

func TestInit_Below(t *testing.T) {
	dir := appIn(t, map[string]string{"services/api/Gemfile.lock": "", "apps/web/gems.locked": ""})
	var out, errs bytes.Buffer
	require.Equal(t, 1, run([]string{"init", dir}, &out, &errs))
	require.Equal(t, "error: "+dir+" is not a Rails application; found below: apps/web, services/api\nhint: sidekiq-role init "+dir+"/apps/web\n", errs.String())
}

// On standard output there is the file and no more, and nothing is written.
func TestInitToStandardOutput(t *testing.T) {
	dir := appIn(t, map[string]string{"Procfile": "worker: bundle exec sidekiq -c 3\n"})
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"init", dir, "--output", "-"}, &out, &errs))
	m, err := model.Read(model.FileName, out.Bytes())
	require.NoError(t, err)
	require.Equal(t, 3, m.Concurrency)
	require.Equal(t, "Procfile                worker: sidekiq -c 3\n", errs.String())
	require.NoFileExists(t, filepath.Join(dir, model.FileName))
}

// The other commands read the file without any option.
func TestGenerateReadsWhatInitWrote(t *testing.T) {
	t.Chdir(appIn(t, map[string]string{"config/deploy.rb": "set :application, 'mover'\n"}))
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"init"}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "wrote sidekiq-role.yml")
	require.Contains(t, out.String(), "next: sidekiq-role generate --output ../deployment --layout playbook\n")
	require.Zero(t, run([]string{"generate", "--binaries", "none", "--output", "role"}, &out, &errs), errs.String())
	defaults, err := os.ReadFile("role/defaults/main.yml")
	require.NoError(t, err)
	require.Contains(t, string(defaults), "sidekiq_project: mover\n")
}

// A file that cannot be read is said to be so, and the others are read.
func TestInitGoesOnWithoutAFileThatItCannotRead(t *testing.T) {
	dir := appIn(t, map[string]string{"Gemfile.lock": "    sidekiq (7.3.2)\n"})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "Procfile"), 0o755))
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "Capfile")))
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"init", dir, "--output", "-"}, &out, &errs), errs.String())
	require.Contains(t, errs.String(), "Capfile                 not read: too many levels of symbolic links\n")
	require.Contains(t, out.String(), "\n# Procfile: not read: not a regular file\n")
	_, err := model.Read(model.FileName, out.Bytes())
	require.NoError(t, err)
}

// Nothing is read that lies outside of the application, that has no end, or that nobody writes to.
func TestInit_ReadsFilesOfTheApplicationAlone(t *testing.T) {
	outside := appIn(t, map[string]string{"deploy.rb": "set :application, 'outside'\n", "site.yml": "- hosts: outside\n  roles: [sidekiq]\n"})
	dir := appIn(t, map[string]string{"Gemfile.lock": "    sidekiq (7.3.2)\n", "theirs/.tool-versions": "ruby 3.3.5\n", "Procfile": strings.Repeat("#", 1<<20+1)})
	for name, target := range map[string]string{"config": outside, "Capfile": "/dev/zero", "site.yml": filepath.Join(outside, "site.yml"), "ansible": outside, ".tool-versions": "theirs/.tool-versions", ".rvmrc": "/proc/self/environ"} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "mise.toml"), 0o600))
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"init", dir, "--output", "-"}, &out, &errs), errs.String())
	require.NotContains(t, out.String()+errs.String(), "'outside'")
	for _, said := range []string{
		`config/deploy.rb  not read: the symbolic link "config" leads out of the application`, `Capfile  not read: the symbolic link "Capfile" leads out of the application`,
		`site.yml  not read: the symbolic link "site.yml" leads out of the application`, `.rvmrc  not read: the symbolic link ".rvmrc" leads out of the application`,
		"Procfile  not read: it is longer than 1 MiB", "mise.toml  not read: not a regular file", ".tool-versions  for asdf or mise, at least on development machines",
	} {
		require.Contains(t, regexp.MustCompile(` +`).ReplaceAllString(errs.String(), " "), strings.Replace(said, "  ", " ", 1))
	}
	for play, want := range map[string]string{"/dev/zero": "it is longer than 1 MiB", dir: "is a directory"} {
		errs.Reset()
		require.Equal(t, 1, run([]string{"init", dir, "--from-playbook", play, "--output", "-"}, &out, &errs))
		require.Contains(t, errs.String(), "error: --from-playbook: \""+play+"\": ")
		require.Contains(t, errs.String(), want)
	}
}

// A named pipe in the place of a directory does not block.
func TestInit_NamedPipes(t *testing.T) {
	for _, name := range []string{"config", "lib", "config/deploy", "config/deploy.rb", "config/sidekiq", "lib/capistrano/tasks", "ansible", "playbooks", "provisioning"} {
		dir := appIn(t, map[string]string{"Procfile": "worker: sidekiq\n"})
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
		require.Zero(t, run([]string{"init", dir}, io.Discard, io.Discard), name)
	}
	pipe, errs := filepath.Join(t.TempDir(), "app"), bytes.Buffer{}
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.Equal(t, 1, run([]string{"init", "-o", "-", pipe}, io.Discard, &errs))
	require.Contains(t, errs.String(), ": not a directory\nhint: name the directory of the Rails application\n")
	for _, args := range [][]string{{"validate", "--model", pipe}, {"init", t.TempDir(), "-o", "-", "--from-playbook", pipe}, {"init", t.TempDir(), "-o", pipe, "--update"}} {
		errs.Reset()
		require.Equal(t, 1, run(args, io.Discard, &errs))
		require.Contains(t, errs.String(), "is a named pipe")
	}
}
