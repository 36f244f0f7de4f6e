package inspect

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// deployed is about what depends on where the application is, which a playbook may say.
func (a *Application) deployed() {
	if a.recipe != nil {
		a.recipe.managersMean()
		a.recipe.dotenvMeans()
	}
}

// linked keeps the files of linked_files that the role should know.
func (r *recipe) linked(line int, name, text string) {
	for _, file := range r.words(line, name, "dotenv_files", text) {
		switch {
		case file == ".rbenv-vars":
			r.find(line, "ruby.manager", "rbenv", "linked_files has .rbenv-vars, of which rbenv's shim sets the variables: none of them has to be set here")
		case file == usualConfig:
			r.linkedConfig = true
		case file == ".env" || strings.HasPrefix(file, ".env."):
			r.dotenv = append(r.dotenv, file)
		default:
			continue
		}
		r.say("links " + file)
	}
}

// writable are the directories of a deployment where the profile strict lets jobs write, and those that no job writes.
var writable = regexp.MustCompile(`^(log|tmp|storage|public/(system|uploads|packs|assets)|vendor|\.bundle|node_modules)($|/)`)

func (r *recipe) linkedDirs(line int, name, text string) {
	dirs := slices.DeleteFunc(r.words(line, name, "hardening.read_write_paths", text), writable.MatchString)
	if len(dirs) > 0 {
		r.tell(line, "hardening.read_write_paths", "linked_dirs has "+list(dirs)+": the profile strict denies jobs write access there; add it to hardening.read_write_paths to allow it")
	}
}

// dotenvMeans is about linked files of variables. dotenv loads the longest name first, which wins.
func (r *recipe) dotenvMeans() {
	if len(r.dotenv) == 0 {
		return
	}
	site, prefix := r.entry(fieldOf("deploy_root")), ""
	if r.gems["dotenv"].line == 0 { // which dotenv-rails requires
		prefix = "-"
	}
	slices.SortStableFunc(r.dotenv, func(x, y string) int { return len(y) - len(x) })
	said := "linked_files has " + strings.Join(r.dotenv, " and ")
	var paths []string
	for _, file := range slices.Compact(r.dotenv) {
		paths = append(paths, fmt.Sprint(prefix, site.value, "/shared/", file))
	}
	switch {
	case prefix != "":
		r.offer(0, "environment_files", paths, said+", and dotenv is not among the gems. Should systemd load it (EnvironmentFile=)?")
	case site.asks != "":
		r.offer(0, "dotenv_files", paths, said+", which dotenv loads. Is this where it is?")
	case !slices.Equal(r.dotenv, []string{".env." + r.railsEnv}): // which is the default
		r.find(0, "dotenv_files", paths, said+", which dotenv loads")
	}
}

// unit is a service of Sidekiq, or an instance of its template, that a task of Capistrano restarts by way of a program.
type unit struct{ name, instance, program string }

var (
	starter      = regexp.MustCompile(`\b(systemctl|service|monit|supervisorctl|initctl|init\.d)\b`)
	serviceNamed = regexp.MustCompile(`^[\w@./-]*sidekiq[\w@.-]*(:[\w*-]+)?$`)
)

// hook keeps the services of Sidekiq in a command.
func (r *recipe) hook(c call) {
	text := c.first + ", " + c.rest
	m := starter.FindStringSubmatch(text)
	if m == nil {
		return
	}
	words, ok := r.known.words(text)
	if !ok {
		r.refuse(c.line, "service_name", "a task restarts a service whose name only Ruby can determine")
	}
	for _, word := range strings.Fields(strings.Join(words, " ")) {
		name, _, _ := strings.Cut(path.Base(word), ":")
		name, instance, _ := strings.Cut(strings.TrimSuffix(name, ".service"), "@")
		u := unit{name, instance, m[1]}
		if serviceNamed.MatchString(word) && !slices.Contains(r.units, u) {
			r.units = append(r.units, u)
		}
	}
}

// unitsMean takes the name of the restarted service. Several, instances, and those that systemd does not start are a question.
func (r *recipe) unitsMean() {
	if r.set["sidekiq_service_unit_name"] || r.set["service_unit_name"] {
		return
	}
	if len(r.units) == 0 {
		if gem, _ := r.best("capistrano.gem"); gem.value == "3" && r.known["application"] != "" {
			r.offer(0, "service_name", r.known["application"]+"_sidekiq_"+cmp.Or(r.known["stage"], r.railsEnv), "the default of capistrano-sidekiq 3. Is that the service of Sidekiq?")
		}
		return
	}
	first, sure := r.units[0], !r.refuses("service_name")
	var processes []model.Process
	for _, u := range r.units {
		sure = sure && u.name == first.name && u.program == "systemctl"
		if u.name != first.name {
			r.refuse(0, "processes", "a task restarts "+u.name+", too: list the processes here, each with its queues")
		} else if u.instance != "" {
			processes = append(processes, model.Process{Name: u.instance})
		}
	}
	said := "a task runs " + first.program + " with " + first.name
	if sure {
		r.find(0, "service_name", first.name, said)
	} else {
		r.offer(0, "service_name", first.name, said+". Is that the service of Sidekiq?")
	}
	if len(processes) > 0 {
		r.offer(0, "processes", processes, "a task restarts instances such as "+first.name+"@"+processes[0].Name+". Which processes are there, each with which queues?")
	}
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_]\w*=`)
	bareValue    = regexp.MustCompile(`^(\d{1,9}|true|false)$`)
	// harmless are the variables of which the value is copied. A question too many does no harm.
	harmless = regexp.MustCompile(`^(TZ|LANG|LANGUAGE|LC_[A-Z]+|(NODE|RAILS|RACK)_ENV|RAILS_(LOG_TO_STDOUT|LOG_LEVEL|SERVE_STATIC_FILES|MAX_THREADS)|RUBY_(YJIT|GC)_\w+|JAVA_HOME|MALLOC_\w+|LD_PRELOAD|` +
		`SIDEKIQ_(COUNT|PRELOAD|PRELOAD_APP|MAXMEM_MB)|REDIS_PROVIDER|WEB_CONCURRENCY|DB_POOL|OMP_NUM_THREADS)$`)
	secretName  = regexp.MustCompile(`(?i)secret|token|key|pass|pw|cred|auth|dsn|salt|cert`)
	secretValue = regexp.MustCompile("[:@$`]|(?i)pass|pwd|secret|token|key|auth|cred|^[A-Za-z0-9+_=][A-Za-z0-9+/_=-]{23,}$")
)

