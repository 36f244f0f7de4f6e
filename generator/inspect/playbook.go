package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
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
	s.usedAgain(p)
	s.besides(p)
}

// usedAgain asks about further uses of the role in a play.
func (s *source) usedAgain(p play) {
	key, uses := "processes", 0
	if f, _ := s.best(key); f.weight == byPlaybook {
		key = "service_name" // another service, then
	}
	for _, r := range p.roles() {
		if !r.isSidekiq() {
			continue
		}
		if uses++; uses > 1 {
			s.refuse(r.line, key, "the role is used again in the play, not read")
		}
	}
}

// besides names what else may set variables of the play. It asks if that is Sidekiq's.
func (s *source) besides(p play) {
	files, dir := &Application{files: s.files}, path.Dir(s.name)
	if s.asked.System != nil {
		files.files, dir = s.asked.System, s.asked.PlaybookAt
	}
	names, isSidekiqs := scalars(&p.VarsFiles), false
	for _, variables := range []string{"group_vars", "host_vars"} {
		_ = fs.WalkDir(files.files, path.Join(dir, variables), func(name string, f fs.DirEntry, err error) error {
			if err == nil && !f.IsDir() {
				names = append(names, strings.TrimPrefix(name, dir+"/"))
			}
			return nil // what can be read counts
		})
	}
	for _, name := range names {
		text, _ := files.read(path.Join(dir, name)) // what is read counts
		isSidekiqs = isSidekiqs || bytes.Contains(text, []byte("sidekiq_"))
	}
	if !p.Environ.IsZero() {
		names = append(names, "environment of the play")
	}
	if isSidekiqs {
		s.refuse(0, "processes", "not read, with variables of Sidekiq: "+list(names))
	} else if len(names) > 0 {
		s.tell(0, "", "not read: "+list(names))
		s.say("not read: " + list(names))
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
	if key == "" || err != nil || noJSON != nil || value == nil || bytes.Contains(text, []byte(`"$ANSIBLE_VAULT;`)) {
		s.say(v.name + " stays in the playbook")
		return
	}
	if v.value.Kind == yaml.ScalarNode && fieldOf(key).Textual() {
		value = v.value.Value // 0002 stays 0002
	}
	if named, is := value.(map[string]any); is && (key == "environment" || strings.HasSuffix(key, "_directives")) {
		dropped := s.dropSecrets(v, key, named)
		if len(named) == 0 {
			return
		} else if dropped && key == "environment" {
			s.offer(v.value.Line, key, value, v.name+". Does Sidekiq need those that are not copied?")
			return
		}
	}
	if key == "sudo.extra_commands" && (secretName.Match(text) || secretValue.Match(text)) {
		s.refuse(v.value.Line, key, v.name+" may hold a secret: its value is not copied")
		return
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

// dropSecrets removes the directives or variables whose values may not be copied.
func (s *source) dropSecrets(v variable, key string, named map[string]any) bool {
	var dropped []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		text, byName := fmt.Sprint(named[name]), secretDirective.MatchString(name)
		if key == "environment" {
			byName = !harmless.MatchString(name)
		}
		if byName || secretName.MatchString(text) || secretValue.MatchString(text) {
			dropped = append(dropped, name)
			delete(named, name)
		}
	}
	if dropped != nil {
		s.refuse(v.value.Line, key, v.name+" has "+list(dropped)+", which may hold a secret: not copied")
	}
	return dropped != nil
}

// private reports whether values of a field may hold a secret, and are not shown.
func private(key string) bool { return key == "redis.url" || key == "environment" }
