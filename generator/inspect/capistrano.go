package inspect

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/argspec"
)

// recipe is what Capistrano's files say together. Those that are loaded later win.
type recipe struct {
	*source
	known  literals
	user   bool            // a server of the file has told it
	roles  []string        // of the servers
	set    map[string]bool // nil: of a stage that is not the environment's, of which only the servers count
	unread bool            // it has stages, and none was read
	port   int             // of ssh, for all servers
	hosts  []host
	units  []unit

	environment             map[string]string
	partial                 bool // some variables were not taken
	environmentSaid, dotenv []string
	rvmDir, rvmRuby         string
	places                  map[string]place // of these
}

// place is a line of a file.
type place struct {
	*source
	line int
}

// settingOf are the fields that Capistrano's settings are literally, by their names there.
var settingOf = map[string]string{
	"application": "project", "application_name": "project", "deploy_to": "deploy_root", "user": "deploy_user", "rails_env": "rails_env",
	"sidekiq_service_unit_name": "service_name", "service_unit_name": "service_name", "sidekiq_command": "command", "sidekiq_config": "sidekiq_config", "sidekiq_concurrency": "concurrency", "sidekiq_timeout": "timeout",
	"sidekiq_queue": "queues", "sidekiq_roles": "capistrano.roles", "sidekiq_role": "capistrano.roles", "sidekiq_env": "rails_env", "sidekiq_log": "logging.file",
	"sidekiq_service_unit_env_files": "environment_files", "service_unit_env_files": "environment_files",
}

// deployment reads what Capistrano loads, the environment's stage after the other stages.
func (a *Application) deployment() {
	all := a.glob("config/deploy/*.rb")
	stages := a.stages(all)
	r := &recipe{known: literals{}, set: map[string]bool{}, unread: len(stages) == 0 && len(all) > 0, environment: map[string]string{}, places: map[string]place{}}
	if len(stages) == 1 {
		r.known["stage"] = stageOf(stages[0]) // Capistrano sets it before it loads any
	}
	a.capistrano = a.capistrano || a.exists("Capfile")
	main := slices.Concat([]string{"Capfile", "config/deploy.rb"}, stages)
	others := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(stages, name) })
	for _, name := range slices.Concat(main[:2], others, stages, a.glob("lib/capistrano/tasks/*.rake", "lib/capistrano/tasks/*.cap")) {
		s := a.open(name, byCapistrano)
		if s != nil && !slices.Contains(main, name) {
			r.other(s)
		}
		if s == nil || !slices.Contains(main, name) {
			continue
		}
		r.source, r.user = s, false
		r.read()
		if s.silent() {
			s.say("nothing of use")
		}
	}
	if r.source == nil {
		return
	}
	r.deployTo()
	r.serversMean()
	r.unitsMean()
	if at := r.places["environment"]; r.partial {
		at.offer(at.line, "environment", r.environment, strings.Join(r.environmentSaid, ", ")+". Does Sidekiq need the variables that were not taken?")
	} else if len(r.environment) > 0 {
		at.find(at.line, "environment", r.environment, strings.Join(r.environmentSaid, ", "))
	}
	a.recipe = r
}

func stageOf(name string) string { return strings.TrimSuffix(path.Base(name), ".rb") }

// stages are the files of stages that are for the environment: the one of its name, else the only one.
func (a *Application) stages(all []string) []string {
	own := "config/deploy/" + a.railsEnv + ".rb"
	if len(all) <= 1 {
		return all
	}
	if !slices.Contains(all, own) {
		a.note(finding{kind: remark, key: "deploy_user", from: "config/deploy",
			text: fmt.Sprintf("config/deploy has %s, and no %s.rb: none was read; --rails-env names one", plural(len(all), "stage"), a.railsEnv)})
		return nil
	}
	return []string{own}
}

