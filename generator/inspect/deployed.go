package inspect

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// site is where the application is on the hosts, and who runs it.
type site struct {
	root, user string
	known      bool // nothing but the answer to a question says where
}

// later has a reader go on when everything is read that may say where the application is.
func (a *Application) later(do func(site)) { a.postponed = append(a.postponed, do) }

func (a *Application) deployed() {
	text := func(key, otherwise string) (string, bool) {
		f, ok := a.best(key)
		one, isText := f.value.(string)
		if !ok || !isText {
			return otherwise, false
		}
		return one, true
	}
	project, named := text("project", "")
	if !named {
		project = a.likelyProject()
	}
	here := site{}
	here.user, _ = text("deploy_user", model.Default().DeployUser)
	here.root, here.known = text("deploy_root", "/opt/"+project)
	if rest, isHome := strings.CutPrefix(here.root, "~/"); isHome {
		here.root, here.known = "/home/"+here.user+"/"+rest, false
	} else {
		here.known = here.known || named
	}
	for _, do := range a.postponed {
		do(here)
	}
}

// linked keeps the files of linked_files that are in shared on the hosts and that the role should know.
func (r *recipe) linked(s statement, text string) {
	files, ok := r.known.words(text)
	if !ok || s.nested {
		r.refuse(s.line, "dotenv_files", s.whyNot("linked_files"))
		return
	}
	for _, file := range files {
		switch {
		case file == ".rbenv-vars":
			r.find(s.line, "ruby.manager", "rbenv", "linked_files has .rbenv-vars, of which rbenv's shim sets the variables: none of them has to be set here")
		case file == usualConfig:
			r.linkedConfig = true
		case file == ".env" || strings.HasPrefix(file, ".env."):
			r.dotenv.place, r.dotenv.files = place{r.source, s.line}, append(r.dotenv.files, file)
		default:
			continue
		}
		r.say("links " + file)
	}
}

// dotenvMeans is about linked files of variables, which dotenv loads, if it is there. What it loads first counts, and the longest name is first.
func (r *recipe) dotenvMeans(here site) {
	files := r.dotenv.files
	slices.SortStableFunc(files, func(x, y string) int { return len(y) - len(x) })
	files = slices.Compact(files)
	var paths, optional []string
	for _, file := range files {
		paths = append(paths, path.Join(here.root, "shared", file))
		optional = append(optional, "-"+path.Join(here.root, "shared", file))
	}
	said := "linked_files has " + strings.Join(files, " and ")
	switch {
	case len(files) == 0:
	case r.gems["dotenv"].line == 0 && r.gems["dotenv-rails"].line == 0:
		r.dotenv.offer(r.dotenv.line, "environment_files", optional, said+", and dotenv is not among the gems. Does systemd have to give Sidekiq its variables?")
	case here.known && !slices.Equal(files, []string{".env." + r.railsEnv}): // which is the default
		r.dotenv.find(r.dotenv.line, "dotenv_files", paths, said+", which dotenv loads")
	case !here.known:
		r.dotenv.offer(r.dotenv.line, "dotenv_files", paths, said+", which dotenv loads. Is this where it is?")
	}
}

// unit is a service of Sidekiq that a task of Capistrano restarts. The instance of a template may be one that only Ruby could tell: "#".
type unit struct {
	name, instance string
	place
}

var (
	commandCall = regexp.MustCompile(`\b(?:execute!?|sudo|run)[( ]\s*(.+)$`)
	anInstance  = regexp.MustCompile(`([\w.-]*sidekiq[\w.-]*)@#\{`)
)

// tasks reads the project's own tasks for the commands that restart Sidekiq.
func (r *recipe) tasks() {
	for _, name := range r.glob("lib/capistrano/tasks/*.rake", "lib/capistrano/tasks/*.cap") {
		s := r.open(name, byCapistrano)
		if s == nil {
			continue
		}
		for _, one := range rubyStatements(s.text) {
			r.hook(s, one)
		}
		if s.silent() {
			s.forget()
		}
	}
}

