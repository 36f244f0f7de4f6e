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
	known   literals
	user    bool              // a server of the file has told it
	roles   []string          // of the servers
	set     map[string]bool   // nil: of a stage that is not the environment's, of which only the servers count
	texts   map[string]string // of settings, as they are written
	stages  []recipe          // the others
	noStage bool              // it has stages, and none was read
	port    int               // of ssh, for all servers
	doubted map[string]int    // fields whose settings are named where it is not certain what becomes of them, and the line; nil: of another stage
	loads   bool              // files that are not read
	hosts   []host
	left    int // servers for which there was no room
	units   []unit

	environment map[string]string
	dotenv      []string
}

// settingOf are the fields of Capistrano's settings, by their names there.
var settingOf = map[string]string{
	"application": "project", "application_name": "project", "deploy_to": "deploy_root", "user": "deploy_user", "rails_env": "rails_env",
	"sidekiq_service_unit_name": "service_name", "service_unit_name": "service_name", "sidekiq_command": "command", "sidekiq_config": "sidekiq_config", "sidekiq_concurrency": "concurrency", "sidekiq_timeout": "timeout",
	"sidekiq_queue": "queues", "sidekiq_roles": "capistrano.roles", "sidekiq_role": "capistrano.roles", "sidekiq_env": "rails_env", "sidekiq_log": "logging.file",
	"sidekiq_service_unit_env_files": "environment_files", "service_unit_env_files": "environment_files", "default_env": "environment",
	"sidekiq_service_unit_env_vars": "environment", "service_unit_env_vars": "environment", "ssh_options": "deploy_user", "linked_files": "dotenv_files", "linked_dirs": "hardening.read_write_paths",
	"rbenv_path": "ruby.bundle", "rbenv_custom_path": "ruby.bundle", "sidekiq_config_files": "processes",
}

// settings are those that need more than to be copied.
var settings = map[string]func(r *recipe, line int, name, text string){
	"ssh_options":  (*recipe).sshUser,
	"linked_files": (*recipe).linked, "linked_dirs": (*recipe).linkedDirs,
	"default_env": (*recipe).variables, "sidekiq_service_unit_env_vars": (*recipe).variables, "service_unit_env_vars": (*recipe).variables,
	"rbenv_path": (*recipe).rbenv, "rbenv_custom_path": (*recipe).rbenv,
	"sidekiq_config_files": (*recipe).configFiles,
}

// asking are those of which any other value than the usual ones is a question.
var asking = map[string]asked{
	"rbenv_type": {"ruby.bundle", "name the path of bundle", []any{"user"}},
	"rvm_type":   anyRuby, "rvm_custom_path": anyRuby, "rvm_ruby_version": anyRuby, "chruby_ruby": anyRuby,
	"asdf_custom_path": otherRuby, "asdf_ruby_version": otherRuby, "bundle_gemfile": otherRuby,
	"current_directory": inRoot, "current_path": inRoot, "shared_directory": inRoot,
	"sidekiq_processes": inProcesses, "sidekiq_options_per_process": inProcesses, "sidekiq_options": inProcesses,
	"sidekiq_user": unitUser, "sidekiq_service_unit_user": unitUser, "service_unit_user": unitUser,
}

type asked struct {
	key, why string
	usual    []any // nil: any literal
}

var (
	anyRuby     = asked{"ruby.bundle", "name the path of bundle", nil} // managersMean asks about what is literal
	otherRuby   = asked{"ruby.bundle", "name the path of bundle", []any{nil}}
	inRoot      = asked{"app_root", "the paths below deploy_root are not the usual ones", []any{nil, "current", "shared"}}
	inProcesses = asked{"processes", "list here what it starts, each process with its queues", []any{nil, 1}}
	unitUser    = asked{"deploy_user", "the role has one user for Sidekiq and for deploys", []any{nil, "user", "system"}}
)

// harmlessSetting are those of capistrano-sidekiq that the role does without.
var harmlessSetting = regexp.MustCompile(`^sidekiq_(default_hooks|error_log|monit_\w+|pid)$`)

// settingField is the field of a setting, "" if it has none.
func settingField(name string) string { return cmp.Or(settingOf[name], asking[name].key) }

