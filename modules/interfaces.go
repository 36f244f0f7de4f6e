// Package modules is what the generator sees of the modules: their interfaces, and nothing of how they work.
//
// A directory with an underscore is an Ansible module and has its name. lib has the libraries that modules and generator share; program links all
// modules into one binary.
package modules

import (
	"embed"
	"io/fs"
	"path"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

//go:embed */*.yml
var interfaces embed.FS

// Specs are the interfaces of all modules, sorted by name.
func Specs() ([]*argspec.Spec, error) {
	files, err := fs.Glob(interfaces, "*_*/*.yml")
	if err != nil {
		return nil, err
	}
	var specs []*argspec.Spec
	for _, name := range files {
		if path.Base(name) != path.Dir(name)+".yml" {
			continue
		}
		doc, err := interfaces.ReadFile(name)
		if err != nil {
			return nil, err
		}
		spec, err := argspec.Parse(doc)
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}