// hook keeps the services of Sidekiq in a command of systemctl.
func (r *recipe) hook(s *source, st statement) {
	m := commandCall.FindStringSubmatch(st.text)
	if m == nil || !strings.Contains(st.text, "systemctl") || !strings.Contains(st.text, "sidekiq") {
		return
	}
	words, ok := r.known.words(m[1])
	if template := anInstance.FindStringSubmatch(m[1]); template != nil && !ok {
		words, ok = []string{"systemctl", template[1] + "@#"}, true
	}
	if !ok {
		words = []string{"systemctl", "#sidekiq"}
	}
	words = strings.Fields(strings.Join(words, " "))
	for _, word := range words[slices.IndexFunc(words, isSystemctl)+1:] {
		if !strings.Contains(word, "sidekiq") {
			continue
		}
		name, instance, _ := strings.Cut(strings.TrimSuffix(word, ".service"), "@")
		if !slices.ContainsFunc(r.units, func(u unit) bool { return u.name == name && u.instance == instance }) {
			r.units = append(r.units, unit{name, instance, place{s, st.line}})
		}
	}
}

func isSystemctl(word string) bool { return path.Base(word) == "systemctl" }

// unitsMean takes the name of the one service that is restarted. Several, or instances of a template, are a question.
func (r *recipe) unitsMean() {
	if len(r.units) == 0 || r.set["sidekiq_service_unit_name"] || r.set["service_unit_name"] {
		return
	}
	first := ""
	var processes []model.Process
	for _, u := range r.units {
		switch {
		case strings.HasPrefix(u.name, "#"):
			u.refuse(u.line, "service_name", "restarts a service whose name only Ruby could tell")
			continue
		case first == "":
			first = u.name
			u.find(u.line, "service_name", u.name, "systemctl is run with "+u.name)
			u.say("service " + u.name)
		case u.name != first:
			u.refuse(u.line, "processes", u.name+" is another service of Sidekiq: list the processes here, each with its queues")
			continue
		}
		switch {
		case notOfAProcess.MatchString(u.instance):
			u.refuse(u.line, "processes", "restarts instances of "+u.name+"@ that only Ruby could tell: list the processes here, each with its name and its queues")
		case u.instance != "":
			processes = append(processes, model.Process{Name: u.instance})
		}
	}
	if len(processes) > 0 {
		r.units[0].offer(r.units[0].line, "processes", processes, first+"@ is a template of systemd. Which processes are there, each with which queues?")
	}
}

// assignments are variables, and where the last is.
type assignments struct {
	place
	values map[string]string
	said   []string
}

var (
	hashEntry = regexp.MustCompile(`^(?:(?:(\w+):|:(\w+)\s*=>)|["'](\w+)["']\s*(?:=>|:))\s*(.+)$`)
	// secretive are names and values of variables that may be secrets. A question too many does no harm.
	secretive      = regexp.MustCompile(`(?i)secret|token|key|pass|pwd|cred|auth|dsn|salt|cert`)
	secretiveValue = regexp.MustCompile(`://[^/\s]*@|^[A-Za-z0-9+_=][A-Za-z0-9+/_=-]{23,}$`)
)

// variables are those of a hash, or of a list of NAME=VALUE.
func (r *recipe) variables(s statement, setting, text string) {
	var unknown, secret []string
	set := func(name string, value any, ok bool) {
		shown := fmt.Sprint(value)
		switch {
		case name == "PATH":
		case !ok || value == nil || s.nested || strings.ContainsAny(shown, "$`"):
			unknown = append(unknown, name)
		case secretive.MatchString(name) || secretiveValue.MatchString(shown):
			secret = append(secret, name)
		default:
			r.variable(s, setting, name, shown)
		}
	}
	words, isList := r.known.words(text)
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		set(name, value, ok)
	}
	for _, part := range parts(strings.TrimLeft(text, "{( ")) {
		if m := hashEntry.FindStringSubmatch(part); m != nil {
			value, ok := r.known.value(m[4])
			set(cmp.Or(strings.ToUpper(m[1]+m[2]), m[3]), value, ok) // as SSHKit writes a symbol
		} else if part != "" && !isList {
			r.refuse(s.line, "environment", s.whyNot("part of "+setting))
		}
	}
	if len(unknown) > 0 {
		r.refuse(s.line, "environment", setting+" sets "+list(unknown)+", whose values only Ruby or a shell could tell")
	}
	if len(secret) > 0 {
		r.refuse(s.line, "environment", setting+" sets "+list(secret)+", which may be secret: what of it Sidekiq needs belongs in sidekiq_secret_environment of an encrypted group_vars")
	}
}

