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
)

// entry is what the file says of one field.
type entry struct {
	key       string
	value     any  // nil: there are only comments
	live      bool // else the value is in a comment
	kept      bool // the value is that of the model that is updated
	credited  bool // and a comment says which source has it, too
	question  bool
	asked     bool   // a comment asks it
	doubtful  bool   // what counts most was refused
	source    string // of the value that was taken, and what stands there
	at        int    // the comment that says so, or why nothing was taken
	comments  []string
	otherwise []string // what the application says instead of a kept value
}

var applicationModule = regexp.MustCompile(`(?m)^module ([A-Z][A-Za-z0-9]*)`)

// identity asks what the application is, and where, if no source says it.
func (a *Application) identity() {
	a.ask("project", "What is the application called? By default it is what the playbook calls project_name.", a.likelyProjects()...)
	a.ask("deploy_user", "Which user deploys and runs Sidekiq? "+a.nobodySays()+"the default is deploy.", "deploy")
	a.ask("deploy_root", "Which directory is it deployed to? "+a.nobodySays()+"the default is /opt/PROJECT.", a.likelyRoots()...)
}

// questions asks what no source says. It runs last, so that any hint counts more.
func (a *Application) questions() {
	if !slices.ContainsFunc(a.findings, func(f finding) bool { return f.key == "ruby.bundle" && f.kind != remark }) {
		a.ask("ruby.manager", "What manages Ruby on the hosts? The default, auto, looks for all managers there.", "auto")
	}
	a.ask("playbook.hosts", "Which group of hosts runs Sidekiq? The default is workers.", model.Default().Playbook.Hosts)
}

// ask offers the first value that a model accepts, if no source has one. A comment on a refused one
// asks itself.
func (a *Application) ask(key, text string, values ...any) {
	e := a.weighed(fieldOf(key))
	i := slices.IndexFunc(values, func(v any) bool { return !holdsJinja(v) && fault(map[string]any{key: v}) == "" })
	if e.value != nil || i < 0 {
		return
	}
	if e.doubtful {
		text = ""
	}
	a.note(finding{kind: offered, key: key, value: values[i], weight: byOther, text: text})
}

// likely is the value of a field, or the one that is asked about.
func (a *Application) likely(key string) any { return a.weighed(fieldOf(key)).value }