// deployment reads what Capistrano loads, the environment's stage after the other stages.
func (a *Application) deployment() {
	stages := a.glob("config/deploy/*.rb")
	main, own := []string{"Capfile", "config/deploy.rb"}, a.stage(stages)
	r := &recipe{known: literals{}, set: map[string]bool{}, texts: map[string]string{}, doubted: map[string]int{}, noStage: own == nil && len(stages) > 0, environment: map[string]string{}}
	if own != nil {
		r.known["stage"] = stageOf(own[0]) // Capistrano sets it before it loads any
		stages = slices.DeleteFunc(stages, func(name string) bool { return name == own[0] })
	}
	a.capistrano = a.capistrano || a.exists("Capfile")
	for _, name := range slices.Concat(main, stages, own, a.glob("lib/capistrano/tasks/*.rake", "lib/capistrano/tasks/*.cap")) {
		s := a.open(name, byCapistrano)
		switch {
		case s == nil:
		case !slices.Contains(slices.Concat(main, own), name):
			r.other(s)
		default:
			r.source, r.user = s, false
			r.read()
			if name != "Capfile" && s.silent() {
				s.say("nothing of use")
			}
		}
	}
	if r.source == nil {
		return
	}
	for _, dir := range a.glob("config/deploy/*") {
		for _, name := range a.glob(dir + "/*.rb") {
			r.loads = true
			a.reading(name, nil, byCapistrano).notRead(0, name)
		}
	}
	r.source = a.reading("Capistrano's files", nil, byCapistrano) // for what they say together
	if application := r.known["application"]; application != "" && !r.set["deploy_to"] && !r.noStage && a.capistrano && a.exists("config/deploy.rb") {
		const said = ":deploy_to is not set; Capistrano's default" // which is not the role's
		if r.loads {
			r.offer(0, "deploy_root", "/var/www/"+application, said+". Or does a file set it that was not read?")
		} else {
			r.find(0, "deploy_root", "/var/www/"+application, said)
		}
	}
	if own != nil && stageOf(own[0]) != r.railsEnv && !r.set["rails_env"] {
		r.offer(0, "rails_env", stageOf(own[0]), own[0]+" is the only stage, and its settings are taken. Is "+stageOf(own[0])+" the Rails environment, too?")
	}
	r.serversMean()
	r.stagesMean()
	r.unitsMean()
	for _, name := range []string{"sidekiq_user", "sidekiq_service_unit_user", "service_unit_user"} {
		if user, isSet := r.known[name]; isSet && !slices.Contains(unitUser.usual, any(user)) && user != a.bestText("deploy_user") {
			r.overrule("deploy_user", true) // what was said of it at the setting is a question
		}
	}
	for key := range r.doubted {
		r.overrule(key, true)
	}
	if r.refuses("environment") {
		r.offer(0, "environment", r.environment, "variables for Sidekiq. Does it need those that were not taken?")
	} else if len(r.environment) > 0 {
		r.find(0, "environment", r.environment, "variables for Sidekiq")
	}
	a.recipe = r
}

func stageOf(name string) string { return strings.TrimSuffix(path.Base(name), ".rb") }

// stage is the file of the environment's stage: that of its name, or the only one. It is nil without one.
func (a *Application) stage(all []string) []string {
	own := "config/deploy/" + a.railsEnv + ".rb"
	if len(all) == 1 || slices.Contains(all, own) {
		return []string{all[max(0, slices.Index(all, own))]}
	} else if len(all) > 1 {
		a.note(finding{kind: remark, key: "deploy_user", from: "config/deploy",
			text: fmt.Sprintf("config/deploy has %s, and no %s.rb: none was read; --rails-env names one", plural(len(all), "stage"), a.railsEnv)})
	}
	return nil
}

func (r *recipe) read() {
	before := len(r.roles)
	for _, c := range rubyCalls(r.source.text) {
		switch c.method {
		case "server":
			r.server(c)
		case "role":
			r.role(c)
		case "execute", "execute!", "sudo", "run":
			r.hook(c)
		case "":
			r.doubts(c.line, c.rest, onlyRuby(c.first))
		default:
			r.setting(c)
		}
	}
	for i, line := range strings.Split(string(noCode.ReplaceAll(r.source.text, nil)), "\n") {
		if m := loading.FindString(line); m != "" && !strings.Contains(line, "lib/capistrano/tasks") && r.set != nil {
			r.loads = true
			r.notRead(i+1, m)
		}
	}
	if roles := r.roles[before:]; len(roles) > 0 {
		slices.Sort(roles)
		r.say("roles " + list(slices.Compact(roles)))
	}
}

// refuses reports whether something that Capistrano's files say of a field was not taken.
func (r *recipe) refuses(key string) bool {
	return slices.ContainsFunc(r.findings, func(f finding) bool { return f.key == key && f.kind == refused && f.weight == byCapistrano })
}

// loading are lines that have Ruby read settings elsewhere.
var loading = regexp.MustCompile(`^[^#]*(?:\b(?:require_relative|load|import|instance_eval)[ ("'].*|\brequire\s*\(?["']\..*|\bYAML\.\w*load\w*.*|\bset\(?\s*[a-z]\w*(?:\.\w+)?,.*)|^\s*set\(?\s*:(?:deploy|stage)_config_path\b.*`)

// notRead names what may have settings.
func (s *source) notRead(line int, what string) {
	s.tell(line, "deploy_root", "not read, and may have settings: "+strings.TrimSpace(what))
	s.notes = append(s.notes, [2]string{s.at(line), "not read, and may have settings"})
}

// doubts notes, once for a line, that the value of a field may be another than what is certain.
func (r *recipe) doubts(line int, key, why string) {
	if r.doubted != nil && key != "" && r.doubted[key] != line {
		r.doubted[key] = line
		r.refuse(line, key, why)
	}
}

var symbol = regexp.MustCompile(`^:(\w+)`)