// variables reads a hash, or a list of NAME=VALUE. It keeps no value that may be secret.
func (r *recipe) variables(line int, setting, text string) {
	var left []string
	words, isList := r.known.words(text)
	whole := text != "" && (text[0] != '{' || text[len(text)-1] == '}')
	for _, part := range parts(strings.TrimLeft(text, "{( ")) {
		if m := hashEntry.FindStringSubmatch(part); m != nil {
			written := strings.TrimSpace(m[4])
			value, ok := r.known.text(written)
			if !ok {
				value = cmp.Or(bareValue.FindString(written), "$") // which is not taken
			}
			words = append(words, cmp.Or(strings.ToUpper(m[1]+m[2]), m[3])+"="+value) // as SSHKit writes a symbol
		} else {
			whole = whole && (isList || part == "")
		}
	}
	if !whole {
		r.refuse(line, "environment", onlyRuby("a part of "+setting))
	}
	for _, word := range words {
		switch name, value, _ := strings.Cut(word, "="); {
		case name == "PATH" && usualPath.MatchString(value):
			if m := managerInPath.FindStringSubmatch(value); m != nil {
				r.find(line, "ruby.manager", m[1]+m[2], ":"+setting+" has "+m[0]+" in its path")
				r.say("path with " + m[0])
			}
		case !variableName.MatchString(word):
			left = append(left, "an entry that is not NAME=VALUE")
		case !harmless.MatchString(name) || secretValue.MatchString(value) || holdsJinja(value) || fault(map[string]any{"environment": map[string]string{name: value}}) != "":
			left = append(left, name)
		default:
			r.variable(line, setting, name, value)
		}
	}
	if len(left) > 0 {
		r.refuse(line, "environment", setting+" sets "+list(left)+", which may be secret, or which only a shell can determine; hint: put those that Sidekiq needs into sidekiq_secret_environment of an encrypted group_vars")
	}
}

// ofVariable are the fields that set variables.
var ofVariable = map[string]string{"RAILS_ENV": "rails_env", "RACK_ENV": "rails_env", "DB_POOL": "database.pool", "RAILS_MAX_THREADS": "concurrency"}

// literalThreads of config/sidekiq.yml count more than RAILS_MAX_THREADS.
var literalThreads = regexp.MustCompile(`(?m)^\s*:?concurrency:\s*\d+\s*(#|$)`)

func (r *recipe) variable(line int, setting, name, value string) {
	said := setting + " sets " + name
	config, _ := r.Application.read(usualConfig) // what is read counts
	if key := ofVariable[name]; key != "" && (key != "concurrency" || !literalThreads.Match(config)) {
		r.literal(line, name, said+" %s", key, inRuby(value))
	} else if name == "LD_PRELOAD" && strings.Contains(value, "jemalloc") {
		r.find(line, "memory.malloc", "jemalloc", said+" to jemalloc")
	} else {
		r.environment[name] = value
		r.say(name)
	}
	if name == "SIDEKIQ_COUNT" && r.gems["sidekiq-ent"].line > 0 {
		r.find(line, "command", sidekiq.Swarm, said+", which sidekiqswarm reads")
	}
}

// engine asks about applications that are not read: one in a directory of the repository, or the one for the tests of an engine.
func (a *Application) engine() {
	var dirs []string
	tree := ""
	if a.recipe != nil {
		tree = a.recipe.known["repo_tree"]
	}
	if tree != "" && a.exists(tree) {
		a.reading(tree, nil, byOther).refuse(0, "", "not read: Capistrano deploys this directory alone (:repo_tree); hint: sidekiq-role init "+tree+" reads it")
	} else if a.recipe != nil && !a.exists("Gemfile.lock") && !a.exists("gems.locked") {
		dirs = Below(a.files, ".", 2)
	}
	for _, name := range a.glob("test/dummy/config/application.rb", "spec/dummy/config/application.rb", "spec/test_app/config/application.rb", ".internal_test_app/config/application.rb") {
		if !a.exists("config/application.rb") {
			dirs = append(dirs, path.Dir(path.Dir(name)))
		}
	}
	if len(dirs) > 0 {
		root := fmt.Sprint(a.likely("deploy_root"), "/current/", dirs[0])
		a.reading(dirs[0], nil, byOther).offer(0, "app_root", root, "no file was read in "+list(dirs)+". Does Sidekiq run there?")
	}
}