var (
	call        = regexp.MustCompile(`^(set|set_if_empty|append|server|role)(\(\s*|\s+)([^=\s].*)$`)
	symbolFirst = regexp.MustCompile(`^:(\w+)\s*(?:,\s*(.+)|\)?\s*(\{.*\}|do))$`)
	commandMap  = regexp.MustCompile(`^SSHKit\.config\.command_map\[:bundle\]\s*=\s*(.+)$`)
)

func (r *recipe) read() {
	for _, s := range rubyStatements(r.source.text) {
		r.hook(s)
		m := call.FindStringSubmatch(s.text)
		if bundle := commandMap.FindStringSubmatch(s.text); bundle != nil && r.set != nil {
			r.literal(s, "command_map[:bundle]", "command_map[:bundle] = %s", "ruby.bundle", bundle[1])
		}
		if m == nil {
			continue
		}
		text := m[3]
		if strings.HasPrefix(m[2], "(") {
			text = strings.TrimSpace(strings.TrimSuffix(text, ")"))
		}
		switch first := symbolFirst.FindStringSubmatch(text); {
		case m[1] == "server":
			roles, _ := rubyOption(text, "roles")
			names, _ := r.known.words(roles)
			r.host(s, parts(text)[0], text, names)
		case first == nil || m[1] == "append" && !strings.HasPrefix(first[1], "linked_"):
		case m[1] == "role":
			r.role(s, first[1], first[2])
		case first[3] != "":
			r.setting(s, first[1], "-> "+first[3])
		default:
			r.setting(s, first[1], first[2])
		}
	}
}

func (r *recipe) setting(s statement, name, text string) {
	r.remember(s, name, text)
	if port, has := rubyOption(text, "port"); has && name == "ssh_options" {
		r.port = r.known.number(port)
	}
	if r.set == nil {
		return
	}
	r.set[name] = true
	switch name {
	case "ssh_options":
		if user, has := rubyOption(text, "user"); has {
			r.literal(s, "user", "set :ssh_options, user: %s", "deploy_user", user)
		}
	case "linked_files":
		r.linked(s, text)
	case "linked_dirs":
		r.linkedDirs(s, text)
	case "default_env", "sidekiq_service_unit_env_vars", "service_unit_env_vars":
		r.path(s, name, text)
		r.variables(s, name, text)
	case "rbenv_type", "rbenv_custom_path", "rbenv_path", "rvm_type", "rvm_custom_path":
		r.managerPath(s, name, text)
	case "chruby_ruby", "rvm_ruby_version":
		r.ruby(s, name, text)
	case "sidekiq_processes", "sidekiq_options_per_process":
		if value, ok := r.known.value(text); !ok || value != nil && value != 1 {
			r.refuse(s.line, "processes", name+" has capistrano-sidekiq start several: list them here, each with its queues")
		}
	case "sidekiq_options":
		r.refuse(s.line, "concurrency", "sidekiq_options has flags of Sidekiq, which are not read: set here what they set")
	case "sidekiq_user", "sidekiq_service_unit_user", "service_unit_user":
		r.unitUser(s, name, text)
	case "sidekiq_error_log":
		if log, set := r.known["sidekiq_log"]; !set {
			r.literal(s, name, "set :sidekiq_error_log, %s", "logging.file", text)
		} else if r.known[name] != log {
			r.refuse(s.line, "logging.file", "sidekiq_error_log is another file, and the role has one log file")
		}
	case "sidekiq_config_files":
		r.configFiles(s, text)
	default:
		if key := settingOf[name]; key != "" {
			r.literal(s, name, "set :"+name+", %s", key, text)
		}
	}
}

// remember keeps a value for those that are made from it, and forgets one that was overruled by what only Ruby could tell.
func (r *recipe) remember(s statement, name, text string) {
	if s.nested {
		return
	}
	delete(r.known, name)
	if v, ok := r.known.value(text); ok {
		if one, isText := v.(string); isText {
			r.known[name] = one
		}
	}
}

