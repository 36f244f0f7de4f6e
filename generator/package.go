package main

import (
	"path"
	"regexp"
	"slices"
	"strings"

	project "github.com/curationexperts/ansible-sidekiq"
	"github.com/curationexperts/ansible-sidekiq/generator/watch"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// Package is a way to hand out the role and its modules. All ways are rendered from the same templates.
type Package struct {
	Prefix   string                              // of the modules' names in tasks
	Payload  string                              // folder of the modules' binaries
	sources  map[string]func(name string) string // folder of templates -> where a file of it lies
	stubs    map[string]func(name string) string // the same of files that are the team's from then on
	verbatim func() map[string][]byte
}

// Collection tells whether the package is a collection, in whose tasks and documents the modules have their full names.
func (p Package) Collection() bool { return p.Prefix != "" }

// rolePackage is the role alone: its modules are known to its own tasks, and to later ones of a play.
var rolePackage = Package{
	Payload:  "files",
	sources:  map[string]func(string) string{"templates/role": asIs},
	verbatim: func() map[string][]byte { return map[string][]byte{"LICENSE": project.License} },
}

// playbookPackage is a folder that ansible-playbook runs in: the role, a playbook that uses it, and a beginning of an inventory.
var playbookPackage = Package{
	Payload:  "roles/sidekiq/files",
	sources:  map[string]func(string) string{"templates/playbook": asIs, "templates/role": inPlaybook},
	stubs:    map[string]func(string) string{"templates/inventory": asIs},
	verbatim: func() map[string][]byte { return map[string][]byte{"roles/sidekiq/LICENSE": project.License} },
}

func inPlaybook(name string) string { return "roles/sidekiq/" + name }

// collectionPackage holds the modules, one action plugin for all of them, and the role.
var collectionPackage = Package{
	Prefix:  "curationexperts.samvera.",
	Payload: "plugins/files",
	sources: map[string]func(string) string{"templates/collection": asIs, "templates/role": inCollection},
	verbatim: func() map[string][]byte {
		return map[string][]byte{"LICENSE": project.License, "CHANGELOG.md": project.Changelog}
	},
}

func asIs(name string) string { return name }

// inCollection is where a file of the role lies in the collection. The action plugin looks for ../files in both.
func inCollection(name string) string {
	switch dir, file := path.Split(name); dir {
	case "library/":
		return "plugins/modules/" + file
	case "action_plugins/":
		return "plugins/action/" + actionPlugin + ".py"
	default:
		return "roles/sidekiq/" + name
	}
}

// actionPlugin is the name that the one plugin of all modules has in the collection; meta/runtime.yml leads there.
const actionPlugin = "sidekiq_module"

// The versions of ansible-core, 2.x, whose own tests (ansible-test) are told what they need not mind.
const oldestCore, newestCore = watch.Oldest, 22

// ActionPlugin is for the templates.
func (Package) ActionPlugin() string { return actionPlugin }

// galaxyVersion is a version as Galaxy accepts it: a semantic one.
func galaxyVersion(v string) string {
	if v == "devel" {
		return "0.0.0-devel"
	}
	return v
}

// Group is the modules that look at the application, which share its options: a default of a group that one of its modules did
// not know would be an error of that module's tasks.
func (v view) Group() []string {
	var names []string
	for _, s := range v.Modules {
		if slices.ContainsFunc(s.Options, func(o argspec.Option) bool { return o.Name == "rails_env" }) {
			names = append(names, s.Module)
		}
	}
	return names
}

// Qualify gives our modules, where a document names them, the names that they have in the package.
func (v view) Qualify(text string) string {
	var names []string
	for _, s := range v.Modules {
		names = append(names, s.Module)
	}
	one := "(" + strings.Join(names, "|") + ")"
	for _, place := range []string{`(\bM\()` + one + `(\))`, `(?m)(^ *- module: )` + one + `($)`, `(?m)(^  )` + one + `(:$)`} {
		text = regexp.MustCompile(place).ReplaceAllString(text, "${1}"+v.Prefix+"${2}${3}")
	}
	return text
}
