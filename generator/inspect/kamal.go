package inspect

import (
	"fmt"
	"regexp"

	"gopkg.in/yaml.v3"
)

const kamalConfig = "config/deploy.yml"

// Kamal wants both keys (lib/kamal/configuration.rb).
var kamalService, kamalImage = regexp.MustCompile(`(?m)^service:`), regexp.MustCompile(`(?m)^image:`)

// kamal looks for a deployment of containers alone.
func (a *Application) kamal() {
	if a.capistrano || a.exists("config/deploy.rb") {
		return
	}
	if g := a.gems["kamal"]; g.line > 0 {
		a.containers = "kamal " + g.version.String() + " is among the gems"
	}
	s := a.open(kamalConfig, byOther)
	if s == nil {
		return
	}
	if !kamalService.Match(s.text) || !kamalImage.Match(s.text) {
		s.forget()
		return
	}
	a.containers = kamalConfig + " is Kamal's"
	if role := kamalRole(s.text); role != "" {
		a.containers += fmt.Sprintf(", and its role %q runs Sidekiq", role)
	}
	s.say("of Kamal")
}

// kamalRole is the first of the servers' roles whose command runs Sidekiq.
func kamalRole(text []byte) string {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil || len(root.Content) == 0 {
		return "" // ERB, most likely
	}
	servers := member(root.Content[0], "servers")
	if servers == nil || servers.Kind != yaml.MappingNode {
		return ""
	}
	for _, name := range servers.Content {
		if cmd := member(member(servers, name.Value), "cmd"); cmd != nil && namesSidekiq.MatchString(cmd.Value) {
			return name.Value
		}
	}
	return ""
}

// Unwanted says why a unit on the host is probably not wanted; "" if it is.
func (a *Application) Unwanted() string {
	switch {
	case a.containers != "":
		return a.containers + ", so Sidekiq runs in a container"
	case a.noSidekiq != "":
		return a.noSidekiq + " has no Sidekiq"
	}
	return ""
}
