package inspect

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// What a source that counts less says of processes is neither live beside what counts more, nor lost.
func TestCoverage(t *testing.T) {
	const sidekiqRole = "- hosts: jobs\n  roles:\n    - { role: sidekiq, "
	process := func(name string, queues ...string) model.Process { return model.Process{Name: name, Queues: queues} }
	configured := func(name, file string) model.Process { return model.Process{Name: name, Config: file} }
	low := fstest.MapFS{"config/sidekiq_low.yml": {Data: []byte(":queues: [low]\n")}, usualConfig: {Data: []byte(":queues: [default]\n")}}
	for name, c := range map[string]struct {
		files                      fstest.MapFS
		procfile, recipe, playbook string
		queues                     []string        // live
		live, asked                []model.Process // nil: processes is neither
	}{
		"queues of a playbook, workers of a Procfile": {procfile: "b: sidekiq -q b\nc: sidekiq -q c", playbook: sidekiqRole + "sidekiq_queues: [a] }",
			queues: []string{"a"}, asked: []model.Process{process("default", "a"), process("b", "b"), process("c", "c")}},
		"queues of a playbook, one worker": {procfile: "b: sidekiq -q b -c 3", playbook: sidekiqRole + "sidekiq_queues: [a] }",
			queues: []string{"a"}, asked: []model.Process{process("default", "a"), {Name: "b", Queues: []string{"b"}, Concurrency: 3}}},
		"queues of a playbook, a worker without flags": {procfile: "b: sidekiq -c 3", playbook: sidekiqRole + "sidekiq_queues: [a] }",
			queues: []string{"a"}, asked: []model.Process{process("default", "a"), {Name: "b", Concurrency: 3}}},
		"queues of a playbook, which has those of a worker without flags": {procfile: "b: sidekiq", playbook: sidekiqRole + "sidekiq_queues: [default] }", queues: []string{"default"}},
		"names of any form": {procfile: " a : sidekiq -q a\nb.é!: sidekiq -q b\n#c: sidekiq\nrelease: rake sidekiq:clear", live: []model.Process{process("a", "a"), process("b", "b")}},
		"queues of a playbook, which has those of the worker": {procfile: "b: sidekiq -q b", playbook: sidekiqRole + "sidekiq_queues: [a, 'b,2'] }", queues: []string{"a", "b,2"}},
		"processes of a playbook, queues of Capistrano": {recipe: "set :sidekiq_queue, 'b'", playbook: sidekiqRole + "sidekiq_processes: [{name: a, queues: [a]}] }",
			asked: []model.Process{process("a", "a"), process("default", "b")}},
		"processes of a playbook, which has those of the Procfile": {procfile: "x: sidekiq -q a\ny: sidekiq -q b", playbook: sidekiqRole + "sidekiq_processes: [{name: a, queues: [a, b]}] }",
			live: []model.Process{process("a", "a", "b")}},
		"configurations of Capistrano, workers of a Procfile": {files: low, recipe: "set :sidekiq_config_files, %w[sidekiq.yml sidekiq_low.yml]", procfile: "x: sidekiq -q low\ny: sidekiq -q mail",
			asked: []model.Process{configured("default", usualConfig), configured("low", "config/sidekiq_low.yml"), process("y", "mail")}},
		"configurations of Capistrano, a script of a Procfile": {files: low, recipe: "set :sidekiq_config_files, %w[sidekiq.yml sidekiq_low.yml]", procfile: "x: ./bin/sidekiq.sh",
			asked: []model.Process{configured("default", usualConfig), configured("low", "config/sidekiq_low.yml"), process("x")}},
		"one configuration of Capistrano": {files: low, recipe: "set :sidekiq_config, 'config/sidekiq_low.yml'",
			asked: []model.Process{configured("low", "config/sidekiq_low.yml"), process("default", "default")}},
		"a part of a configuration": {files: fstest.MapFS{"config/sidekiq_low.yml": {Data: []byte(":queues: [low, mail]\n")}}, playbook: sidekiqRole + "sidekiq_processes: [{name: a, config: config/sidekiq_low.yml, queues: [low]}] }",
			asked: []model.Process{{Name: "a", Config: "config/sidekiq_low.yml", Queues: []string{"low"}}, {Name: "low", Config: "config/sidekiq_low.yml", Queues: []string{"mail"}}}},
		"one configuration of a playbook": {files: low, playbook: sidekiqRole + "sidekiq_config: config/sidekiq_low.yml }",
			asked: []model.Process{configured("low", "config/sidekiq_low.yml"), {Name: "default", Queues: []string{"default"}, Config: usualConfig}}},
		"one worker with a configuration": {files: low, procfile: "w: sidekiq -C config/sidekiq_low.yml -c 3",
			asked: []model.Process{{Name: "w", Config: "config/sidekiq_low.yml", Concurrency: 3}, process("default", "default")}},
		"a worker that is not understood, and configurations": {files: low, procfile: " w.1: sidekiq.sh",
			asked: []model.Process{process("w.1"), {Name: "low", Config: "config/sidekiq_low.yml", Queues: []string{"low"}}}},
		"a configuration without queues": {files: fstest.MapFS{"config/sidekiq_reports.yml": {Data: []byte(":concurrency: 2\n")}}, procfile: "a: sidekiq -q a\nb: sidekiq -q b",
			asked: []model.Process{process("a", "a"), process("b", "b"), configured("reports", "config/sidekiq_reports.yml")}},
	} {
		files := fstest.MapFS{"Procfile": {Data: []byte(c.procfile)}, "config/deploy.rb": {Data: []byte(c.recipe)}}
		for file, data := range c.files {
			files[file] = data
		}
		if c.playbook != "" {
			files["site.yml"] = &fstest.MapFile{Data: []byte(c.playbook)}
		}
		a := Look(files, Options{})
		m := accepts(t, a.Text(schemaURL))
		require.Equal(t, c.queues, m.Queues, name)
		require.Equal(t, c.live, m.Processes, name)
		if c.asked != nil {
			_, value := question(t, a, "processes")
			require.Equal(t, c.asked, value, name)
			require.Zero(t, m.Concurrency, name)
		} else {
			require.NotContains(t, askedIn(a), "processes", name)
		}
		asks(t, a)
		updates(t, files, "production", a.Text(schemaURL))
	}
}

