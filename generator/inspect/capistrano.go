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
	hosts   []host
	units   []unit

	environment     map[string]string
	dotenv          []string
	rvmDir, rvmRuby string
}

// settingOf are the fields that Capistrano's settings are literally, by their names there.
var settingOf = map[string]string{
	"application": "project", "application_name": "project", "deploy_to": "deploy_root", "user": "deploy_user", "rails_env": "rails_env",
	"sidekiq_service_unit_name": "service_name", "service_unit_name": "service_name", "sidekiq_command": "command", "sidekiq_config": "sidekiq_config", "sidekiq_concurrency": "concurrency", "sidekiq_timeout": "timeout",
	"sidekiq_queue": "queues", "sidekiq_roles": "capistrano.roles", "sidekiq_role": "capistrano.roles", "sidekiq_env": "rails_env", "sidekiq_log": "logging.file",
	"sidekiq_service_unit_env_files": "environment_files", "service_unit_env_files": "environment_files",
}

// settings are those that need more than to be copied.
var settings = map[string]func(r *recipe, s statement, name, text string){
	"ssh_options":  (*recipe).sshUser,
	"linked_files": (*recipe).linked, "linked_dirs": (*recipe).linkedDirs,
	"default_env": (*recipe).variables, "sidekiq_service_unit_env_vars": (*recipe).variables, "service_unit_env_vars": (*recipe).variables,
	"rbenv_type": (*recipe).managerPath, "rbenv_custom_path": (*recipe).managerPath, "rbenv_path": (*recipe).managerPath,
	"rvm_type": (*recipe).managerPath, "rvm_custom_path": (*recipe).managerPath,
	"chruby_ruby": (*recipe).ruby, "rvm_ruby_version": (*recipe).ruby,
	"sidekiq_processes": (*recipe).unread, "sidekiq_options_per_process": (*recipe).unread, "sidekiq_options": (*recipe).unread,
	"sidekiq_config_files": (*recipe).configFiles,
	"sidekiq_user":         (*recipe).unitUser, "sidekiq_service_unit_user": (*recipe).unitUser, "service_unit_user": (*recipe).unitUser,
}

// deployment reads what Capistrano loads, the environment's stage after the other stages.
func (a *Application) deployment() {
	stages := a.glob("config/deploy/*.rb")
	main, own := []string{"Capfile", "config/deploy.rb"}, a.stage(stages)
	r := &recipe{known: literals{}, set: map[string]bool{}, texts: map[string]string{}, noStage: own == nil && len(stages) > 0, environment: map[string]string{}}
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
			if name == "Capfile" && s.silent() {
				s.forget()
			} else if s.silent() {
				s.say("nothing of use")
			}
		}
	}
	if r.source == nil {
		return
	}
	r.source = a.reading("Capistrano's files", nil, byCapistrano) // for what they say together
	r.deployTo()
	if own != nil && stageOf(own[0]) != r.railsEnv && !r.set["rails_env"] {
		r.offer(0, "rails_env", stageOf(own[0]), own[0]+" is the only stage, and its settings are taken. Is "+stageOf(own[0])+" the Rails environment, too?")
	}
	r.serversMean()
	r.stagesMean()
	r.unitsMean()
	if r.refuses("environment") {
		r.offer(0, "environment", r.environment, "variables for Sidekiq. Does it need those that were not taken?")
	} else if len(r.environment) > 0 {
		r.find(0, "environment", r.environment, "variables for Sidekiq")
	}
	a.recipe = r
}

func stageOf(name string) string { return strings.TrimSuffix(path.Base(name), ".rb") }

// stage is the file of the environment's stage: the one of its name, else the only one; nil if there is none.
func (a *Application) stage(all []string) []string {
	own := "config/deploy/" + a.railsEnv + ".rb"
	switch {
	case len(all) == 1:
		return slices.Clone(all)
	case slices.Contains(all, own):
		return []string{own}
	case len(all) > 1:
		a.note(finding{kind: remark, key: "deploy_user", from: "config/deploy",
			text: fmt.Sprintf("config/deploy has %s, and no %s.rb: none was read; --rails-env names one", plural(len(all), "stage"), a.railsEnv)})
	}
	return nil
}

var (
	call        = regexp.MustCompile(`^(set|set_if_empty|append|remove|ask|server|role)(\(\s*|\s+)([^=\s].*)$`)
	symbolFirst = regexp.MustCompile(`^:(\w+)\s*(?:,\s*(.+)|\)?\s*(\{.*\}|do))$`)
	conditional = regexp.MustCompile(`[\s)}\]"](?:if|unless|while|until|and|or|rescue)\s`)
	changes     = regexp.MustCompile(`^fetch\(?\s*:(\w+)\b.*(?:<<|\]\s*=|!|\.(?:push|append|unshift|concat|store|update|delete|insert)\b)`)
	inBlock     = regexp.MustCompile(`[^.\w:@](?:set|set_if_empty|append)[\s(]\s*:(\w+)\s*[,)]`)
	serverIn    = regexp.MustCompile(`(?:^|[^.\w:@])(?:server|role)(?:\s+["':%*A-Z@]|\(|\s+\w+\s*[,.\[])`)
)

