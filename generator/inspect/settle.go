package inspect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// entry is what the file says of one field.
type entry struct {
	key      string
	value    any  // nil: there are only comments
	live     bool // else the value is in a comment
	origin   string
	comments []string
	asks     string // the question, or ""
}

// said is all that the comments of a field say.
func (e entry) said() []string {
	return slices.DeleteFunc(slices.Concat([]string{e.origin}, e.comments, []string{e.asks}), func(text string) bool { return text == "" })
}

// identity asks what the application is, and where, if no source says it.
func (a *Application) identity() {
	a.ask("project", "What is the name of the application? Default: the variable project_name.", a.likelyProjects()...)
	a.ask("deploy_user", "Which user deploys and runs Sidekiq? The default is deploy.", "deploy")
	a.ask("deploy_root", "Which directory is it deployed to? The default is /opt/PROJECT.", a.likelyRoots()...)
}

// questions asks what no source says. It runs last, so that any hint counts more.
func (a *Application) questions() {
	if !slices.ContainsFunc(a.findings, func(f finding) bool { return f.key == "ruby.bundle" && f.kind != remark }) {
		a.ask("ruby.manager", "Which Ruby manager do the hosts use? Default: auto, which searches for all.", "auto")
	}
	if log := a.logfile; log.text != "" {
		name := log.text
		if !path.IsAbs(name) {
			name = path.Join(fmt.Sprint(a.likely("deploy_root")), "shared", name)
		}
		a.ask("logging.file", log.from+": -L "+log.text+". Does Sidekiq write a file, and is it there on the hosts?", name)
	}
	a.ask("playbook.hosts", "Which group of hosts runs Sidekiq? The default is workers.", model.Default().Playbook.Hosts)
}

// ask offers the first value that a model accepts.
func (a *Application) ask(key, text string, values ...any) {
	for _, value := range values {
		if !holdsJinja(value) && fault(map[string]any{key: value}) == "" {
			a.note(finding{kind: offered, key: key, value: value, weight: byOther, text: text})
			return
		}
	}
}

// likely is the value of a field, or the one that is asked about.
func (a *Application) likely(key string) any { return a.entry(fieldOf(key)).value }

// bestText is best as a text. It is "" if nothing was found.
func (a *Application) bestText(key string) string {
	f, _ := a.best(key)
	text, _ := f.value.(string)
	return text
}

// likelyRoots come from a deploy_to in the home of the deploy user, and the project's name.
func (a *Application) likelyRoots() (roots []any) {
	user := fmt.Sprint(a.likely("deploy_user"))
	for _, root := range []string{a.likelyRoot, a.bestText("deploy_root")} {
		root = strings.ReplaceAll(root, unknownWord, user)
		if name, tilde := strings.CutPrefix(root, "~"); tilde && name != "" && !path.IsAbs(name) {
			roots = append(roots, path.Join("/home", name)) // ~USER/x
		} else if tilde || root != "" && !path.IsAbs(root) {
			roots = append(roots, path.Join("/home", user, name))
		} else if root != "" {
			roots = append(roots, path.Clean(root))
		}
	}
	return append(roots, fmt.Sprintf("/opt/%v", a.likely("project")))
}

// supposes keeps a deploy_to that is literal but for the deploy user, whom another file may name.
func (r *recipe) supposes(key, text string) {
	known := maps.Clone(r.known)
	known["user"] = unknownWord
	if root, ok := known.value(text); ok && key == "deploy_root" {
		r.likelyRoot, _ = root.(string)
	}
}

// likelyProjects are names for the question.
func (a *Application) likelyProjects() (names []any) {
	for _, text := range []string{a.bestText("project"), a.bestText("deploy_root"), a.likelyRoot} {
		if text != "" {
			names = append(names, noProject.ReplaceAllString(path.Base(text), "-"))
		}
	}
	if s := a.open("config/application.rb", byOther); s != nil {
		if m := applicationModule.FindSubmatch(s.text); m != nil {
			names = append(names, strings.ToLower(hump.ReplaceAllString(string(m[1]), "${1}_${2}")))
		}
	}
	return append(names, "myapp")
}

var (
	applicationModule = regexp.MustCompile(`(?m)^module ([A-Z][A-Za-z0-9]*)`)
	hump              = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	noProject         = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
)

// entries are what is to be written, in the order of Fields. Together they make a model, also when those in comments are taken out of them.
func (a *Application) entries() []entry {
	var all []entry
	bundle := a.entry(fieldOf("ruby.bundle"))
	for _, f := range model.Fields(model.Default()) {
		needless := f.Key == "ruby.manager" && bundle.live && !a.asked.Answers.has(f.Key) // the path counts more
		if f.Key != "" && !needless {
			all = append(all, a.entry(f))
		}
	}
	together := map[string]any{}
	for _, live := range []bool{true, false, false} { // the last time with proposals for those that conflict
		for i := range all {
			e := &all[i]
			if _, joined := together[e.key]; !joined && e.value != nil && e.live == live {
				e.join(together)
			}
		}
	}
	return all
}

// ofTheHost are fields that the application decides, or the role on the host, where no other source
// sets them.
var ofTheHost = []string{"sidekiq_version", "concurrency", "queues", "timeout", "database.pool"}

