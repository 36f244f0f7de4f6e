package inspect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// playing looks at a playbook alone.
func playing(text string) *Application {
	return Look(fstest.MapFS{"site.yml": {Data: []byte("- hosts: jobs\n  " + text + "\n")}}, Options{})
}

// Two uses of the role are two services: the first counts.
func TestPlaysMean_UsedAgain(t *testing.T) {
	for _, play := range []string{
		"roles: [{role: sidekiq, sidekiq_queues: [a], project_name: a}, {role: sidekiq, sidekiq_concurrency: 7, project_name: b}]",
		"tasks: [{include_role: {name: sidekiq}, vars: {sidekiq_queues: [a], project_name: a}}, {import_role: {name: x.y.sidekiq}, vars: {sidekiq_concurrency: 7}}]",
	} {
		a := playing(play)
		m := accepts(t, a.Text(schemaURL))
		require.Equal(t, model.Model{Project: "a", Queues: []string{"a"}}, model.Model{Project: m.Project, Queues: m.Queues, Concurrency: m.Concurrency})
		text, _ := question(t, a, "processes")
		require.Contains(t, text, "site.yml:2: the role is used again in the play, not read")
		asks(t, a)
	}
	a := playing("roles: [{role: sidekiq, sidekiq_processes: [{name: a}]}, {role: sidekiq, sidekiq_processes: [{name: b}]}]")
	require.Equal(t, []model.Process{{Name: "a"}}, accepts(t, a.Text(schemaURL)).Processes)
	question(t, a, "service_name")
}

// Only variables of harmless names are copied.
func TestVariableMeans_Secrets(t *testing.T) {
	for variable, want := range map[string]string{
		"sidekiq_environment: {SMTP_HOST: 'u:hunter2@x', FOO: hunter2, LANG: C}":                    "sidekiq_environment has FOO, SMTP_HOST, which may hold a secret",
		"sidekiq_environment: {FOO: hunter2}":                                                       "sidekiq_environment has FOO",
		"sidekiq_environment: {TZ: 'a:hunter2'}":                                                    "sidekiq_environment has TZ",
		"sidekiq_sudo_extra_commands: [/bin/x --pw hunter2]":                                        "sidekiq_sudo_extra_commands may hold a secret",
		"sidekiq_sudo_extra_commands: '/bin/x -u me:hunter2'":                                       "sidekiq_sudo_extra_commands may hold a secret",
		"sidekiq_environment: {LANG: C, FOO: [hunter2], BAR: '{{ hunter2 }}', JAVA_OPTS: $hunter2}": "sidekiq_environment has BAR, FOO, JAVA_OPTS",
	} {
		a := playing("roles: [{role: sidekiq, " + variable + "}]")
		key := "environment"
		if strings.Contains(variable, "sudo") {
			key = "sudo.extra_commands"
		}
		text, value := question(t, a, key)
		require.Contains(t, text, want)
		require.Equal(t, strings.Contains(variable, "LANG"), strings.Contains(fmt.Sprint(value), "LANG"), variable)
		var shown bytes.Buffer
		require.NoError(t, a.Tell(&shown))
		require.NotContains(t, string(a.Text(schemaURL))+shown.String(), "hunter2", variable)
		asks(t, a)
	}
	m := accepts(t, playing("roles: [{role: sidekiq, sidekiq_environment: {TZ: UTC, LANG: C}}]").Text(schemaURL))
	require.Equal(t, map[string]string{"TZ": "UTC", "LANG": "C"}, m.Environment)
}

// What else sets variables is named, and asked about if they are Sidekiq's.
func TestBesides(t *testing.T) {
	for _, name := range []string{"vars/a.yml", "group_vars/jobs.yml", "group_vars/all/b.yml", "host_vars/h"} {
		for _, above := range []string{"", "ansible/"} {
			for text, asked := range map[string]bool{"x: 1\n": false, "sidekiq_queues: [a]\n": true} {
				files := fstest.MapFS{above + name: {Data: []byte(text)}, above + "site.yml": {Data: []byte("- hosts: jobs\n  vars_files: [[vars/a.yml]]\n  environment: {A: b}\n  roles: [sidekiq]\n")}}
				a := Look(files, Options{})
				text := strings.ReplaceAll(string(a.Text(schemaURL)), "\n# ", " ")
				require.Contains(t, text, above+"site.yml: not read")
				require.Contains(t, text, name)
				require.Contains(t, text, "environment of the play")
				require.Equal(t, asked, strings.Contains(strings.Join(askedIn(a), " "), "processes"), name)
				asks(t, a)
			}
		}
	}
	files := fstest.MapFS{"srv/play/vars/a.yml": {Data: []byte("sidekiq_queues: [a]\n")}}
	a := Look(fstest.MapFS{}, Options{PlaybookName: "site.yml", Playbook: []byte("- hosts: jobs\n  vars_files: ../vars/a.yml\n  roles: [sidekiq]\n"), System: files, PlaybookAt: "srv/play/books"})
	question(t, a, "processes")
	require.NotContains(t, string(playing("roles: [sidekiq]").Text(schemaURL)), "not read")
}

// Of a list that is too long the beginning is proposed.
func TestFits(t *testing.T) {
	var procfile strings.Builder
	for n := range 200 {
		fmt.Fprintf(&procfile, "w%d: sidekiq -q q%d\n", n, n)
	}
	a := Look(fstest.MapFS{"Procfile": {Data: []byte(procfile.String())}}, Options{})
	text, value := question(t, a, "processes")
	processes := value.([]model.Process)
	require.Greater(t, len(processes), 80)
	require.Equal(t, model.Process{Name: "w0", Queues: []string{"q0"}}, processes[0])
	require.Contains(t, text, fmt.Sprintf("%d of 200 entries are left out, the list is longer than 4096 bytes", 200-len(processes)))
	asks(t, a)
	var shown strings.Builder
	require.NoError(t, a.Tell(&shown))
	require.Contains(t, shown.String(), "of 200 entries are left out")

	a = playing("roles: [{role: sidekiq, sidekiq_log_readers: [" + strings.Repeat("abcdefghi, ", 500) + "z]}]")
	_, value = question(t, a, "logging.readers")
	require.Len(t, value, 341)
}
