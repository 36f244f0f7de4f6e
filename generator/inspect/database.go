package inspect

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

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
	pools, err := databaseyml.Pools(s.text, databaseyml.Reader{Environ: environ.None, Rails: a.rails()}, a.railsEnv)
	if err != nil {
		line, text := refusal(err)
		s.refuse(line, "database.pool", text)
		s.offerReplace(line)
		return
	}
	adapters := s.adapters()
	var names []string
	for _, p := range pools {
		s.poolMeans(p, adapters[p.Database])
		if p.Database != "" {
			names = append(names, p.Database)
		}
	}
	if len(names) > 1 {
		s.offer(0, "database.names", names, "several databases, all of which the role tunes. Name some to leave the others as they are.")
	}
}

// offerReplace names the way out where Ruby alone knows a pool.
func (s *source) offerReplace(line int) {
	by := databaseyml.Reader{Environ: environ.None, Rails: s.rails()}
	if _, err := databaseyml.Apply(s.text, by, databaseyml.Request{Environment: s.railsEnv, Size: max(1, s.wanted()), ERB: databaseyml.Overrule}); err == nil {
		s.offer(line, "database.erb", "replace", "may the role write a number in the place of the Ruby code? By default it stops there.")
	}
}

// rails is the version that reads the file.
func (a *Application) rails() databaseyml.Rails {
	if g := a.gems["activerecord"]; g.line > 0 {
		return g.version
	}
	return a.gems["rails"].version
}

// poolMeans says of one pool what the role will do about it.
func (s *source) poolMeans(p databaseyml.Pool, adapter string) {
	threads, size := s.wanted(), poolText(p)
	where := ""
	if p.Database != "" {
		where = p.Database + ": "
	}
	text, short := where+size, where+strings.TrimSpace(adapter+" "+size)
	switch {
	case threads == 0:
	case p.Size >= threads:
		text += fmt.Sprintf(", enough for %s", s.threadText(threads))
	default:
		text += fmt.Sprintf(", too small for %s: the role ", s.threadText(threads)) + remedy(p)
		short += fmt.Sprintf(" for %s: the role ", s.threadText(threads)) + remedy(p)
	}
	s.tell(p.Line, "database.pool", text)
	s.say(short)
}

func poolText(p databaseyml.Pool) string {
	text := fmt.Sprintf("pool %d", p.Size)
	if p.Size == databaseyml.Unlimited {
		text = "pool without a limit"
	}
	switch {
	case len(p.Variables) > 0:
		text += " " + notSet(p.Variables)
	case p.Source == databaseyml.Unassigned:
		text += " by default"
	}
	return text
}

func remedy(p databaseyml.Pool) string {
	if len(p.Variables) > 0 {
		return "sets the variable"
	}
	return "raises it"
}

// adapterName is what is shown of an adapter: nothing else could be in there.
var adapterName = map[string]string{"mysql2": "MySQL", "trilogy": "MySQL", "postgresql": "PostgreSQL", "postgis": "PostgreSQL (PostGIS)", "sqlite3": "SQLite", "makara_postgresql": "PostgreSQL", "oracle_enhanced": "Oracle", "sqlserver": "SQL Server"}

// adapters are those of the section's databases, by their names; of the section itself by "".
func (s *source) adapters() map[string]string {
	all := map[string]string{}
	readings, err := rubyyaml.Readings(s.text, rubyyaml.NoTrim)
	if err != nil || len(readings) == 0 {
		return all
	}
	doc, err := readings[0].Document()
	if err != nil || doc.Root() == nil {
		return all
	}
	section := valueOf(doc, doc.Root(), s.railsEnv)
	all[""] = adapterOf(doc, section)
	if m := mappingOf(doc, section); m != nil {
		for _, key := range m.Keys() {
			all[key.Name] = adapterOf(doc, m.At(key).Value)
		}
	}
	return all
}

func adapterOf(doc *rubyyaml.Document, database *yaml.Node) string {
	n := valueOf(doc, database, "adapter")
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	text, err := doc.Text(n, environ.None)
	if err != nil {
		return ""
	}
	return adapterName[text]
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
