package inspect

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// kamal looks for a deployment with Kamal alone. It requires service and image
// (lib/kamal/configuration.rb).
func (a *Application) kamal() {
	if a.capistrano || a.exists("config/deploy.rb") {
		return
	}
	if g := a.gems["kamal"]; g.line > 0 {
		a.Unwanted = "kamal " + g.version.String() + " is among the gems"
	}
	s := a.open("config/deploy.yml", byOther)
	if s == nil {
		return
	}
	var config struct {
		Service, Image string
		Servers        map[string]struct{ Cmd string }
	}
	_ = yaml.Unmarshal(erb.ReplaceAll(s.text, nil), &config) // what is read counts: servers without a command are lists
	if config.Service == "" || config.Image == "" {
		return
	}
	s.say("Kamal deploys " + config.Service)
	a.Unwanted = s.name + " is Kamal's"
	for _, role := range slices.Sorted(maps.Keys(config.Servers)) {
		if namesSidekiq.MatchString(config.Servers[role].Cmd) {
			a.Unwanted = fmt.Sprintf("%s is Kamal's, and its role %q runs Sidekiq in a container", s.name, role)
		}
	}
}

var erb = regexp.MustCompile(`<%.*?%>`)