// Nothing that is live starts sidekiqswarm on the default queues while the processes are not known.
func TestCoverage_Swarm(t *testing.T) {
	lock := &fstest.MapFile{Data: []byte("    sidekiq (7.3.2)\n    sidekiq-ent (7.3.2)\n")}
	for procfile, recipe := range map[string]string{
		"a: SIDEKIQ_COUNT=$N sidekiqswarm -q x":                 "",
		"a: SIDEKIQ_COUNT=2 sidekiqswarm -q $X":                 "",
		"a: SIDEKIQ_COUNT=2 sidekiqswarm -q x | tee":            "",
		"a: sidekiqswarm -q x\nb: SIDEKIQ_COUNT=2 sidekiq -q y": "",
		"a: SIDEKIQ_COUNT=2 sidekiqswarm -q x":                  "",
		"a: sidekiq -q $X":                                      "set :default_env, { 'SIDEKIQ_COUNT' => '2' }",
	} {
		files := fstest.MapFS{"Gemfile.lock": lock, "Procfile": {Data: []byte(procfile)}, "config/deploy.rb": {Data: []byte(recipe)}, usualConfig: {Data: []byte(":queues: [default]\n")}}
		a := Look(files, Options{})
		require.NotEqual(t, "sidekiqswarm", accepts(t, a.Text(schemaURL)).Command, procfile)
		question(t, a, "processes")
		if recipe == "" {
			require.NotContains(t, askedIn(a), "command", procfile)
		}
		asks(t, a)
	}
	a := Look(fstest.MapFS{"Gemfile.lock": lock, "config/deploy.rb": {Data: []byte("set :default_env, { 'SIDEKIQ_COUNT' => '2', 'FOO' => 'hunter2' }")}}, Options{})
	question(t, a, "environment") // without SIDEKIQ_COUNT, sidekiqswarm would start other processes
	question(t, a, "command")
	a = Look(fstest.MapFS{"Gemfile.lock": lock, "Procfile": {Data: []byte("a: SIDEKIQ_COUNT=2 SIDEKIQ_MAXMEM_MB=400 sidekiqswarm -q x\nb: sidekiqswarm -q y\n")}}, Options{})
	question(t, a, "processes")
	a = Look(fstest.MapFS{"Gemfile.lock": lock, "Procfile": {Data: []byte("a: SIDEKIQ_COUNT=2 SIDEKIQ_MAXMEM_MB=400 sidekiqswarm -q x\nb: sidekiq -q y\n")}}, Options{})
	m := accepts(t, a.Text(schemaURL))
	require.Equal(t, map[string]string{"SIDEKIQ_COUNT": "2", "SIDEKIQ_MAXMEM_MB": "400"}, m.Environment)
	require.Equal(t, []model.Process{{Name: "a", Queues: []string{"x"}, Command: "sidekiqswarm"}, {Name: "b", Queues: []string{"y"}, Command: "sidekiq"}}, m.Processes)
}

