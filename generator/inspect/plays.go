package inspect

import (
	"path"
	"strings"

	"gopkg.in/yaml.v3"
)

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
			return target(n.Content[i+1])
		}
	}
	return nil
}

// target is what an alias stands for, or the node itself.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
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
			p.variables = append(p.variables, variable{name, target(n.Content[i+1])})
		}
	}
}

// isSidekiq tells whether a role is sidekiq, by its path or not, or that of a collection.
func isSidekiq(role string) bool {
	return path.Base(role) == "sidekiq" || strings.HasSuffix(role, ".sidekiq")
}

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
