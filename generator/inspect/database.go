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
	adapters := s.adapters()
	var names []string
	for _, d := range read.Edits {
		s.poolMeans(d, len(read.Edits) > 1, adapters[d.Name])
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
func (s *source) poolMeans(d databaseyml.Edit, isOfSeveral bool, adapter string) {
	threads, size := s.wanted(), poolText(d)
	where := ""
	if isOfSeveral {
		where = d.Name + ": "
	}
	text, short := where+size, where+strings.TrimSpace(adapter+" "+size)
	switch {
	case threads == 0:
	case d.Before >= threads:
		text += fmt.Sprintf(", enough for %s", s.threadText(threads))
	default:
		text += fmt.Sprintf(", too small for %s: the role ", s.threadText(threads)) + remedy(d)
		short += fmt.Sprintf(" for %s: the role ", s.threadText(threads)) + remedy(d)
	}
	s.tell(d.Found.Line, "database.pool", text)
	s.say(short)
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

func remedy(d databaseyml.Edit) string {
	if len(d.Found.Variables) > 0 {
		return "sets the variable"
	}
	return "raises it"
}

// adapterName is what is shown of an adapter: nothing else could be in there.
var adapterName = map[string]string{"mysql2": "MySQL", "trilogy": "MySQL", "postgresql": "PostgreSQL", "postgis": "PostgreSQL (PostGIS)", "sqlite3": "SQLite", "makara_postgresql": "PostgreSQL", "oracle_enhanced": "Oracle", "sqlserver": "SQL Server"}

// adapters are those of the section's databases, by their names; of the section itself by "primary".
func (s *source) adapters() map[string]string {
	all := map[string]string{}
	doc, err := rubyyaml.Parse(s.text, rubyyaml.NoTrim)
	if err != nil || doc.Root() == nil {
		return all
	}
	section := valueOf(doc, doc.Root(), s.railsEnv)
	all["primary"] = adapterOf(doc, section)
	if m := mappingOf(doc, section); m != nil {
		for _, key := range m.Keys() {
			all[key.Name] = adapterOf(doc, m.At(key).Value)
		}
	}
	return all
}

func adapterOf(doc *rubyyaml.Document, database *yaml.Node) string {
	return adapterName[textOf(doc, database, "adapter")]
}

// textOf is the text that a mapping has, or "".
func textOf(doc *rubyyaml.Document, mapping *yaml.Node, key string) string {
	n := valueOf(doc, mapping, key)
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	text, err := doc.Text(n, environ.None)
	if err != nil {
		return ""
	}
	return text
}

// storageYML asks whether jobs write where Active Storage keeps files outside of the application.
func (a *Application) storageYML() {
	s := a.open("config/storage.yml", byOther)
	if s == nil {
		return
	}
	doc, err := rubyyaml.Parse(s.text, rubyyaml.NoTrim)
	if err != nil || doc.Root() == nil || mappingOf(doc, doc.Root()) == nil {
		s.forget()
		return
	}
	for _, key := range mappingOf(doc, doc.Root()).Keys() {
		service := mappingOf(doc, doc.Root()).At(key).Value
		root := path.Clean(textOf(doc, service, "root"))
		if textOf(doc, service, "service") != "Disk" || !path.IsAbs(root) || strings.HasPrefix(root, "/tmp/") {
			continue
		}
		s.say("files in " + root)
		a.later(func(here site) {
			if !strings.HasPrefix(root, here.root+"/shared/") {
				paths := append(model.Default().Hardening.ReadWritePaths, "-"+root)
				s.offer(doc.Line(valueOf(doc, service, "root")), "hardening.read_write_paths", paths, "Active Storage has files in "+root+". Do jobs write there? Those of hardening.level strict could not by default.")
			}
		})
	}
	if s.silent() {
		s.forget()
	}
}

func mappingOf(doc *rubyyaml.Document, n *yaml.Node) *rubyyaml.Mapping {
	if n == nil || rubyyaml.Deref(n).Kind != yaml.MappingNode {
		return nil
	}
	m, err := doc.Mapping(rubyyaml.Deref(n))
	if err != nil {
		return nil
	}
	return m
}

func valueOf(doc *rubyyaml.Document, n *yaml.Node, key string) *yaml.Node {
	m := mappingOf(doc, n)
	if m == nil || !m.Has(rubyyaml.Key{Name: key}) {
		return nil
	}
	return rubyyaml.Deref(m.At(rubyyaml.Key{Name: key}).Value)
}
