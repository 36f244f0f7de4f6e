package inspect

import (
	"encoding/json"
	"maps"
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
	var sources []*source
	if a.playbook.Name != "" {
		sources = append(sources, a.reading(a.playbook.Name, a.playbook.Text, byPlaybook))
	} else {
		for _, name := range a.playbookNames() {
			sources = append(sources, a.open(name, byPlaybook))
		}
	}
	var best *source
	var meant []play
	var bestHasRole bool
	for _, s := range slices.DeleteFunc(sources, func(s *source) bool { return s == nil }) {
		all, err := playsOf(s.text)
		plays, hasRole := relevant(all)
		switch {
		case err != nil && (a.playbook.Name != "" || namesRole.Match(s.text)):
			line, what := model.SyntaxError(err)
			s.refuse(line, "", "no YAML: "+what)
		case len(plays) == 0 && a.playbook.Name != "":
			s.refuse(0, "", "no playbook with the role sidekiq or the variable project_name")
		case len(plays) == 0:
		case best == nil || hasRole && !bestHasRole:
			if best != nil {
				best.say("not used beside " + s.name + "; --from-playbook names one")
			}
			best, meant, bestHasRole = s, plays, hasRole
		default:
			s.say("not used beside " + best.name + "; --from-playbook names one")
		}
	}
	if best != nil {
		best.playsMean(meant)
	}
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

// playsMean notes what the first play says; further ones may be for other applications.
func (s *source) playsMean(plays []play) {
	p := plays[0]
	if len(plays) > 1 {
		s.refuse(target(&plays[1].Hosts).Line, "playbook.hosts", "a further play with the role, not read")
	}
	s.hostsMean(target(&p.Hosts))
	for _, r := range p.roles() {
		if setting, known := rubyRoles[r.name]; known {
			s.find(r.line, setting[0], setting[1], "role "+r.name)
			s.say("role " + r.name)
		}
	}
	for _, v := range p.variables() {
		s.variableMeans(v)
	}
	if len(s.said) == 0 {
		s.say("the role sidekiq, without variables")
	}
}

// rubyRoles are the roles of ansible-samvera that install Ruby, with the field that they set.
var rubyRoles = map[string][2]string{
	"ruby": {"ruby.manager", "system"}, "ruby_via_rbenv": {"ruby.manager", "rbenv"}, "ruby_via_snap": {"ruby.bundle", "/snap/bin/bundle"},
}

func (s *source) hostsMean(hosts *yaml.Node) {
	name := hosts.Value
	if slices.Contains([]string{"all", "localhost", "ungrouped"}, name) || !fieldOf("playbook.hosts").Fits(name) {
		s.refuse(hosts.Line, "playbook.hosts", "its hosts are not one group of their own")
		return
	}
	s.find(hosts.Line, "playbook.hosts", name, "hosts: "+name)
	s.say("hosts " + name)
}

// fieldNamed is the key of the field that a variable sets; "" if the playbook keeps it.
func fieldNamed(variable string) (key string, known bool) {
	for _, f := range model.Fields(model.Default()) {
		if f.Name == variable {
			return f.Key, true
		}
	}
	if variable == "project_name" {
		return "project", true
	}
	return "", variable == "sidekiq_module_cache" // which the action plugins read
}

// variableMeans notes the value of a variable. Secrets are neither noted nor shown.
func (s *source) variableMeans(v variable) {
	key, known := fieldNamed(v.name)
	if !known {
		s.refuse(v.value.Line, "", v.name+" is no variable of the role")
		return
	}
	var value any
	err := v.value.Decode(&value)
	text, noJSON := json.Marshal(value) // which has no .nan, and no list as a key
	if key == "" || err != nil || noJSON != nil || value == nil || encrypted.Match(text) || key == "environment" && hidesSecrets(value) {
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

// hidesSecrets reports whether a mapping of variables has a name as secrets have. More names than a model refuses, since nobody looks here.
func hidesSecrets(variables any) bool {
	named, _ := variables.(map[string]any)
	return slices.ContainsFunc(slices.Collect(maps.Keys(named)), secretName.MatchString)
}

// encrypted begins a text of Ansible Vault, in JSON.
var encrypted = regexp.MustCompile(`"\$ANSIBLE_VAULT;`)

// private tells whether values of a field may hold a secret, and are not shown.
func private(key string) bool { return key == "redis.url" || key == "environment" }