// variable notes one that sizes threads, pools or memory as the field that is for it.
func (r *recipe) variable(s statement, setting, name, value string) {
	said := setting + " sets " + name
	number := wholeNumber.MatchString(value) && value > "0"
	switch {
	case name == "RAILS_ENV" || name == "RACK_ENV":
		r.find(s.line, "rails_env", value, said+" "+value)
	case name == "RAILS_MAX_THREADS" && number:
		src := r.source
		r.later(func(site) { // config/sidekiq.yml counts more
			if !slices.ContainsFunc(r.findings, func(f finding) bool { return f.kind == decided && f.key == "concurrency" && f.text == "" }) {
				src.find(s.line, "concurrency", literals{}.number(value), said+" "+value)
			}
		})
	case name == "DB_POOL" && number:
		r.find(s.line, "database.pool", value, said+" "+value)
	case name == "MALLOC_ARENA_MAX" && value == "2":
		r.tell(s.line, "memory.malloc", said+" 2, as the role does by default")
	case name == "LD_PRELOAD" && strings.Contains(value, "jemalloc"):
		r.find(s.line, "memory.malloc", "jemalloc", said+" to jemalloc")
	default:
		if name == "SIDEKIQ_COUNT" && r.gems["sidekiq-ent"].line > 0 {
			r.find(s.line, "command", sidekiq.Swarm, said+", which sidekiqswarm reads")
		}
		if r.environment.values == nil {
			r.environment.values = map[string]string{}
		}
		r.environment.place, r.environment.values[name] = place{r.source, s.line}, value
		if !slices.Contains(r.environment.said, "set :"+setting) {
			r.environment.said = append(r.environment.said, "set :"+setting)
		}
	}
	r.say(name)
}

func (r *recipe) environmentMeans() {
	if e := r.environment; len(e.values) > 0 {
		e.find(e.line, "environment", e.values, strings.Join(e.said, ", "))
	}
}

// inTree is a repository of which Capistrano deploys only a directory: what the application has is there.
type inTree struct {
	fs.FS
	tree string
}

// ofRepository are the files that belong to the repository: Capistrano's, and playbooks.
var ofRepository = regexp.MustCompile(`^(?:Capfile|config/deploy(?:/.*|\.rb)|lib/capistrano/.*|(?:ansible/|playbooks/|provisioning/)?[^/]*\.ya?ml)$`)

func (t inTree) in(name string) string {
	if ofRepository.MatchString(name) {
		return name
	}
	return path.Join(t.tree, name)
}

func (t inTree) Open(name string) (fs.File, error) { return t.FS.Open(t.in(name)) }

func (t inTree) Glob(pattern string) ([]string, error) {
	names, err := fs.Glob(t.FS, t.in(pattern))
	for i := range names {
		if !ofRepository.MatchString(pattern) {
			names[i] = strings.TrimPrefix(names[i], t.tree+"/")
		}
	}
	return names, err
}

// repoTree reads the application where :repo_tree says that it is, if that is in the folder.
func (a *Application) repoTree() {
	s := a.open("config/deploy.rb", byCapistrano)
	if s == nil {
		return
	}
	s.forget()
	for _, one := range rubyStatements(s.text) {
		m := setCall.FindStringSubmatch(one.text)
		if m == nil || m[2] != "repo_tree" {
			continue
		}
		tree, _ := literals{}.text(unbracketed(m[1], m[3]))
		if info, err := fs.Stat(a.files, tree); err != nil || !info.IsDir() || tree == "." {
			continue
		}
		a.files = inTree{a.files, tree}
		s.tell(one.line, "", "set :repo_tree, "+inRuby(tree)+": the application is there, and the paths of its files below are relative to that")
	}
}

// engine says that an application for the tests of an engine is not read.
func (a *Application) engine() {
	for _, name := range a.glob("*/dummy/config/application.rb", "spec/test_app/config/application.rb", ".internal_test_app/config/application.rb") {
		if dir := path.Dir(path.Dir(name)); !a.exists("config/application.rb") {
			a.reading(dir, nil, byOther).refuse(0, "", "the application for the tests of an engine, not read; hint: run init in an application that uses the engine")
		}
	}
}
