package inspect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// playbookFolders are where playbooks of an application stand.
var playbookFolders = []string{".", "ansible", "playbooks", "provisioning"}

// samveraPlay is one of a playbook, with what it says of Sidekiq.
type samveraPlay struct {
	hosts     *yaml.Node
	variables []variable // those that count more come later
	roles     map[string]int
	sidekiq   bool // it has the role
}

// variable is one that a play gives to its roles.
type variable struct {
	name  string
	value *yaml.Node
}

// playbooks reads the playbook that was named, or that of the application that has the role, or at least a project_name.
func (a *Application) playbooks() {
	if a.playbook != nil {
		s := a.reading(a.playbook.Name, a.playbook.Text, byPlaybook)
		plays, err := plays(s.text)
		switch {
		case err != nil:
			s.refuse(0, "project", "no YAML: "+strings.TrimPrefix(err.Error(), "yaml: "))
		case len(relevant(plays)) == 0:
			s.refuse(0, "project", "no playbook with the role sidekiq or the variable project_name")
		default:
			s.playsMean(relevant(plays))
		}
		return
	}
	a.lookForPlaybook()
}

func (a *Application) lookForPlaybook() {
	var best *source
	var meant []samveraPlay
	for _, name := range a.playbookNames() {
		s := a.open(name, byPlaybook)
		if s == nil {
			continue
		}
		plays, err := plays(s.text)
		if plays = relevant(plays); len(plays) == 0 {
			s.noPlaybook(err)
			continue
		}
		if best == nil || plays[0].sidekiq && !meant[0].sidekiq {
			if best != nil {
				best.say("not used, since another has the role; --playbook names one")
			}
			best, meant = s, plays
			continue
		}
		s.say("not used beside " + best.name + "; --playbook names one")
	}
	if best != nil {
		best.playsMean(meant)
	}
}

var namesRole = regexp.MustCompile(`(?m)\bproject_name:|^\s*- (?:\{\s*)?(?:role: )?(?:\S+\.)?sidekiq\b`)

// noPlaybook forgets a file that is something else, unless it looks like a playbook and is no YAML.
func (s *source) noPlaybook(err error) {
	if err == nil || !namesRole.Match(s.text) {
		s.forget()
		return
	}
	s.refuse(0, "project", "no YAML: "+strings.TrimPrefix(err.Error(), "yaml: "))
}

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

// plays are those of a playbook; none where the YAML is something else.
func plays(text []byte) (all []samveraPlay, err error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.SequenceNode {
		return nil, nil
	}
	for _, n := range root.Content[0].Content {
		if hosts := member(n, "hosts"); hosts != nil {
			all = append(all, playOf(n, hosts))
		}
	}
	return all, nil
}

// member is the value of a key, nil where there is none.
func member(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func playOf(n, hosts *yaml.Node) samveraPlay {
	p := samveraPlay{hosts: hosts, roles: map[string]int{}}
	p.add(member(n, "vars"))
	own := samveraPlay{roles: p.roles} // what the role itself is given counts more
	if roles := member(n, "roles"); roles != nil {
		for _, role := range roles.Content {
			p.role(role, &own)
		}
	}
	for _, section := range []string{"pre_tasks", "tasks", "post_tasks"} {
		p.tasks(member(n, section), &own, 0)
	}
	p.variables = append(p.variables, own.variables...)
	return p
}

// add takes the variables of interest of a mapping.
func (p *samveraPlay) add(n *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if name := n.Content[i].Value; name == "project_name" || strings.HasPrefix(name, "sidekiq_") {
			p.variables = append(p.variables, variable{name, n.Content[i+1]})
		}
	}
}

// isSidekiq tells whether a role is sidekiq, or that of a collection.
func isSidekiq(role string) bool { return role == "sidekiq" || strings.HasSuffix(role, ".sidekiq") }

func (p *samveraPlay) role(n *yaml.Node, own *samveraPlay) {
	name := n.Value
	for _, key := range []string{"role", "name"} {
		if v := member(n, key); v != nil {
			name = v.Value
			break
		}
	}
	p.roles[name] = n.Line
	into := p
	if isSidekiq(name) {
		p.sidekiq, into = true, own
	}
	into.add(member(n, "vars"))
	into.add(n)
}

// deepestTask is how far blocks nest.
const deepestTask = 8

func (p *samveraPlay) tasks(list *yaml.Node, own *samveraPlay, depth int) {
	if list == nil || depth > deepestTask {
		return
	}
	for _, task := range list.Content {
		for _, block := range []string{"block", "rescue", "always"} {
			p.tasks(member(task, block), own, depth+1)
		}
		for _, key := range []string{"include_role", "import_role", "ansible.builtin.include_role", "ansible.builtin.import_role"} {
			if name := member(member(task, key), "name"); name != nil && isSidekiq(name.Value) {
				p.sidekiq = true
				own.add(member(task, "vars"))
			}
		}
	}
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
		for _, f := range model.Fields(model.Default()) {
			if f.Name == v.name && f.Key != "" {
				s.variable(v, f.Key)
			} else if f.Name == v.name {
				s.say(v.name + " stays in the playbook")
			}
		}
	}
	if len(s.said) == 0 {
		s.say("the role sidekiq, without variables")
	}
}

func (s *source) hostsMean(hosts *yaml.Node) {
	name := hosts.Value
	switch {
	case slices.Contains([]string{"all", "localhost", "ungrouped"}, name) || !fieldOf("playbook.hosts").Fits(name):
		s.tell(hosts.Line, "playbook.hosts", "its hosts are not one group of their own")
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
	if v.value.ShortTag() == "!vault" || v.value.Decode(&value) != nil || value == nil || key == "environment" && hidesSecrets(v.value) {
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

var likelySecret = regexp.MustCompile(`(?i)pass|secret|token|key|cred|auth`)

// hidesSecrets tells whether a mapping of variables has a name as secrets have; some more than a model refuses, since nobody looks here.
func hidesSecrets(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if likelySecret.MatchString(n.Content[i].Value) {
			return true
		}
	}
	return false
}

// private tells whether values of a field may hold a secret, and are not shown.
func private(key string) bool { return key == "redis.url" || key == "environment" }