// entry settles the findings of a field: what counts most is its value, and what differs from that is named.
func (a *Application) entry(f model.Field) entry {
	e := entry{key: f.Key}
	e.value, e.live = a.asked.Answers.values[f.Key]
	isKept := e.live
	for _, one := range a.sorted(f.Key) {
		switch text := one.from + ": " + one.text; {
		case one.kind == remark:
			e.comments = append(e.comments, one.text)
		case one.kind == refused && (f.Key == "" || one.weight == byOther && slices.Contains(ofTheHost, f.Key)):
			e.comments = append(e.comments, text)
		case one.kind == refused:
			e.refuse(text)
		case one.kind == offered && e.value == nil:
			e.value, e.asks = one.value, one.text
		case one.kind == offered:
		case e.value == nil:
			// sidekiqswarm starts as many processes as SIDEKIQ_COUNT says, on the default queues.
			isDoubtful := a.asked.Answers.values != nil && one.weight != byFlag || f.Key == "command" && one.value == sidekiq.Swarm && a.entry(fieldOf("processes")).asks+a.entry(fieldOf("environment")).asks != ""
			e.take(one, a.isDefault(f, one.value), isDoubtful)
		case !same(one.value, e.value):
			e.comments = append(e.comments, one.from+" differs: "+one.text)
		case isKept && e.origin == "":
			e.origin = "from " + text
		}
	}
	if isKept && e.origin == "" {
		e.origin = "kept from this file"
	}
	if e.asks != "" && e.value == nil {
		e.value = proposal(f)
	}
	return e
}

// refuse says what was not taken. If nothing counts more, it is a question.
func (e *entry) refuse(text string) {
	e.comments = append(e.comments, text)
	if e.value == nil {
		e.asks = "What should " + e.key + " be?"
	}
}

// take takes a value that a model accepts. It asks about one that is doubtful, might be wrong or does harm.
func (e *entry) take(one *finding, isDefault, isDoubtful bool) {
	if what := fault(map[string]any{e.key: one.value}); what != "" {
		if private(e.key) {
			what = "it may be a secret, or is malformed"
		}
		e.refuse(one.from + ": ignored: " + what)
		return
	}
	e.origin = "from " + one.from + ": " + one.text
	switch {
	case privileged(e.key, one.value):
		e.asks = "This grants root privileges on the hosts or removes a protection. Is it intended?"
	case e.asks != "" || isDoubtful && !isDefault:
		e.asks = "Is that right?"
	case isDefault:
		e.origin += ", the default"
	}
	e.value, e.live = one.value, !isDefault && e.asks == ""
}

// privileged reports whether a value lets the application act as root on the hosts, or removes a protection. A person has to take it out of
// the comment.
func privileged(key string, value any) bool {
	switch key {
	case "deploy_user", "deploy_group":
		return value == "root"
	case "hardening.level":
		return value == "off"
	case "database.allow_foreign_links":
		return value != false
	}
	return key == "extra_directives" || key == "unit_directives" || key == "environment_files" || strings.HasPrefix(key, "sudo.")
}

// examples are proposals for fields whose default says nothing, or is a template.
var examples = map[string]any{
	"project": "myapp", "deploy_root": "/opt/myapp", "deploy_group": "deploy", "app_root": "/opt/myapp/current", "ruby.bundle": "/usr/local/bin/bundle", "sidekiq_version": "7.3.2", "concurrency": 5,
	"sidekiq_config": usualConfig, "timeout": 25, "stop_timeout": 90, "memory.high": "1500M", "memory.max": "2G", "limit_nofile": 65536,
	"dotenv_files": []string{"/opt/myapp/shared/.env"}, "database.config": []string{"/opt/myapp/shared/config/database.yml"},
	"logging.file": "/var/log/sidekiq.log", "redis.url": "redis://localhost:6379/0", "redis.namespace": "myapp", "collection.version": "1.0.0",
}

func proposal(f model.Field) any {
	if example, is := examples[f.Key]; is {
		return example
	}
	return f.Default
}

// sorted are the findings of a field: remarks, then what counts more first. Of the same weight the last value counts most, as settings go.
func (a *Application) sorted(key string) (all []*finding) {
	for i := range a.findings {
		switch f := &a.findings[i]; {
		case f.key == key && f.kind == found:
			all = slices.Insert(all, 0, f)
		case f.key == key:
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(x, y *finding) int {
		return cmp.Or(cmp.Compare(min(x.kind, found), min(y.kind, found)), cmp.Compare(x.weight, y.weight), cmp.Compare(x.kind, y.kind))
	})
	return all
}

func (a *Application) isDefault(f model.Field, value any) bool {
	if f.Key == "deploy_root" {
		project := a.entry(fieldOf("project"))
		return project.live && value == fmt.Sprintf("/opt/%v", project.value)
	}
	return same(value, f.Default)
}

// same tells whether two values are written the same.
func same(one, two any) bool { return string(asJSON(one)) == string(asJSON(two)) }

// asJSON is exact, unlike what the YAML library writes, and YAML as well.
func asJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // readers find nothing that JSON has not
	}
	return text
}

// join adds an entry to those that make a model. One that conflicts with them is a question, whose proposal is joined later.
func (e *entry) join(together map[string]any) {
	together[e.key] = e.value
	what := fault(together)
	if what == "" {
		return
	}
	delete(together, e.key)
	before, proposed := *e, proposal(fieldOf(e.key))
	e.value, e.live = nil, false
	e.refuse("conflicts with other values: " + what)
	if before.live || before.asks != "" && !same(before.value, proposed) {
		e.value = proposed
	} else {
		e.asks = ""
	}
}

// modelOf makes a model of values of fields, and says what is wrong with them; "" is nothing.
func modelOf(values map[string]any) (m model.Model, what string) {
	tree := map[string]any{}
	for key, value := range values {
		model.Put(tree, key, value)
	}
	m, err := model.Read(model.FileName, asJSON(tree))
	var faults model.Faults
	if errors.As(err, &faults) { // no other error
		what = faults[0].What
	}
	return m, what
}

// fault is what a model has against values of fields; "" is nothing.
func fault(values map[string]any) string {
	_, what := modelOf(values)
	return what
}
