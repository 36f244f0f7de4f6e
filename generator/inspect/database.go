package inspect

import (
	"errors"
	"fmt"
	"path"
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
		s.offer(0, "database.names", names, "several databases, all of which the role tunes. Name some to leave the others as they are.")
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
	switch {
	case len(d.Found.Variables) > 0:
		text += " " + notSet(d.Found.Variables)
	case d.Found.Source == databaseyml.Unassigned:
		text += " by default"
	}
	return text
}

// storageYML asks whether jobs write where Active Storage keeps files outside of the application.
func (a *Application) storageYML() {
	s := a.open("config/storage.yml", byOther)
	if s == nil {
		return
	}
	here := a.site()
	doc, err := rubyyaml.Parse(s.text, rubyyaml.NoTrim)
	for _, key := range keysOf(doc, err) {
		service := entryOf(doc, doc.Root(), key.Name).Value
		root := entryOf(doc, service, "root")
		dir := path.Clean(textOf(doc, root.Value))
		if textOf(doc, entryOf(doc, service, "service").Value) == "Disk" && path.IsAbs(dir) && !strings.HasPrefix(dir, "/tmp/") && !strings.HasPrefix(dir, here.root+"/shared/") {
			s.offer(doc.Line(root.Key), "hardening.read_write_paths", append(model.Default().Hardening.ReadWritePaths, "-"+dir),
				"Active Storage has files in "+dir+". Do jobs write there? The profile strict forbids it by default.")
			s.say("files in " + dir)
		}
	}
	if s.silent() {
		s.forget()
	}
}

func keysOf(doc *rubyyaml.Document, err error) []rubyyaml.Key {
	if err != nil || doc.Root() == nil || rubyyaml.Deref(doc.Root()).Kind != yaml.MappingNode {
		return nil
	}
	m, err := doc.Mapping(rubyyaml.Deref(doc.Root()))
	if err != nil {
		return nil
	}
	return m.Keys()
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

// textOf is the text of a scalar, or "".
func textOf(doc *rubyyaml.Document, n *yaml.Node) string {
	if n == nil || rubyyaml.Deref(n).Kind != yaml.ScalarNode {
		return ""
	}
	text, err := doc.Text(n, environ.None)
	if err != nil {
		return ""
	}
	return text
}