// whyNot says why a setting is not taken.
func (s statement) whyNot(name string) string {
	if s.nested {
		return name + " is set within a block, only Ruby could tell when"
	}
	return name + " is not literal, only Ruby could tell its value"
}

// literal notes a value that stands there literally, and says so of any other. The format shows what stands there.
func (r *recipe) literal(s statement, name, format, key, text string) {
	value, ok := r.known.value(text)
	if !ok || s.nested {
		r.refuse(s.line, key, s.whyNot(name))
		if !s.nested {
			r.doubt(key)
			r.supposes(key, text)
		}
		return
	}
	if value = shaped(fieldOf(key), value); value == nil {
		return
	}
	switch one, _ := value.(string); key {
	case "service_name":
		value = strings.TrimSuffix(one, ".service")
	case "command":
		value = path.Base(strings.TrimPrefix(one, "bundle exec "))
	case "sidekiq_config":
		current, _ := r.known.setting("current_path")
		if value = strings.TrimPrefix(strings.TrimPrefix(one, current+"/"), "./"); value == usualConfig {
			return // where Sidekiq looks by itself
		}
	}
	r.find(s.line, key, value, fmt.Sprintf(format, inRuby(value)))
	r.say(name + " " + strings.Trim(inRuby(value), `"`))
}

// doubt makes an offer of what Capistrano's files said of a field before, since a later setting counts more, and only Ruby could tell it.
func (r *recipe) doubt(key string) {
	for i := range r.findings {
		if f := &r.findings[i]; f.key == key && f.kind == found && f.weight == byCapistrano {
			f.kind, f.text = offered, f.from+": "+f.text+". Does that hold?"
		}
	}
}

func fieldOf(key string) model.Field {
	f, known := model.FieldOf(key)
	if !known {
		panic(key + " is no field")
	}
	return f
}

// shaped gives a literal of Ruby the type of a field; nil where it cannot have it.
func shaped(f model.Field, value any) any {
	text, isText := value.(string)
	words, _ := value.([]string)
	n, err := strconv.Atoi(fmt.Sprint(value))
	switch {
	case f.Type == argspec.Int && err == nil:
		return n
	case f.Type == argspec.List && isText:
		return []string{text}
	case f.Type == argspec.List && len(words) > 0, f.Textual() && text != "":
		return value
	}
	return nil
}

// inRuby shows a value.
func inRuby(value any) string {
	switch v := value.(type) {
	case string:
		return `"` + v + `"`
	case []string:
		return "%w[" + strings.Join(v, " ") + "]"
	}
	return fmt.Sprint(value)
}

// configFiles are those of capistrano-sidekiq, one for each process.
func (r *recipe) configFiles(s statement, text string) {
	files, ok := r.known.words(text)
	if !ok || s.nested || len(files) == 0 {
		r.refuse(s.line, "processes", s.whyNot("sidekiq_config_files"))
		return
	}
	if len(files) == 1 {
		r.literal(s, "sidekiq_config_files", "set :sidekiq_config_files, %s", "sidekiq_config", inRuby("config/"+path.Base(files[0])))
		return
	}
	var processes []model.Process
	for _, file := range files {
		name := "config/" + strings.TrimPrefix(file, "config/")
		processes = append(processes, model.Process{Name: cmp.Or(processName(name), "default"), Config: name})
	}
	r.find(s.line, "processes", processes, "set :sidekiq_config_files, "+inRuby(files))
	r.say("configurations " + list(files))
}

// deployTo notes Capistrano's own default, /var/www/APPLICATION, which is not the role's.
func (r *recipe) deployTo() {
	application := r.known["application"]
	if r.set["deploy_to"] || r.unread || !r.capistrano || application == "" || !r.exists("config/deploy.rb") {
		return
	}
	root := "/var/www/" + application
	r.note(finding{found, "deploy_root", root, byCapistrano, "config/deploy.rb", "no :deploy_to, and this is Capistrano's default"})
}
