package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// playbooks reads the playbook that was named, else those of the application: the first that has the
// role counts, else the first with a project_name.
func (a *Application) playbooks() {
	var used []playbook
	for _, s := range a.playbookSources() {
		p, err := playbookOf(s)
		switch {
		case err != nil && (a.asked.PlaybookName != "" || namesRole.Match(s.text)):
			line, what := model.SyntaxError(err)
			s.refuse(line, "", "invalid YAML: "+what)
		case p.plays != nil:
			used = append(used, p)
		case a.asked.PlaybookName != "":
			s.refuse(0, "", "no playbook with the role sidekiq or the variable project_name")
		}
	}
	best := max(0, slices.IndexFunc(used, func(p playbook) bool { return p.hasRole }))
	for i, p := range used {
		if i == best {
			p.playsMean(p.plays)
		} else {
			p.say("not used beside " + used[best].name + "; --from-playbook names one")
		}
	}
}

var namesRole = regexp.MustCompile(`(?m)\bproject_name:|^\s*- (?:\{\s*)?(?:role: )?(?:\S+\.)?sidekiq\b`)

// playbookFolders are where playbooks of an application stand.
var playbookFolders = []string{".", "ansible", "playbooks", "provisioning"}

// playbookSources begin with the playbook of the environment.
func (a *Application) playbookSources() (sources []*source) {
	if a.asked.PlaybookName != "" {
		return []*source{a.reading(a.asked.PlaybookName, a.asked.Playbook, byPlaybook)}
	}
	for _, dir := range playbookFolders {
		for _, name := range a.glob(path.Join(dir, "*.yml"), path.Join(dir, "*.yaml")) {
			base, at := path.Base(name), len(sources)
			if strings.TrimSuffix(base, path.Ext(base)) == a.railsEnv {
				at = 0
			}
			if base != model.FileName {
				sources = slices.Insert(sources, at, a.open(name, byPlaybook))
			}
		}
	}
	return slices.DeleteFunc(sources, func(s *source) bool { return s == nil })
}

// playsMean notes what the first play says; further ones may be for other applications.
func (s *source) playsMean(plays []play) {
	p := plays[0]
	if len(plays) > 1 {
		s.refuse(target(&plays[1].Hosts).Line, "playbook.hosts", "a further play with the role, not read")
	}
	switch hosts := target(&p.Hosts); {
	case slices.Contains([]string{"all", "localhost", "ungrouped"}, hosts.Value) || !fieldOf("playbook.hosts").Fits(hosts.Value):
		s.refuse(hosts.Line, "playbook.hosts", "its hosts are not a single group")
	default:
		s.find(hosts.Line, "playbook.hosts", hosts.Value, "hosts: "+hosts.Value)
		s.say("hosts " + hosts.Value)
	}
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
	if key == "" || err != nil || noJSON != nil || value == nil || bytes.Contains(text, []byte(`"$ANSIBLE_VAULT;`)) || key == "environment" && hidesSecrets(value) {
		s.say(v.name + " stays in the playbook")
		return
	}
	if v.value.Kind == yaml.ScalarNode && fieldOf(key).Textual() {
		value = v.value.Value // 0002 stays 0002
	}
	if directives, is := value.(map[string]any); is && strings.HasSuffix(key, "_directives") {
		if s.dropSecrets(v, key, directives); len(directives) == 0 {
			return
		}
	}
	if key == "processes" && len(v.value.Content) > 0 {
		processes := s.processesIn(v)
		if value = processes; len(processes) < len(v.value.Content) {
			s.offer(v.value.Line, key, value, v.name+isComplete)
			return
		}
	}
	said := v.name
	if v.value.Kind == yaml.ScalarNode && !private(key) {
		said += ": " + v.value.Value
	}
	s.find(v.value.Line, key, value, said)
	s.say(strings.Replace(said, ": ", " ", 1))
}

// processesIn are the processes that a model accepts, without Jinja.
func (s *source) processesIn(v variable) (processes []model.Process) {
	for _, n := range v.value.Content {
		var p model.Process
		err := target(n).Decode(&p)
		if one := []model.Process{p}; err == nil && fault(map[string]any{"processes": one}) == "" && (p.Config == "" || isCleanPath(p.Config)) {
			processes = append(processes, p)
		} else {
			s.refuse(n.Line, "processes", "a process is ignored: it is malformed, or holds Jinja, which Ansible would evaluate")
		}
	}
	return processes
}

// secretDirective matches directives of systemd that hold values of variables, or credentials.
var secretDirective = regexp.MustCompile(`^(Environment|SetCredential\w*)$`)

// dropSecrets removes the directives whose values may not be copied.
func (s *source) dropSecrets(v variable, key string, directives map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(directives)) {
		if text := fmt.Sprint(directives[name]); secretDirective.MatchString(name) || secretName.MatchString(text) || secretValue.MatchString(text) {
			s.refuse(v.value.Line, key, v.name+" has "+name+", which may hold a secret: its value is not copied")
			delete(directives, name)
		}
	}
}

// hidesSecrets reports whether a mapping of variables has a name as secrets have. More names than a model refuses, since nobody looks here.
func hidesSecrets(variables any) bool {
	named, _ := variables.(map[string]any)
	return slices.ContainsFunc(slices.Collect(maps.Keys(named)), secretName.MatchString)
}

// private reports whether values of a field may hold a secret, and are not shown.
func private(key string) bool { return key == "redis.url" || key == "environment" }
