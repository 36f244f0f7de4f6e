package inspect

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// playbookFolders are where playbooks of an application stand.
var playbookFolders = []string{".", "ansible", "playbooks", "provisioning"}

// playbooks reads the playbook that was named, else those of the application: one that has the role
// counts more than one with a project_name.
func (a *Application) playbooks() {
	var best *source
	var meant []samveraPlay
	names := []string{""}
	if a.playbook == nil {
		names = a.playbookNames()
	}
	for _, name := range names {
		s := a.openPlaybook(name)
		if s == nil {
			continue
		}
		plays, err := plays(s.text)
		switch plays = relevant(plays); {
		case err != nil && (a.playbook != nil || namesRole.Match(s.text)):
			line, what := model.SyntaxError(err)
			s.refuse(line, "", "no YAML: "+what)
		case len(plays) == 0 && a.playbook != nil:
			s.refuse(0, "", "no playbook with the role sidekiq or the variable project_name")
		case len(plays) == 0:
			s.forget()
		case best == nil:
			best, meant = s, plays
		case plays[0].sidekiq && !meant[0].sidekiq:
			best.say("not used, since another has the role; --from-playbook names one")
			best, meant = s, plays
		default:
			s.say("not used beside " + best.name + "; --from-playbook names one")
		}
	}
	if best != nil {
		best.playsMean(meant)
	}
}

// openPlaybook opens the playbook that was named, or one of the application.
func (a *Application) openPlaybook(name string) *source {
	if a.playbook != nil {
		return a.reading(a.playbook.Name, a.playbook.Text, byPlaybook)
	}
	return a.open(name, byPlaybook)
}

var namesRole = regexp.MustCompile(`(?m)\bproject_name:|^\s*- (?:\{\s*)?(?:role: )?(?:\S+\.)?sidekiq\b`)

// playbookNames begins with that of the environment.
func (a *Application) playbookNames() []string {
	var names, own []string
	for _, dir := range playbookFolders {
		for _, name := range a.glob(path.Join(dir, "*.yml"), path.Join(dir, "*.yaml")) {
			if strings.TrimSuffix(path.Base(name), path.Ext(name)) == a.railsEnv {
				own = append(own, name)
			} else if path.Base(name) != model.FileName {
				names = append(names, name)
			}
		}
	}
	return append(own, names...)
}

// relevant are the plays with the role, else those with a project_name.
func relevant(plays []samveraPlay) []samveraPlay {
	with := slices.DeleteFunc(slices.Clone(plays), func(p samveraPlay) bool { return !p.sidekiq })
	if len(with) > 0 {
		return with
	}
	return slices.DeleteFunc(plays, func(p samveraPlay) bool {
		return !slices.ContainsFunc(p.variables, func(v variable) bool { return v.name == "project_name" })
	})
}

// playsMean notes what the first play says; further ones may be for other applications.
func (s *source) playsMean(plays []samveraPlay) {
	p := plays[0]
	if len(plays) > 1 {
		s.refuse(plays[1].hosts.Line, "playbook.hosts", "a further play with the role, not read")
	}
	s.hostsMean(p.hosts)
	s.rubyRoleMeans(p.roles)
	for _, v := range p.variables {
		if v.name == "project_name" {
			s.variable(v, "project")
			continue
		}
		s.ownVariable(v)
	}
	if len(s.said) == 0 {
		s.say("the role sidekiq, without variables")
	}
}

// ofThePlugin is a variable that the action plugins read.
const ofThePlugin = "sidekiq_module_cache"

// ownVariable notes a variable of the role, if it is one.
func (s *source) ownVariable(v variable) {
	fields := model.Fields(model.Default())
	switch i := slices.IndexFunc(fields, func(f model.Field) bool { return f.Name == v.name }); {
	case i >= 0 && fields[i].Key != "":
		s.variable(v, fields[i].Key)
	case i >= 0 || v.name == ofThePlugin:
		s.say(v.name + " stays in the playbook")
	default:
		s.refuse(v.value.Line, "", v.name+" is no variable of the role")
	}
}

func (s *source) hostsMean(hosts *yaml.Node) {
	name := hosts.Value
	switch {
	case slices.Contains([]string{"all", "localhost", "ungrouped"}, name) || !fieldOf("playbook.hosts").Fits(name):
		s.refuse(hosts.Line, "playbook.hosts", "its hosts are not one group of their own")
	default:
		s.find(hosts.Line, "playbook.hosts", name, "hosts: "+name)
		s.say("hosts " + name)
	}
}

// rubyRoleMeans knows the roles of ansible-samvera that install Ruby.
func (s *source) rubyRoleMeans(roles map[string]int) {
	for _, r := range []struct{ role, key, value string }{
		{"ruby", "ruby.manager", "system"}, {"ruby_via_rbenv", "ruby.manager", "rbenv"}, {"ruby_via_snap", "ruby.bundle", "/snap/bin/bundle"},
	} {
		if line := roles[r.role]; line > 0 {
			s.find(line, r.key, r.value, "role "+r.role)
			s.say("role " + r.role)
		}
	}
}

// variable notes the value of a variable. Secrets are neither noted nor shown.
func (s *source) variable(v variable, key string) {
	var value any
	if v.value.Decode(&value) != nil || value == nil || !isJSON(value) || encrypted.Match(asJSON(value)) || key == "environment" && hidesSecrets(value) {
		s.say(v.name + " stays in the playbook")
		return
	}
	if v.value.Kind == yaml.ScalarNode && fieldOf(key).Textual() {
		value = v.value.Value // 0002 stays 0002
	}
	var processes []model.Process
	if key == "processes" && v.value.Decode(&processes) == nil {
		value = processes
	}
	said := v.name
	if v.value.Kind == yaml.ScalarNode && !private(key) {
		said += ": " + v.value.Value
	}
	s.find(v.value.Line, key, value, said)
	s.say(strings.Replace(said, ": ", " ", 1))
}

var likelySecret = regexp.MustCompile(`(?i)pass|pw|secret|dsn|token|key|cred|auth`)

// hidesSecrets tells whether a mapping of variables has a name as secrets have; some more than a model refuses, since nobody looks here.
func hidesSecrets(variables any) bool {
	named, _ := variables.(map[string]any)
	for name := range named {
		if likelySecret.MatchString(name) {
			return true
		}
	}
	return false
}

// isJSON tells whether JSON has a value as well, as it has not .nan or a key that is a list.
func isJSON(value any) bool {
	_, err := json.Marshal(value)
	return err == nil
}

// encrypted begins a text of Ansible Vault, in JSON.
var encrypted = regexp.MustCompile(`"\$ANSIBLE_VAULT;`)

// private tells whether values of a field may hold a secret, and are not shown.
func private(key string) bool { return key == "redis.url" || key == "environment" }
