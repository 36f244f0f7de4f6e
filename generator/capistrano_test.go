package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/goldentest"
	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml/rubytest"
)

// gems are the versions of capistrano-sidekiq that there is a text for.
var gems = []string{"none", "2", "3"}

func withGem(gem string) model.Model {
	m := model.Default()
	m.Capistrano.Gem = gem
	return m
}

// The texts as people will find them. UPDATE=1 writes them.
func TestCapistrano_Texts(t *testing.T) {
	for _, gem := range gems {
		text, err := capistranoText(withGem(gem))
		require.NoError(t, err)
		goldentest.File(t, "testdata/capistrano/"+capistranoTexts[gem][0], string(text))
	}
}

// capQuestion is asked of testdata/cap.rb, which stands in for Capistrano; it also finds what is no Ruby.
type capQuestion struct {
	Text    string         `json:"text"`
	Set     map[string]any `json:"set,omitempty"`
	Active  string         `json:"active"`
	Refused string         `json:"refused,omitempty"`
	Tasks   []string       `json:"tasks"`
}

type capAnswer struct {
	Typed, Said []string
	Error       string
}

// A deploy, as the hosts and the person who deploys see it.
func TestCapistrano_Deploy(t *testing.T) {
	m := model.Default()
	m.ServiceName = "hyrax-worker"
	text, err := capistranoText(m)
	require.NoError(t, err)
	const (
		runs    = "systemctl is-active --quiet hyrax-worker"
		reload  = "sudo -n systemctl reload hyrax-worker"
		restart = "sudo -n systemctl restart hyrax-worker"
		asks    = "sudo -n -l systemctl restart hyrax-worker"
		look    = "systemctl is-active hyrax-worker 'hyrax-worker@*'"
		up      = "active\nactive\nactive"
	)
	looks := slices.Repeat([]string{look}, 5)
	ruby := rubytest.Start(t, "testdata/cap.rb")
	for name, c := range map[string]struct {
		capQuestion
		typed []string
		said  []string
		err   string
	}{
		"deploy":                  {capQuestion: capQuestion{Active: "active", Tasks: []string{"deploy:starting", "deploy:published"}}, typed: append([]string{runs, reload, restart}, looks...)},
		"first deploy":            {capQuestion: capQuestion{Active: "inactive", Tasks: []string{"deploy:starting"}}, typed: []string{runs, asks}, said: []string{"hyrax-worker does not run on worker1: nothing to make quiet"}},
		"several processes":       {capQuestion: capQuestion{Active: up, Tasks: []string{"sidekiq:restart"}}, typed: append([]string{restart}, looks...)},
		"fails before published":  {capQuestion: capQuestion{Active: "active", Tasks: []string{"deploy:starting", "deploy:failed"}}, typed: []string{runs, reload, restart}},
		"fails after published":   {capQuestion: capQuestion{Active: "active", Tasks: []string{"deploy:starting", "deploy:published", "deploy:failed"}}, typed: append([]string{runs, reload, restart}, looks...)},
		"fails, was not quiet":    {capQuestion: capQuestion{Active: "inactive", Tasks: []string{"deploy:starting", "deploy:failed"}}, typed: []string{runs, asks}, said: []string{"hyrax-worker does not run on worker1: nothing to make quiet"}},
		"start":                   {capQuestion: capQuestion{Active: "active", Tasks: []string{"sidekiq:start"}}, typed: append([]string{"sudo -n systemctl start hyrax-worker"}, looks...)},
		"stop":                    {capQuestion: capQuestion{Active: "active", Tasks: []string{"sidekiq:stop"}}, typed: []string{"sudo -n systemctl stop hyrax-worker"}},
		"status":                  {capQuestion: capQuestion{Active: "inactive", Tasks: []string{"sidekiq:status"}}, typed: []string{"systemctl status --no-pager hyrax-worker 'hyrax-worker@*'"}, said: []string{"worker1:", "inactive"}},
		"sudo refuses":            {capQuestion: capQuestion{Active: "active", Refused: "reload", Tasks: []string{"deploy:starting"}}, typed: []string{runs, reload}, err: "systemctl reload hyrax-worker: sudo stderr: sudo: a password is required; hint: has the Ansible role sidekiq been run on this server, for this user?"},
		"would refuse":            {capQuestion: capQuestion{Active: "inactive", Refused: "restart", Tasks: []string{"deploy:starting"}}, typed: []string{runs, asks}, said: []string{"hyrax-worker does not run on worker1: nothing to make quiet"}, err: "systemctl restart hyrax-worker: sudo stderr: sudo: a password is required; hint: has the Ansible role sidekiq been run on this server, for this user?"},
		"one of them comes late":  {capQuestion: capQuestion{Active: "active\nactivating", Set: map[string]any{"sidekiq_start_timeout": 0}, Tasks: []string{"deploy:published"}}, typed: []string{restart, look}, err: "hyrax-worker did not come up in 0 seconds, systemctl is-active says active, activating; hint: journalctl --unit hyrax-worker --unit 'hyrax-worker@*'"},
		"nobody has the role":     {capQuestion: capQuestion{Active: "active", Set: map[string]any{"sidekiq_roles": "worker"}, Tasks: []string{"deploy:starting"}}, err: "no server has the role worker, so there is no Sidekiq to restart; hint: set :sidekiq_roles in config/deploy.rb"},
		"the old cannot be woken": {capQuestion: capQuestion{Active: "active", Refused: "restart", Tasks: []string{"deploy:starting", "deploy:failed"}}, typed: []string{runs, reload, restart}, said: []string{"hyrax-worker on worker1 is quiet still: systemctl restart hyrax-worker: sudo stderr: sudo: a password is required; hint: has the Ansible role sidekiq been run on this server, for this user?"}},
	} {
		c.Text = string(text)
		var answer capAnswer
		ruby.Ask(t, c.capQuestion, &answer)
		require.Equal(t, c.err, answer.Error, name)
		require.Equal(t, c.typed, emptyIsNil(answer.Typed), name)
		require.Equal(t, c.said, emptyIsNil(answer.Said), name)
	}
}

func emptyIsNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// With the gem: what is replaced types what is granted; what the role does instead says so.
func TestCapistrano_GemTasks(t *testing.T) {
	m := model.Default()
	m.ServiceName = "hyrax-worker"
	ruby := rubytest.Start(t, "testdata/cap.rb")
	for gem, kept := range map[string][]string{"2": {"enable", "disable"}, "3": {"start", "stop", "restart"}} {
		m.Capistrano.Gem = gem
		text, err := capistranoText(m)
		require.NoError(t, err)
		for _, task := range []string{"install", "uninstall", "enable", "disable", "quiet", "start", "stop", "restart", "status"} {
			var answer capAnswer
			ruby.Ask(t, capQuestion{Text: string(text), Active: "active", Tasks: []string{"sidekiq:" + task}}, &answer)
			switch {
			case slices.Contains(kept, task): // of 2 they do not exist
				require.Equal(t, []string{"gem " + task}, answer.Typed, gem)
			case strings.HasSuffix(task, "install") || strings.HasSuffix(task, "able"):
				require.Empty(t, answer.Typed, gem)
				require.Equal(t, "sidekiq:"+task+" is not for Capistrano here: the Ansible role sidekiq keeps the unit; hint: run its playbook", answer.Error, gem)
			case task == "status":
				require.Equal(t, []string{"systemctl status --no-pager hyrax-worker"}, answer.Typed, gem)
			case task == "quiet":
				require.Equal(t, []string{"systemctl is-active --quiet hyrax-worker", "sudo -n systemctl reload hyrax-worker"}, answer.Typed, gem)
			default:
				require.Equal(t, []string{"sudo -n systemctl " + task + " hyrax-worker"}, answer.Typed, gem)
			}
		}
	}
	m.Capistrano.Gem = "none"
	text, err := capistranoText(m)
	require.NoError(t, err)
	var answer capAnswer
	ruby.Ask(t, capQuestion{Text: "install_plugin Capistrano::Sidekiq::Systemd\n" + string(text), Tasks: []string{}}, &answer)
	require.Contains(t, answer.Error, "capistrano-sidekiq has tasks of the same names")
}

// Whatever a text types with sudo is rendered from what is granted, and the name is the model's everywhere.
func TestCapistrano_OnlyGrantedCommands(t *testing.T) {
	m := model.Default()
	m.ServiceName = "hyrax-worker"
	sudo := regexp.MustCompile(`execute :sudo, (.*)`)
	verb := regexp.MustCompile(`sidekiq_systemctl :(\w+)|:systemctl, :(\w+)`)
	for _, gem := range gems {
		m.Capistrano.Gem = gem
		text, err := capistranoText(m)
		require.NoError(t, err)
		for _, found := range sudo.FindAllStringSubmatch(string(text), -1) {
			require.Regexp(t, `^"-n", (?:\*options, )?:systemctl, (verb|:\w+), fetch\(:sidekiq_service(_unit_name)?\)$`, found[1], gem)
		}
		verbs := verb.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, verbs, gem)
		for _, found := range verbs {
			require.Contains(t, model.Default().Sudo.Systemctl, found[1]+found[2], gem)
		}
		plain, err := capistranoText(withGem(gem))
		require.NoError(t, err)
		require.Equal(t, string(plain), strings.ReplaceAll(string(text), "hyrax-worker", "sidekiq"), gem)
		require.Contains(t, string(text), `"hyrax-worker"`, gem)
	}
	m.Capistrano.Gem, m.Sudo.Systemctl = "none", []string{"start", "stop", "restart"}
	_, err := capistranoText(m)
	require.ErrorContains(t, err, "systemctl reload is not granted; granted: start, stop, restart; hint: add it to sudo.systemctl of the model")
}