// likelyRoots come from a deploy_to in the home of the deploy user, and the project's name.
func (a *Application) likelyRoots() (roots []any) {
	user := fmt.Sprint(a.likely("deploy_user"))
	found, _ := a.best("deploy_root")
	for _, root := range []any{a.likelyRoot, found.value} {
		text, _ := root.(string)
		rest, tilde := strings.CutPrefix(strings.ReplaceAll(text, unknownWord, user), "~")
		switch {
		case path.IsAbs(rest) && !tilde:
			roots = append(roots, path.Clean(rest))
		case tilde && rest != "" && !path.IsAbs(rest): // ~USER/x
			roots = append(roots, path.Join("/home", rest))
		case text != "":
			roots = append(roots, path.Join("/home", user, rest))
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

// nobodySays names the files that could have told.
func (a *Application) nobodySays() string {
	if len(a.asked) == 0 {
		return "Nothing says; "
	}
	return "Not set in " + list(a.asked) + "; "
}

// likelyProjects are names for the question.
func (a *Application) likelyProjects() (names []any) {
	project, _ := a.best("project")
	root, _ := a.best("deploy_root")
	for _, found := range []any{project.value, root.value, a.likelyRoot} {
		if text, _ := found.(string); text != "" {
			names = append(names, noProject.ReplaceAllString(path.Base(text), "-"))
		}
	}
	if s := a.open("config/application.rb", byOther); s != nil {
		if m := applicationModule.FindSubmatch(s.text); m != nil {
			names = append(names, underscored(string(m[1])))
		}
		s.forget()
	}
	return append(names, "myapp")
}

var noProject = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

var humps = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// underscored is a constant of Ruby as files are named.
func underscored(constant string) string {
	return strings.ToLower(humps.ReplaceAllString(constant, "${1}${3}_${2}${4}"))
}

// entries are what is to be written, in the order of Fields. Together they make a model, also when those in comments are taken out of them.
func (a *Application) entries() []entry {
	var all []entry
	for _, f := range model.Fields(model.Default()) {
		if f.Key != "" {
			all = append(all, a.entry(f))
		}
	}
	oneRuby(all)
	together := map[string]any{}
	for _, live := range []bool{true, false} {
		for i := range all {
			if e := &all[i]; e.value != nil && e.live == live {
				e.join(together)
			}
		}
	}
	return all
}

// entry weighs the findings of a field, and asks if what counts most was refused.
func (a *Application) entry(f model.Field) entry {
	e := a.weighed(f)
	if e.doubtful {
		e.ask()
	}
	return e
}

// ask makes a question of an entry, with a proposal.
func (e *entry) ask() {
	e.question = true
	if e.value == nil {
		e.value = proposal(fieldOf(e.key))
	}
	if !e.asked {
		e.asked = true
		e.comments[e.at] += "; what should " + e.key + " be?"
	}
}

func (a *Application) weighed(f model.Field) entry {
	e := entry{key: f.Key}
	if a.answers != nil {
		e.value, e.kept = a.answers.values[f.Key]
		e.live = e.kept
	}
	for _, one := range a.sorted(f.Key) {
		switch {
		case one.kind == remark:
			e.comments = append(e.comments, one.text)
		case one.kind == refused || one.withheld():
			e.refuse(one.from, one.text)
		case one.kind == found && e.value == nil:
			e.take(one, a.isDefault(f, one.value), a.answers != nil)
		default:
			e.weigh(one)
		}
	}
	if e.kept && !e.credited {
		e.comments = append([]string{"set in this file"}, e.comments...)
	}
	return e
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

// sorted are the findings of a field: words, then values and what was refused, of which those that
// count more come first, then the rest. Of the same weight the last value counts most, as settings
// go.
func (a *Application) sorted(key string) (all []*finding) {
	for i := range a.findings {
		if f := &a.findings[i]; f.key == key {
			all = append(all, f)
		}
	}
	values := slices.Clone(all)
	slices.Reverse(values)
	all = slices.Concat(slices.DeleteFunc(values, func(f *finding) bool { return f.kind != found }), slices.DeleteFunc(all, func(f *finding) bool { return f.kind == found }))
	slices.SortStableFunc(all, func(x, y *finding) int {
		switch {
		case x.kind == remark || y.kind == remark:
			return cmp.Compare(y.kind, x.kind)
		case max(x.kind, y.kind) > refused && x.kind != y.kind:
			return cmp.Compare(x.kind, y.kind)
		}
		return cmp.Or(cmp.Compare(x.weight, y.weight), cmp.Compare(x.kind, y.kind))
	})
	return all
}

// refuse says what was not taken. If nothing counts more, it is a question.
func (e *entry) refuse(from, text string) {
	e.comments = append(e.comments, from+": "+text)
	if e.value == nil {
		e.doubtful, e.at = true, len(e.comments)-1
	}
}

// take takes a value that a model accepts. An update asks about it.
func (e *entry) take(one *finding, isDefault, isUpdate bool) {
	if what := fault(map[string]any{e.key: one.value}); what != "" {
		if private(e.key) {
			what = "it may hold a secret, or is malformed"
		}
		e.refuse(one.from, "not taken, since "+what)
		return
	}
	gives := privileged(e.key, one.value)
	asks := e.doubtful || gives || isUpdate && !isDefault
	e.value, e.live, e.question, e.asked = one.value, !isDefault && !asks, asks, asks
	e.source, e.at = one.from+": "+one.text, len(e.comments)
	text := "from " + e.source
	switch {
	case gives:
		text = e.source + ". That gives the rights of root on the hosts, or removes a protection. Does it hold?"
	case asks:
		text = e.source + ". Does that hold?"
	case isDefault:
		text = e.source + ", as it is by default"
	}
	e.comments = append(e.comments, text)
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

// weigh adds what counts less than the value that is there, or takes it where there is none.
func (e *entry) weigh(one *finding) {
	text, isSame := "", same(one.value, e.value)
	switch {
	case one.kind == found && isSame && e.kept && !e.credited:
		e.credited, text = true, "from "+one.from+": "+one.text
	case one.kind == found && !isSame:
		text = one.from + " says otherwise: " + one.text
	case one.kind == decided && e.live && !isSame:
		text = one.from + " has " + strings.Trim(fmt.Sprint(one.value), "[]") + ", which this overrules"
	case e.value != nil:
	case one.kind == decided:
		text = one.from + " decides"
		if one.text != "" {
			text += ", " + one.text
		}
		e.value, text = one.value, text+"; set it here to overrule it:"
	case one.kind == offered:
		e.value, e.asked, text = one.value, strings.Contains(one.text, "?"), one.text
		e.question = e.asked
	}
	if text != "" {
		e.comments = append(e.comments, text)
	}
	if e.kept && text != "" && !isSame {
		e.otherwise = append(e.otherwise, text)
	}
}

func (a *Application) isDefault(f model.Field, value any) bool {
	if f.Key == "deploy_root" {
		project := a.weighed(fieldOf("project"))
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

// oneRuby leaves out the manager where the path of its bundle is known, which counts more.
func oneRuby(all []entry) {
	known := slices.ContainsFunc(all, func(e entry) bool { return e.key == "ruby.bundle" && e.live })
	for i := range all {
		if e := &all[i]; e.key == "ruby.manager" && known && !e.kept {
			*e = entry{key: e.key}
		}
	}
}

// join adds an entry to those that make a model. A value that conflicts with others is a question.
func (e *entry) join(together map[string]any) {
	together[e.key] = e.value
	what := fault(together)
	if what == "" {
		return
	}
	delete(together, e.key)
	before := *e
	e.value, e.live, e.question, e.asked = nil, false, false, false
	if e.source == "" {
		e.source, e.at = "the proposal", len(e.comments)
		e.comments = append(e.comments, "")
	}
	e.comments[e.at] = e.source + ": not taken beside the other values, since " + what
	switch {
	case before.live: // joined again with those in comments
		e.ask()
	case before.question && !same(before.value, proposal(fieldOf(e.key))):
		e.ask()
		e.join(together)
	}
}

// fault is what a model has against values of fields; "" is nothing.
func fault(values map[string]any) string {
	tree := map[string]any{}
	for key, value := range values {
		model.Put(tree, key, value)
	}
	_, err := model.Read(model.FileName, asJSON(tree))
	var faults model.Faults
	if errors.As(err, &faults) {
		return faults[0].What
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
