package inspect

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
)

// databaseYML notes how large the pools are. The role tunes the file of the host, not this one; both are often the same.
func (a *Application) databaseYML() {
	s := a.open("config/database.yml", byOther)
	if s == nil {
		return
	}
	rules := databaseyml.Rules{Source: s.text, Environment: a.railsEnv, Environ: environ.None, Rails: a.rails()}
	read, err := databaseyml.Apply(s.text, rules, environ.None, databaseyml.Request{Environment: a.railsEnv, Size: 1})
	if err != nil {
		line, text := refusal(err)
		if r := new(databaseyml.Refusal); errors.As(err, &r) && r.Uncertain {
			text = "the pool requires Ruby (" + text + "): on the host, the role runs the application's"
		}
		s.refuse(line, "database.pool", text)
		return
	}
	var names []string
	for _, d := range read.Edits {
		s.poolMeans(d, len(read.Edits) > 1)
		names = append(names, d.Name)
	}
	if len(names) > 1 {
		s.tell(0, "database.names", "the role tunes all databases: "+list(names)+". Name some to leave the others as they are.")
	}
}

// rails is the version that reads the file.
func (a *Application) rails() databaseyml.Version {
	if g := a.gems["activerecord"]; g.line > 0 {
		return g.version
	}
	return a.gems["rails"].version
}

// poolMeans says of one pool what the role will do about it.
func (s *source) poolMeans(d databaseyml.Edit, isOfSeveral bool) {
	threads, text := s.wanted(), poolText(d)
	if isOfSeveral {
		text = d.Name + ": " + text
	}
	switch {
	case threads == 0:
	case d.Before >= threads:
		text += ", enough for " + s.threadText(threads)
	case len(d.Found.Variables) > 0:
		text += ", too small for " + s.threadText(threads) + ": the role sets the variable"
	default:
		text += ", too small for " + s.threadText(threads) + ": the role raises it"
	}
	s.tell(d.Found.Line, "database.pool", text)
	s.say(text)
}

func poolText(d databaseyml.Edit) string {
	text := fmt.Sprintf("pool %d", d.Before)
	if d.Before == databaseyml.Unlimited {
		text = "pool without a limit"
	}
	if d.Found.Source == databaseyml.Unassigned && len(d.Found.Variables) == 0 {
		return text + " by default"
	}
	return strings.TrimSpace(text + " " + notSet(d.Found.Variables))
}

// diskRoot is the absolute path of an Active Storage service on disk; no other has a root.
var diskRoot = regexp.MustCompile(`(?m)^\s+["']?root["']?:\s*["']?(/[^"'\s<#]+)`)

// storageYML asks whether jobs write where Active Storage keeps files outside of the deployment.
func (a *Application) storageYML() {
	s := a.open("config/storage.yml", byOther)
	if s == nil {
		return
	}
	paths := model.Default().Hardening.ReadWritePaths
	deployed := fmt.Sprint(a.likely("deploy_root"))
	for _, m := range diskRoot.FindAllSubmatchIndex(s.text, -1) {
		if root := path.Clean(string(s.text[m[2]:m[3]])); !strings.HasPrefix(root, "/tmp/") && !strings.HasPrefix(root, deployed+"/shared/") {
			paths = append(paths, "-"+root)
			s.say("files in " + root)
		}
	}
	if s.silent() {
		s.forget()
		return
	}
	s.offer(0, "hardening.read_write_paths", paths, "Active Storage has "+list(s.said)+". Do jobs write there? The profile strict forbids it by default.")
}

// entryOf is what a mapping has by a name, which may be a symbol.
func entryOf(doc *rubyyaml.Document, n *yaml.Node, name string) (none rubyyaml.Entry) {
	if n == nil || rubyyaml.Deref(n).Kind != yaml.MappingNode {
		return none
	}
	m, err := doc.Mapping(rubyyaml.Deref(n))
	if err != nil {
		return none
	}
	entry, _, err := m.Entry(name)
	if err != nil {
		return none
	}
	return entry
}