func (r *recipe) read() {
	before := len(r.roles)
	for _, s := range rubyStatements(r.source.text) {
		r.hook(s)
		m, bare := call.FindStringSubmatch(s.text), withoutText(s.text)
		s.nested = s.nested || conditional.MatchString(bare)
		if m == nil {
			r.within(s, bare)
			continue
		}
		text := m[3]
		if strings.HasPrefix(m[2], "(") {
			text = strings.TrimSpace(strings.TrimSuffix(text, ")"))
		}
		switch first := symbolFirst.FindStringSubmatch(text); {
		case m[1] == "server":
			r.server(s, text)
		case first == nil && m[1] == "role":
			r.refuse(s.line, "playbook.servers", "servers of a role whose name only Ruby can determine")
		case first == nil:
		case m[1] == "role":
			r.role(s, first[1], first[2])
		case m[1] == "remove" || m[1] == "ask" || m[1] == "append" && !strings.HasPrefix(first[1], "linked_"):
			r.setting(s, first[1], "")
		case first[3] != "":
			r.setting(s, first[1], "-> "+first[3])
		default:
			r.setting(s, first[1], first[2])
		}
	}
	if roles := r.roles[before:]; len(roles) > 0 {
		slices.Sort(roles)
		r.say("roles " + list(slices.Compact(roles)))
	}
}

// within notes calls in the midst of a statement, of which only Ruby can determine what they do.
func (r *recipe) within(s statement, bare string) {
	s.nested = true
	if serverIn.MatchString(bare) {
		r.refuse(s.line, "playbook.servers", "a server whose name only Ruby can determine")
	}
	for _, m := range append(inBlock.FindAllStringSubmatch(bare, -1), changes.FindAllStringSubmatch(bare, -1)...) {
		r.setting(s, m[1], "")
	}
}

// refuses reports whether something that Capistrano's files say of a field was not taken.
func (r *recipe) refuses(key string) bool {
	return slices.ContainsFunc(r.findings, func(f finding) bool { return f.key == key && f.kind == refused && f.weight == byCapistrano })
}

func (r *recipe) setting(s statement, name, text string) {
	if s.nested {
		text = "" // which has no value
	}
	r.remember(s, name, text)
	if name == "ssh_options" {
		r.port = cmp.Or(r.known.number(rubyOption(text, "port")), r.port)
	}
	r.texts[name] = strings.ReplaceAll(text, "'", `"`)
	if r.set == nil {
		return
	}
	r.set[name] = true
	if take := settings[name]; take != nil {
		take(r, s, name, text)
	} else if key := settingOf[name]; key != "" {
		r.literal(s, name, "set :"+name+", %s", key, text)
	}
}

func (r *recipe) sshUser(s statement, _, text string) {
	if user := rubyOption(text, "user"); user != "" {
		r.literal(s, "user", "set :ssh_options, user: %s", "deploy_user", user)
	}
}

// unread refuses settings with flags of Sidekiq, unless they say that there is one process.
func (r *recipe) unread(s statement, name, text string) {
	if value, ok := r.known.value(text); !ok || value != nil && value != 1 {
		r.refuse(s.line, "processes", name+" is not read: list here what it starts, each process with its queues")
	}
}

// remember keeps a value for those that are made from it, and forgets one that was overruled by what only Ruby can determine.
func (r *recipe) remember(s statement, name, text string) {
	delete(r.known, name)
	value, _ := r.known.value(text)
	if one, isText := value.(string); isText {
		r.known[name] = one
	}
}

func onlyRuby(what string) string { return "only Ruby can determine " + what }

// literal notes a value that stands there literally, and says so of any other. The format shows what stands there.
func (r *recipe) literal(s statement, name, format, key, text string) {
	value, ok := r.known.value(text)
	if !ok {
		r.refuse(s.line, key, onlyRuby(name))
		r.doubt(key)
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
	r.find(s.line, key, value, fmt.Sprintf(format, inRuby(value)))
	r.say(name + " " + strings.Trim(inRuby(value), `"`))
}

// doubt makes an offer of what Capistrano's files said of a field before, since a later setting counts more, and only Ruby can determine it.
func (r *recipe) doubt(key string) {
	for i := range r.findings {
		if f := &r.findings[i]; f.key == key && f.kind == found && f.weight == byCapistrano {
			f.kind, f.text = offered, f.from+": "+f.text+". Is that right?"
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
func (r *recipe) configFiles(s statement, name, text string) {
	files, ok := r.known.words(text)
	if !ok || len(files) == 0 {
		r.refuse(s.line, "processes", onlyRuby(name))
		return
	}
	var processes []model.Process
	for i, file := range files {
		files[i] = "config/" + strings.TrimPrefix(file, "config/")
		processes = append(processes, model.Process{Name: cmp.Or(processName(file), "default"), Config: files[i]})
	}
	if len(files) == 1 {
		r.literal(s, name, "set :sidekiq_config_files, %s", "sidekiq_config", inRuby(files[0]))
		return
	}
	r.find(s.line, "processes", processes, "set :sidekiq_config_files, "+inRuby(files))
	r.say("configurations " + list(files))
}

// deployTo notes Capistrano's own default, /var/www/APPLICATION, which is not the role's.
func (r *recipe) deployTo() {
	application := r.known["application"]
	if r.set["deploy_to"] || r.noStage || !r.capistrano || application == "" || !r.exists("config/deploy.rb") {
		return
	}
	r.find(0, "deploy_root", "/var/www/"+application, ":deploy_to is not set; Capistrano's default")
}
