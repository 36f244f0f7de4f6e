package inspect

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// play is one of a playbook, as far as it may say something of Sidekiq.
type play struct {
	Hosts     yaml.Node
	Vars      mapping
	VarsFiles yaml.Node `yaml:"vars_files"`
	Environ   yaml.Node `yaml:"environment"`
	Roles     []playRole
	PreTasks  []playTask `yaml:"pre_tasks"`
	Tasks     []playTask
	PostTasks []playTask `yaml:"post_tasks"`
}

type mapping map[string]yaml.Node

type playTask struct {
	Block, Rescue, Always []playTask
	Vars                  mapping
	Actions               map[string]playRole `yaml:",inline"` // such as include_role, and all else that it has
}

// playRole is a role of a play, or one that a task includes.
type playRole struct {
	name string
	line int
	vars []mapping
}

// UnmarshalYAML reads a name alone, too. What it does not understand it leaves out.
func (r *playRole) UnmarshalYAML(n *yaml.Node) error {
	var role struct {
		Role, Name string
		Vars       mapping
		Others     mapping `yaml:",inline"`
	}
	if n.Decode(&role.Name) != nil {
		_ = n.Decode(&role)
	}
	*r = playRole{cmp.Or(role.Role, role.Name), n.Line, []mapping{role.Vars, role.Others}}
	return nil
}

// playbook has the plays with the role, else those with a project_name.
type playbook struct {
	*source
	plays   []play
	hasRole bool
}

func playbookOf(s *source) (playbook, error) {
	p, all := playbook{source: s}, []play(nil)
	err := yaml.Unmarshal(s.text, &all)
	if errors.As(err, new(*yaml.TypeError)) {
		err = nil // what is read counts
	}
	for _, one := range all {
		switch has := slices.ContainsFunc(one.roles(), playRole.isSidekiq); {
		case one.Hosts.IsZero():
		case has && !p.hasRole:
			p.plays, p.hasRole = []play{one}, true
		case has || !p.hasRole && slices.ContainsFunc(one.variables(), func(v variable) bool { return v.name == "project_name" }):
			p.plays = append(p.plays, one)
		}
	}
	return p, err
}

// roles are those of a play and of its tasks.
func (p play) roles() []playRole {
	return append(p.Roles, included(slices.Concat(p.PreTasks, p.Tasks, p.PostTasks))...)
}

func included(tasks []playTask) (roles []playRole) {
	for _, t := range tasks {
		roles = append(roles, included(slices.Concat(t.Block, t.Rescue, t.Always))...)
		for _, action := range []string{"include_role", "import_role", "ansible.builtin.include_role", "ansible.builtin.import_role"} {
			if r, has := t.Actions[action]; has {
				roles = append(roles, playRole{r.name, r.line, append(r.vars, t.Vars)})
			}
		}
	}
	return roles
}

// isSidekiq reports whether a role is sidekiq, by its path or not, or that of a collection.
func (r playRole) isSidekiq() bool {
	return path.Base(r.name) == "sidekiq" || strings.HasSuffix(r.name, ".sidekiq")
}

// variable is one that a play gives to its roles.
type variable struct {
	name  string
	value *yaml.Node
}

// variables are those of interest. Those that count more come later: what the role itself is given does, where it is used first.
func (p play) variables() (all []variable) {
	others, own := []mapping{p.Vars}, []mapping(nil)
	for _, r := range p.roles() {
		if !r.isSidekiq() {
			others = append(others, r.vars...)
		} else if own == nil {
			own = r.vars
		}
	}
	for _, m := range append(others, own...) {
		for _, name := range slices.SortedFunc(maps.Keys(m), func(x, y string) int { return m[x].Line - m[y].Line }) {
			if name == "project_name" || strings.HasPrefix(name, "sidekiq_") {
				value := m[name]
				all = append(all, variable{name, target(&value)})
			}
		}
	}
	return all
}

// scalars are the texts of a node, at any depth.
func scalars(n *yaml.Node) (texts []string) {
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	for _, one := range n.Content {
		texts = append(texts, scalars(one)...)
	}
	return texts
}

// target is what an alias stands for, or the node itself.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
