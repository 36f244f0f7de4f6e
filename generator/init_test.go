package main

import (
	"bytes"
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

// appIn writes files into a folder of its own.
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
	shown := "Gemfile.lock            Sidekiq 7.3.2\nconfig/deploy.rb        application mover, user deploy, deploy_to /srv/mover\n"
	for _, c := range []struct {
		args   string
		out    string
		errs   string
		wrote  string
		status int
	}{
		{"init " + dir, shown + "wrote " + file + ", with 2 questions in it\nnext: sidekiq-role generate --model " + file + " --output roles/sidekiq\n", "", "\nproject: mover\n", 0},
		{"init " + dir, "", "error: " + file + ": not overwritten; hint: --force overwrites it, --output - shows what would stand there\n", "\nproject: mover\n", 1},
		{"init --force --playbook " + play + " " + dir, shown + play + "  hosts jobs, project_name played\nwrote " + file + ", with 1 question in it\nnext: sidekiq-role generate --model " + file + " --output roles/sidekiq\n",
			"", "\nproject: played\n", 0},
		{"init " + dir + "/config", "", "error: " + dir + "/config is no Rails application; looked for: " + inspect.LookedFor + "; hint: name the folder that holds Gemfile.lock\n", "", 1},
		{"init " + home, "", "error: " + home + " is no Rails application; looked for: " + inspect.LookedFor + "; hint: name the folder that holds Gemfile.lock\n", "", 1},
		{"init " + dir + "/nowhere", "", "error: " + dir + "/nowhere does not exist; hint: name the folder of the Rails application\n", "", 1},
		{"init " + dir + "/Gemfile.lock", "", "error: " + dir + "/Gemfile.lock is no folder; hint: name the folder of the Rails application\n", "", 1},
		{"init --force --playbook nowhere.yml " + dir, "", "error: --playbook: \"nowhere.yml\" does not exist; hint: name an Ansible playbook\n", "", 1},
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

// The command that init names can be pasted, whatever the folder is called.
func TestInitNamesACommandThatAShellReads(t *testing.T) {
	t.Chdir(appIn(t, map[string]string{"our app/Procfile": "worker: bundle exec sidekiq\n"}))
	var out, errs bytes.Buffer
	require.Zero(t, run([]string{"init", "our app"}, &out, &errs), errs.String())
	require.Contains(t, out.String(), "\nnext: sidekiq-role generate --model 'our app/sidekiq-role.yml' --output roles/sidekiq\n")
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
	require.Contains(t, out.String(), "next: sidekiq-role generate --output roles/sidekiq\n")
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
		"Procfile  not read: it is longer than 1 MiB", "mise.toml  not read: not a regular file", ".tool-versions  for asdf or mise, at least where people develop",
	} {
		require.Contains(t, regexp.MustCompile(` +`).ReplaceAllString(errs.String(), " "), strings.Replace(said, "  ", " ", 1))
	}
	for play, want := range map[string]string{"/dev/zero": "it is longer than 1 MiB", dir: "is a directory"} {
		errs.Reset()
		require.Equal(t, 1, run([]string{"init", dir, "--playbook", play, "--output", "-"}, &out, &errs))
		require.Contains(t, errs.String(), "error: --playbook: \""+play+"\": ")
		require.Contains(t, errs.String(), want)
	}
}
