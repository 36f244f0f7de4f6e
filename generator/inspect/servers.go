package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// host is a server with its roles.
type host struct {
	model.Server
	roles []string
}

// other takes the servers of another stage, or the services that a task restarts.
func (r *recipe) other(s *source) {
	o := recipe{source: s, known: maps.Clone(r.known), texts: map[string]string{}, port: r.port}
	if path.Ext(s.name) != ".rb" {
		o.doubted = r.doubted
	}
	if path.Ext(s.name) == ".rb" {
		s.say("another stage: only servers are read")
		o.known["stage"] = stageOf(s.name)
		o.read()
		r.hosts, r.stages, r.left = append(r.hosts, o.hosts...), append(r.stages, o), r.left+o.left
		return
	}
	o.read()
	r.units = append(r.units, o.units...)
	s.forget()
}

// server reads a call whose options tell the roles.
func (r *recipe) server(c call) {
	option := rubyOption(c.rest, "roles")
	for _, part := range parts(strings.TrimLeft(c.rest, "{ ")) {
		if m := hashEntry.FindStringSubmatch(part); m != nil && c.certain {
			if name := m[1] + m[2] + m[3]; name != "user" && name != "ssh_options" && settingField(name) != "" || strings.HasPrefix(name, "sidekiq_") {
				r.doubts(c.line, cmp.Or(settingField(name), "processes"), "a server has its own "+name+"; the role has one for all")
			}
		}
	}
	roles, ok := r.known.words(option)
	if c.certain && (!ok || c.rest != "" && !hashEntry.MatchString(strings.TrimLeft(c.rest, "{ "))) {
		r.refuse(c.line, "playbook.servers", "a server whose roles only Ruby can determine")
		roles = nil
	}
	r.host(c, c.first, roles)
}

func (r *recipe) role(c call) {
	roles, named := r.known.words(c.first)
	servers, ok := r.known.words(c.rest)
	if !ok || !named || len(servers) == 0 {
		servers = []string{""} // which is no name
	}
	for _, server := range servers {
		r.host(c, inRuby(server), roles)
	}
}

var (
	hostText   = regexp.MustCompile(`^(?:([a-z_][a-z0-9_-]*)@)?(?:([^@:\s\[\]]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:]*)|\[([0-9a-fA-F:]+)\])(?::([0-9]+))?$`) // USER@HOST:PORT
	notInGroup = regexp.MustCompile(`[^a-z0-9_]`)
)

// host keeps a server, whose name is a literal of Ruby. Roles of the same host add up.
func (r *recipe) host(c call, name string, roles []string) {
	r.roles = append(r.roles, roles...)
	text, _ := r.known.text(name)
	m := hostText.FindStringSubmatch(text)
	if m == nil {
		m = make([]string, 5)
	}
	user, port := inRuby(m[1]), m[4]
	for _, from := range []string{rubyOption(c.rest, "ssh_options"), c.rest} {
		user, port = cmp.Or(rubyOption(from, "user"), user), cmp.Or(rubyOption(from, "port"), port)
	}
	h := host{model.Server{Host: m[2] + m[3], Port: cmp.Or(r.known.number(port), r.port)}, roles}
	h.Stage = notInGroup.ReplaceAllString(strings.ToLower(cmp.Or(r.known["stage"], r.railsEnv)), "_")
	if h.Port == 22 {
		h.Port = 0
	}
	i := slices.IndexFunc(r.hosts, func(o host) bool { return o.Host == h.Host && o.Stage == h.Stage })
	switch {
	case h.Host == "" || !c.certain:
		r.refuse(c.line, "playbook.servers", "a server whose name only Ruby can determine")
	case port != "" && r.known.number(port) == 0:
		r.refuse(c.line, "playbook.servers", "a server whose port only Ruby can determine")
	case h.Host == "localhost" || h.Host == "127.0.0.1":
		r.say(h.Host + " left out")
	case i >= 0:
		r.hosts[i].roles = slices.Concat(r.hosts[i].roles, roles)
	case len(r.hosts) >= mostServers:
		r.left++
	default:
		if what := fault(map[string]any{"playbook.servers": []model.Server{h.Server}}); what != "" {
			r.refuse(c.line, "playbook.servers", "ignored: "+what)
		} else {
			r.hosts = append(r.hosts, h)
		}
	}
	if user != `""` {
		r.userMeans(c.line, user)
	}
}