// What cannot be taken of a list does not take the rest away.
func TestVariableMeans_Parts(t *testing.T) {
	look := func(variables string) *Application {
		return Look(fstest.MapFS{"site.yml": {Data: []byte("- hosts: jobs\n  roles:\n    - role: sidekiq\n" + variables)}}, Options{})
	}
	a := look("      sidekiq_processes: [{name: a, queues: [a]}, {name: b, queues: ['{{ x }}']}, {name: c, config: ../c.yml}, {name: d, queues: [d]}]\n")
	_, value := question(t, a, "processes")
	require.Equal(t, []model.Process{{Name: "a", Queues: []string{"a"}}, {Name: "d", Queues: []string{"d"}}}, value)
	asks(t, a)
	question(t, look("      sidekiq_processes: [{name: '{{ x }}'}]\n"), "processes")
	question(t, look("      sidekiq_processes: '{{ x }}'\n"), "processes")

	a = look("      sidekiq_extra_directives: {Environment: 'DB_PASSWORD=hunter2', ExecStartPre: 'x --token hunter2', Nice: '5'}\n      sidekiq_unit_directives: {SetCredential: hunter2}\n")
	text, value := question(t, a, "extra_directives")
	require.Equal(t, map[string]any{"Nice": "5"}, value)
	require.Contains(t, text, "sidekiq_extra_directives has Environment, ExecStartPre, which may hold a secret: not copied")
	text, _ = question(t, a, "unit_directives")
	require.Contains(t, text, "sidekiq_unit_directives has SetCredential")
	require.NotContains(t, string(a.Text(schemaURL)), "hunter2")
	asks(t, a)
}

func TestInert_Path(t *testing.T) {
	for _, name := range []string{"../../../etc/passwd", "config/side kiq.yml; rm -rf /", "config/../x.yml", "/srv/../x.yml"} {
		for file, text := range map[string]string{"config/deploy.rb": "set :sidekiq_config, '" + name + "'", "site.yml": "- hosts: jobs\n  roles:\n    - { role: sidekiq, sidekiq_config: '" + name + "' }\n"} {
			a := Look(fstest.MapFS{file: {Data: []byte(text)}}, Options{})
			question(t, a, "sidekiq_config")
		}
	}
	for _, name := range []string{"../../../etc/passwd", "config/side kiq.yml; rm -rf /"} {
		a := Look(fstest.MapFS{"Procfile": {Data: []byte("a: sidekiq -C '" + name + "'")}}, Options{})
		text, value := question(t, a, "processes")
		require.Equal(t, []model.Process{{Name: "a"}}, value)
		require.Contains(t, text, "a has a --config that is no clean path")
	}
	require.Equal(t, "/srv/x.yml", accepts(t, Look(fstest.MapFS{"Procfile": {Data: []byte("a: sidekiq -C /srv/x.yml")}}, Options{}).Text(schemaURL)).SidekiqConfig)
}

func TestWorkersMean_Logfile(t *testing.T) {
	for file, want := range map[string]string{"log/sidekiq.log": "/srv/x/shared/log/sidekiq.log", "/var/log/s.log": "/var/log/s.log"} {
		a := Look(fstest.MapFS{"Procfile": {Data: []byte("a: sidekiq -L " + file)}, "config/deploy.rb": {Data: []byte("set :deploy_to, '/srv/x'")}}, Options{})
		_, value := question(t, a, "logging.file")
		require.Equal(t, want, value)
		asks(t, a)
	}
}

func TestUpdate_MissingEntries(t *testing.T) {
	a, _ := updated(t, fstest.MapFS{"Procfile": {Data: []byte("a: sidekiq -q a\nb: sidekiq -q b")}}, "production", []byte("processes: [{name: a, queues: [a]}]\n"))
	var shown strings.Builder
	require.NoError(t, a.Tell(&shown))
	require.Contains(t, shown.String(), `processes is kept: Procfile:1 differs: 2 workers; not in this file: {"name":"b","queues":["b"]}`)
}