func (r *recipe) setting(c call) {
	m := symbol.FindStringSubmatch(c.first)
	if m == nil || !c.certain {
		return
	}
	name, text := m[1], c.rest
	if c.method == "append" && !strings.HasPrefix(name, "linked_") {
		text = "" // which has no value
	} else if c.method == "set_if_empty" && r.texts[name] != "" {
		return
	}
	delete(r.known, name)
	value, ok := r.known.value(text)
	if !ok && settingField(name) == "" {
		for _, other := range namedIn(c.line, text) {
			r.doubts(c.line, other.rest, onlyRuby(other.first))
		}
	}
	if one, isText := value.(string); isText {
		r.known[name] = one
	}
	if name == "ssh_options" {
		r.port = cmp.Or(r.known.number(rubyOption(text, "port")), r.port)
	}
	r.texts[name] = strings.ReplaceAll(text, "'", `"`)
	if r.set == nil {
		r.doubts(c.line, settingField(name), onlyRuby(name))
		return
	}
	r.set[name] = true
	if take := settings[name]; take != nil {
		take(r, c.line, name, text)
	} else if key := settingOf[name]; key != "" {
		r.literal(c.line, name, "set :"+name+", %s", key, text)
	} else if a := asking[name]; a.key != "" {
		before, _ := r.best(a.key)
		if !ok || a.usual != nil && !slices.Contains(a.usual, value) && !same(value, before.value) {
			if r.refuse(c.line, a.key, name+" is not read: "+a.why); a.key != "deploy_user" { // which a server may say yet
				r.doubted[a.key] = c.line
			}
		}
	} else if strings.HasPrefix(name, "sidekiq_") && !harmlessSetting.MatchString(name) && !(ok && value == nil) {
		r.doubts(c.line, "processes", name+" is not read: "+inProcesses.why)
	}
}

func (r *recipe) sshUser(line int, _, text string) {
	if user := rubyOption(text, "user"); user != "" {
		r.literal(line, "user", "set :ssh_options, user: %s", "deploy_user", user)
	}
}

// words are those of a list. What only Ruby can determine is a question of the field.
func (r *recipe) words(line int, name, key, text string) []string {
	words, ok := r.known.words(text)
	if !ok || text == "" {
		r.refuse(line, key, onlyRuby(name))
	}
	return words
}

func onlyRuby(what string) string { return "only Ruby can determine " + what }

// literal notes a value that stands there literally, and says so of any other. The format shows what stands there.
func (r *recipe) literal(line int, name, format, key, text string) {
	value, ok := r.known.value(text)
	if key == "deploy_root" { // what it was before is no proposal
		r.likelyRoot = ""
		r.overrule(key, false)
	}
	if !ok {
		r.refuse(line, key, onlyRuby(name))
		r.overrule(key, true)
		r.supposes(key, text)
		return
	}
	one, isText := value.(string)
	switch n, err := strconv.Atoi(fmt.Sprint(value)); {
	case value == nil || value == "":
		return
	case fieldOf(key).Type == argspec.Int && err == nil:
		value = n
	case fieldOf(key).Type == argspec.List && isText:
		value = []string{one}
	case key == "service_name":
		value = strings.TrimSuffix(one, ".service")
	case key == "command":
		value = path.Base(strings.TrimPrefix(one, "bundle exec "))
	case key == "sidekiq_config":
		current, _ := r.known.setting("current_path")
		if value = strings.TrimPrefix(strings.TrimPrefix(one, current+"/"), "./"); value == usualConfig {
			return // where Sidekiq looks by itself
		}
	}
	r.find(line, key, value, fmt.Sprintf(format, inRuby(value)))
	r.say(name + " " + strings.Trim(inRuby(value), `"`))
}

// overrule makes remarks of what Capistrano's files said of a field, and perhaps an offer of the last.
func (r *recipe) overrule(key string, offers bool) {
	for i := range slices.Backward(r.findings) {
		if f := &r.findings[i]; f.key == key && f.kind == found && f.weight == byCapistrano {
			if f.kind, f.text = remark, f.from+" differs: "+f.text; offers {
				f.kind, f.text, offers = offered, strings.Replace(f.text, " differs", "", 1)+". Is that right?", false
			}
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

// inRuby shows a value.
func inRuby(value any) string { return string(asJSON(value)) }

// configFiles are those of capistrano-sidekiq, one for each process.
func (r *recipe) configFiles(line int, name, text string) {
	var processes []model.Process
	files := r.words(line, name, "processes", text)
	for i, file := range files {
		files[i] = "config/" + strings.TrimPrefix(file, "config/")
		processes = append(processes, model.Process{Name: cmp.Or(processName(file), "default"), Config: files[i]})
	}
	switch len(files) {
	case 0:
	case 1:
		r.literal(line, name, "set :sidekiq_config_files, %s", "sidekiq_config", inRuby(files[0]))
	default:
		r.find(line, "processes", processes, "set :sidekiq_config_files, "+inRuby(files))
		r.say("configurations " + list(files))
	}
}
