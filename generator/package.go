package main

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Package is what generate writes. All packages are rendered from the same templates.
type Package struct {
	Layout   string // one of layouts
	Binaries string // one of binaries
}

var (
	layouts  = []string{"role", "playbook", "collection"}
	binaries = []string{"include", "collection", "none"}
)

var rolePackage = Package{"role", "include"}

// place is the path of a template's file in the package, "" if the package does not have it.
func (p Package) place(name string) string {
	root, name, _ := strings.Cut(name, "/")
	dir, file := path.Split(name)
	installed := p.Binaries == "collection"
	// One action plugin serves all modules of a collection (meta/runtime.yml). It reads ../files, as in the role.
	plugin := map[string]string{"library/": "plugins/modules/" + file, "action_plugins/": "plugins/action/sidekiq_module.py", "files/": "plugins/files/" + file}[dir]
	switch {
	case installed && plugin != "", !installed && name == "requirements.yml":
		return ""
	case root != "role" || p.Layout == "role":
		return name
	case p.Layout == "collection" && plugin != "":
		return plugin
	case p.Layout == "collection" && name == "LICENSE":
		return name
	}
	return "roles/sidekiq/" + name
}

// The versions of ansible-core, 2.x, for which ansible-test gets a list of accepted findings.
const oldestCore, newestCore = watch.Oldest, 22

// Collection is the full name of the model's collection.
func (v view) Collection() string {
	return v.Model.Collection.Namespace + "." + v.Model.Collection.Name
}

// Prefix is that of the modules' names in tasks and documents.
func (v view) Prefix() string {
	if v.Layout == "collection" || v.Binaries == "collection" {
		return v.Collection() + "."
	}
	return ""
}

// Role is the role's name in a play.
func (v view) Role() string {
	if v.Layout == "collection" {
		return v.Prefix() + "sidekiq"
	}
	return "sidekiq"
}

// Own reports whether the collection is this project's, which is released on GitHub and not in Galaxy.
func (v view) Own() bool { return v.Collection() == view{Model: model.Default()}.Collection() }

// Version is that of the collection. Galaxy accepts only semantic versions.
func (v view) Version() string {
	return cmp.Or(v.Model.Collection.Version, strings.Replace(version, "devel", "0.0.0-devel", 1))
}

// Requirement is the collection in a requirements.yml.
func (v view) Requirement() []map[string]string {
	switch {
	case v.Own():
		file := strings.ReplaceAll(v.Collection(), ".", "-") + "-" + v.Version() + ".tar.gz"
		return []map[string]string{{"name": "https://github.com/curationexperts/ansible-sidekiq/releases/download/v" + v.Version() + "/" + file, "type": "url"}}
	case v.Model.Collection.Version == "":
		return []map[string]string{{"name": v.Collection()}}
	}
	return []map[string]string{{"name": v.Collection(), "version": v.Version()}}
}

// hosts are the variables of each host.
type hosts map[string]map[string]int

// Stages are the groups of the inventory.
func (v view) Stages() map[string]hosts {
	stages := map[string]hosts{}
	for _, s := range v.Model.Playbook.Servers {
		if stages[s.Stage] == nil {
			stages[s.Stage] = hosts{}
		}
		stages[s.Stage][s.Host] = map[string]int{}
		if s.Port != 0 {
			stages[s.Stage][s.Host]["ansible_port"] = s.Port
		}
	}
	if len(stages) == 0 {
		for _, stage := range model.Stages {
			stages[stage] = hosts{}
		}
	}
	return stages
}

// Group lists the modules that read the application and share its options. Ansible passes a default of a group to each of its
// modules, and one without the option would fail.
func (v view) Group() []string {
	var names []string
	for _, s := range v.Modules {
		if slices.ContainsFunc(s.Options, func(o argspec.Option) bool { return o.Name == "rails_env" }) {
			names = append(names, s.Module)
		}
	}
	return names
}

// Qualify replaces the names of the modules in a document with those that they have in the package.
func (v view) Qualify(text string) string {
	var names []string
	for _, s := range v.Modules {
		names = append(names, s.Module)
	}
	one := "(" + strings.Join(names, "|") + ")"
	places := regexp.MustCompile(`(?m)(\bM\(|^ *- module: |^  )` + one + `(\)|:?$)`)
	return places.ReplaceAllString(text, "${1}"+v.Prefix()+"${2}${3}")
}