// mostServers is how many a file may name: far more than a value has room for.
const mostServers = 200

// userMeans notes the user of the first server, and names those of others: the role has one.
func (r *recipe) userMeans(line int, user string) {
	r.texts["user"] = cmp.Or(r.texts["user"], strings.ReplaceAll(user, "'", `"`))
	before, _ := r.best("deploy_user")
	switch value, ok := r.known.value(user); {
	case r.set == nil:
	case !r.user:
		r.user = true
		r.literal(line, "user", "server ..., user: %s", "deploy_user", user)
	case ok && value != before.value:
		r.refuse(line, "deploy_user", fmt.Sprintf("another server has the user %v; the role supports one user", value))
	}
}

// workerRoles are names that people give servers for jobs, the likeliest first.
var workerRoles = []string{"sidekiq", "worker", "workers", "jobs", "job", "background", "resque"}

// rolesMean are the roles of the servers that run Sidekiq. It asks where they hint at others.
func (r *recipe) rolesMean() []string {
	if set, ok := r.best("capistrano.roles"); ok {
		roles, _ := set.value.([]string)
		return roles
	}
	likely := slices.IndexFunc(workerRoles, func(name string) bool { return slices.Contains(r.roles, name) })
	if r.set["sidekiq_roles"] || r.set["sidekiq_role"] || likely < 0 {
		return model.Default().Capistrano.Roles
	}
	roles := []string{workerRoles[likely]}
	if gem, _ := r.best("capistrano.gem"); gem.value == "3" && roles[0] == "worker" {
		r.find(0, "capistrano.roles", roles, "servers have the role worker, which is capistrano-sidekiq 3's default")
		return roles
	}
	r.offer(0, "capistrano.roles", roles, "servers have the role "+roles[0]+". Do only these run Sidekiq? Default: those with the role app.")
	return roles
}

// serversMean lists the servers that run Sidekiq, of all stages, without the developer's own host.
func (r *recipe) serversMean() {
	roles := r.rolesMean()
	var all []model.Server
	stages, size := map[string]string{}, 2
	own := notInGroup.ReplaceAllString(strings.ToLower(cmp.Or(r.known["stage"], r.railsEnv)), "_")
	slices.SortStableFunc(r.hosts, func(x, y host) int { return cmp.Compare(cmp.Compare(x.Stage, own)&1, cmp.Compare(y.Stage, own)&1) })
	for _, h := range r.hosts {
		if slices.ContainsFunc(h.roles, func(role string) bool { return role == "all" || slices.Contains(roles, role) }) {
			if stage := stages[h.Host]; stage != "" {
				r.tell(0, "playbook.servers", fmt.Sprintf("%s is a server of %s, too, and is listed in %s alone", h.Host, h.Stage, stage))
			} else if size += len(asJSON(h.Server)) + 1; size > longestValue {
				r.left++
			} else {
				stages[h.Host] = h.Stage
				all = append(all, h.Server)
			}
		}
	}
	if r.left > 0 {
		r.refuse(0, "playbook.servers", plural(r.left, "server")+" left out: the list is full; hint: add the others to the inventory")
	}
	if said := plural(len(all), "server") + " with the role " + strings.Join(roles, " or "); r.refuses("playbook.servers") {
		r.offer(0, "playbook.servers", all, said+". Which others are there?")
	} else if len(all) > 0 {
		r.find(0, "playbook.servers", all, said)
	}
}

// stagesMean names the settings that differ in other stages whose servers are listed. Their values may be secret.
func (r *recipe) stagesMean() {
	for _, o := range r.stages {
		var names, variables []string
		for name, key := range settingOf {
			is, has := o.texts[name]
			was := r.texts[name]
			differs := has && is != was || !has && (strings.Contains(was, ":stage") || name == "rails_env" && was == "") // capistrano-rails takes the stage
			if variable := fieldOf(key).Name; differs && variable != "" {
				names, variables = append(names, name), append(variables, variable)
			}
		}
		slices.Sort(names)
		slices.Sort(variables)
		if len(names) > 0 && len(o.hosts) > 0 {
			text := fmt.Sprintf("differs in %s: set %s in inventory/group_vars/%s.yml", list(names), list(slices.Compact(variables)), o.hosts[0].Stage)
			o.tell(0, "playbook.servers", text)
			o.say(text)
		}
	}
}
