package inspect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// entry is what the file says of one field.
type entry struct {
	key      string // "": of none
	value    any    // nil: it is only spoken of
	live     bool   // else it stands in a comment
	question bool
	doubtful bool // what counts most was withheld
	comments []string
}

var applicationModule = regexp.MustCompile(`(?m)^module ([A-Z][A-Za-z0-9]*)`)

// questions asks what nothing has told, and only what is worth a thought. They come last, so that any hint counts more.
func (a *Application) questions() {
	likely := a.likelyProject()
	a.ask("project", likely, "What is the application called? By default it is what the playbook calls project_name.")
	a.ask("deploy_user", "deploy", "Which user deploys and runs Sidekiq? "+a.nobodySays()+"the default is deploy.")
	if user, ok := a.best("deploy_user"); ok && user.value != model.Default().DeployUser {
		a.ask("deploy_group", user.value, fmt.Sprintf("Which group does %v have? The default is %[1]v.", user.value))
	}
	if project, ok := a.best("project"); ok {
		likely = fmt.Sprint(project.value)
	}
	a.ask("deploy_root", "/opt/"+likely, "Which folder is it deployed to? "+a.nobodySays()+"the default is /opt/PROJECT.")
	if _, named := a.best("ruby.bundle"); !named {
		a.ask("ruby.manager", "auto", "What manages Ruby on the hosts? The default, auto, looks for all managers there.")
	}
	a.ask("playbook.hosts", model.Default().Playbook.Hosts, "Which group of hosts runs Sidekiq? The default is workers.")
}

func (a *Application) ask(key string, value any, text string) {
	for _, f := range a.findings {
		if f.key == key && (f.kind == found || f.kind == offered) && !f.withheld() {
			return
		}
	}
	a.note(finding{kind: offered, key: key, value: value, weight: byOther, text: text})
}

// nobodySays names the files that could have told.
func (a *Application) nobodySays() string {
	switch n := len(a.asked); n {
	case 0:
		return "Nothing says; "
	case 1:
		return a.asked[0] + " does not say; "
	default:
		return "Neither " + strings.Join(a.asked[:n-1], ", ") + " nor " + a.asked[n-1] + " says; "
	}
}

// likelyProject is a name for the question.
func (a *Application) likelyProject() string {
	if root, ok := a.best("deploy_root"); ok {
		if name, isText := root.value.(string); isText {
			return path.Base(name)
		}
	}
	if s := a.open("config/application.rb", byOther); s != nil {
		m := applicationModule.FindSubmatch(s.text)
		s.forget()
		if m != nil {
			return underscored(string(m[1]))
		}
	}
	return "myapp"
}

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

// entry weighs the findings of a field.
func (a *Application) entry(f model.Field) entry {
	e := entry{key: f.Key}
	var rest []*finding
	for _, one := range a.sorted(f.Key) {
		switch {
		case one.kind == remark:
			e.comments = append(e.comments, one.text)
		case one.withheld():
			e.comments = append(e.comments, one.from+": "+one.text)
			e.doubtful = e.doubtful || e.value == nil
		case one.kind != found || e.value != nil:
			rest = append(rest, one)
		default:
			e.take(one, a.isDefault(f, one.value))
		}
	}
	for _, one := range rest {
		e.weigh(one)
	}
	if e.doubtful {
		e.question = true
		if e.value == nil {
			e.value = proposal(f)
		}
	}
	return e
}

// proposal is the default of a field, where it says something and is not itself a template.
func proposal(f model.Field) any {
	if list := reflect.ValueOf(f.Default); holdsJinja(f.Default) || slices.Contains([]reflect.Kind{reflect.Slice, reflect.Map}, list.Kind()) && list.Len() == 0 {
		return nil
	}
	return f.Default
}

// sorted are the findings of a field: words, then values, of which those that count more come first.
func (a *Application) sorted(key string) (all []*finding) {
	for i := range a.findings {
		if f := &a.findings[i]; f.key == key {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(x, y *finding) int {
		switch {
		case x.kind == remark || y.kind == remark:
			return cmp.Compare(y.kind, x.kind)
		case x.kind == found && y.kind == found && x.weight == y.weight:
			return cmp.Compare(slices.Index(all, y), slices.Index(all, x))
		}
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.weight, y.weight))
	})
	return all
}

// take takes a value that was found, if a model accepts it.
func (e *entry) take(one *finding, isDefault bool) {
	if what := fault(map[string]any{e.key: one.value}); what != "" {
		e.comments = append(e.comments, e.refused(one.from, what))
		return
	}
	asks := e.doubtful || privileged(e.key, one.value)
	e.value, e.live, e.question = one.value, !isDefault && !asks, asks
	text := "from " + one.from + ": " + one.text
	switch {
	case e.doubtful:
		text = one.from + ": " + one.text + ". Does that hold?"
	case asks:
		text = one.from + ": " + one.text + ". That gives the rights of root on the hosts, or removes a protection. Does it hold?"
	case isDefault:
		text = one.from + ": " + one.text + ", as it is by default"
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

// refused says why a value is not taken. Of a value that may be secret it says nothing.
func (e *entry) refused(from, what string) string {
	if private(e.key) {
		what = "it may hold a secret, or is malformed"
	}
	return from + ": not taken, since " + what
}

// weigh adds what counts less than the value that is there, or takes it where there is none.
func (e *entry) weigh(one *finding) {
	text := ""
	switch {
	case one.kind == found && !same(one.value, e.value):
		text = one.from + " says otherwise: " + one.text
	case one.kind == decided && e.live && !same(one.value, e.value):
		text = one.from + " has " + inWords(one.value) + ", which this overrules"
	case e.value != nil:
	case one.kind == decided:
		text = one.from + " decides"
		if one.text != "" {
			text += ", " + one.text
		}
		e.value, text = one.value, text+"; set it here to overrule it:"
	case one.kind == offered:
		e.value, e.question, text = one.value, strings.Contains(one.text, "?"), one.text
	}
	if text != "" {
		e.comments = append(e.comments, text)
	}
}

func inWords(value any) string {
	if words, ok := value.([]string); ok {
		return strings.Join(words, " ")
	}
	return fmt.Sprint(value)
}

func (a *Application) isDefault(f model.Field, value any) bool {
	if project, ok := a.best("project"); ok && f.Key == "deploy_root" {
		return value == fmt.Sprintf("/opt/%v", project.value)
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
		if e := &all[i]; e.key == "ruby.manager" && known {
			e.value, e.live = nil, false
		}
	}
}

// join adds an entry to those that make a model together, if they still do.
func (e *entry) join(together map[string]any) {
	together[e.key] = e.value
	if what := fault(together); what != "" {
		delete(together, e.key)
		e.comments = append(e.comments, "not taken beside the others: "+what)
		e.value, e.live, e.question = nil, false, false
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