// What capistrano-sidekiq types is asked of the real sudo, by the file that is read here: its verdicts are what the role grants.
func TestCapistrano_GemTable(t *testing.T) {
	var tasks []struct {
		Vars map[string][]string
	}
	require.NoError(t, yaml.Unmarshal(emitted(t, rolePackage)["tasks/sudoers_entry.yml"], &tasks))
	allowed := map[string]bool{}
	for _, command := range tasks[0].Vars["__sidekiq_sudo_commands"] {
		command = strings.TrimPrefix(strings.ReplaceAll(command, "{{ sidekiq_service_name }}", "sidekiq"), "/bin/")
		allowed[command], allowed[command+".service"] = true, true
	}
	require.Len(t, allowed, 2*len(model.Default().Sudo.Systemctl))

	table, err := os.ReadFile("../molecule/shared/verify/gem.tsv")
	require.NoError(t, err)
	verdicts := map[string]int{}
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, columns, 3, line)
		require.Regexp(t, `^[23]\.[0-9]$`, columns[0], line)
		want := "refused"
		if allowed[strings.TrimPrefix(columns[1], "/bin/")] {
			want = "granted"
		}
		require.Equal(t, want, columns[2], line)
		verdicts[columns[2]]++
	}
	require.Len(t, verdicts, 2)
}

func TestCapistrano_Arguments(t *testing.T) {
	golden, err := os.ReadFile("testdata/capistrano/sidekiq.rake")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "lib/capistrano/tasks/sidekiq.rake")
	for _, c := range []struct{ args, out, errs string }{
		{"capistrano", string(golden), ""},
		{"capistrano --output -", string(golden), ""},
		{"capistrano --output " + file, "wrote " + file + "\n", ""},
		{"capistrano --output " + file, "unchanged\n", ""},
		{"capistrano --gem 4", "", "error: --gem: \"4\" is not accepted; accepted: none, 2, 3\n"},
		{"capistrano --gem=", string(golden), ""},
		{"capistrano --service-name a.b", "", "error: --service-name: \"a.b\" is not accepted; accepted: letters, digits, _ and - (sudo ignores files with a dot in their name)\n"},
	} {
		var out, errs bytes.Buffer
		status := run(strings.Fields(c.args), &out, &errs)
		require.Equal(t, c.errs != "", status != 0, c.args)
		require.Equal(t, c.out, out.String(), c.args)
		require.Equal(t, c.errs, errs.String(), c.args)
	}
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(golden), string(written))
}

// hostile are texts that would be code in Ruby, where they were not quoted.
var hostile = []string{
	`#{File.write("EVIDENCE", "")}`, `"; File.write("EVIDENCE", ""); "`, `'; File.write("EVIDENCE", ""); '`, "\nFile.write('EVIDENCE', '')\n", "\\\nFile.write('EVIDENCE', '') #", `\`, `\"`, "#$0", "#@a", `\#{1}`,
	"a]b", "a b", "é😀", "\u2028", "\x01\x7f\t\r\b\f", "<&>", "", "__END__", "\n=begin\n", "[[ . ]]", "{{ x }}",
}

func TestRubyText_IsALiteral(t *testing.T) {
	evidence := filepath.Join(t.TempDir(), "evidence")
	ruby := rubytest.Start(t, "testdata/cap.rb")
	for _, text := range hostile {
		text = strings.ReplaceAll(text, "EVIDENCE", evidence)
		literal := rubyText(text)
		require.NotContains(t, literal, "\n")
		symbols, symbol := rubySymbols([]string{"app", text}), rubySymbols([]string{text})
		var answer capAnswer
		ruby.Ask(t, capQuestion{Text: "info " + literal + "\n" + symbols + ".each { |s| info s.to_sym.to_s }\ninfo " + symbol + ".to_s\n", Tasks: []string{}}, &answer)
		require.Empty(t, answer.Error, literal)
		require.Equal(t, []string{text, "app", text, text}, answer.Said, literal)
	}
	require.NoFileExists(t, evidence)
}

// The rules of the model accept none of these; the templates do not lean on that.
func TestCapistrano_HostileValuesAreText(t *testing.T) {
	evidence := filepath.Join(t.TempDir(), "evidence")
	ruby := rubytest.Start(t, "testdata/cap.rb")
	for _, text := range hostile {
		text = strings.ReplaceAll(text, "EVIDENCE", evidence)
		m := model.Default()
		m.ServiceName = text
		_, err := capistranoText(m)
		require.Equal(t, text != "", err != nil, "%q: %v", text, err) // an empty one is the default
		for gem, templates := range capistranoTexts {
			v, err := viewOf(model.Default(), rolePackage)
			require.NoError(t, err)
			v.Model.ServiceName, v.Model.Capistrano.Roles = text, []string{"app"}
			var made []byte
			for _, name := range templates {
				one, err := filled("templates/capistrano/"+name, v)
				require.NoError(t, err)
				made = append(made, one...)
			}
			var answer capAnswer
			ruby.Ask(t, capQuestion{Text: string(made), Tasks: []string{"sidekiq:status"}}, &answer)
			require.Empty(t, answer.Error, "%s %q", gem, text)
			require.Len(t, answer.Typed, 1, "%s %q", gem, text)
			require.True(t, strings.HasPrefix(answer.Typed[0], "systemctl status --no-pager "+text), "%s %q: %q", gem, text, answer.Typed)
		}
	}
	require.NoFileExists(t, evidence)
}
