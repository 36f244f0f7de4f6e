package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
)

// host is a server with its roles, and where it is named.
type host struct {
	model.Server
	roles []string
	place
}

// foreign reports whether the stage is another than the environment's: of that only the servers count.
func (r *recipe) foreign() bool { return r.set == nil }

// otherStage takes the servers of a stage that is not the environment's.
func (r *recipe) otherStage(s *source) {
	other := recipe{source: s, known: maps.Clone(r.known), port: r.port}
	other.known["stage"] = stageOf(s.name)
	other.read()
	r.hosts = append(r.hosts, other.hosts...)
	s.say("for another stage, with " + plural(len(other.hosts), "server"))
}

func (r *recipe) server(s statement, text string) {
	roles, _ := rubyOption(text, "roles")
	names, ok := r.known.words(roles)
	r.host(s, parts(text)[0], text, names)
	if r.foreign() {
		return
	}
	r.serverUser(s, text)
	if ok {
		r.roles = append(r.roles, names...)
		r.say("roles " + list(names))
	}
}

// serverUser notes the user of the first server, since there is one for all, and names those of others.
func (r *recipe) serverUser(s statement, text string) {
	ssh, _ := rubyOption(text, "ssh_options")
	user, has := rubyOption(ssh, "user")
	if name, named := rubyOption(text, "user"); named {
		user, has = name, true
	}
	if host, ok := r.known.text(parts(text)[0]); ok && !has {
		if m := hostText.FindStringSubmatch(host); m != nil && m[1] != "" {
			user, has = inRuby(m[1]), true
		}
	}
	before, _ := r.best("deploy_user")
	switch value, ok := r.known.value(user); {
	case !has:
	case !r.user:
		r.user = true
		r.literal(s, "user", "server ..., user: %s", "deploy_user", user)
	case ok && value != before.value:
		r.refuse(s.line, "deploy_user", fmt.Sprintf("another server has the user %v, and the role one for all", value))
	}
}

// hostText is USER@HOST:PORT.
var hostText = regexp.MustCompile(`^(?:([a-z_][a-z0-9_-]*)@)?([^@:\s]+)(?::([0-9]+))?$`)

// host keeps a server, whose name is a literal of Ruby. Roles of the same host add up.
func (r *recipe) host(s statement, name, options string, roles []string) {
	text, _ := r.known.text(name)
	m := hostText.FindStringSubmatch(text)
	if m == nil || s.nested {
		r.refuse(s.line, "playbook.servers", "a server whose name only Ruby could tell")
		return
	}
	ssh, _ := rubyOption(options, "ssh_options")
	port, _ := strconv.Atoi(m[3])
	for _, from := range []string{ssh, options} {
		if text, has := rubyOption(from, "port"); has {
			port = r.known.number(text)
		}
	}
	if port = cmp.Or(port, r.port); port == 22 {
		port = 0
	}
	one := model.Server{Host: m[2], Stage: groupOf(cmp.Or(r.known["stage"], r.railsEnv)), Port: port}
	for i := range r.hosts {
		if h := &r.hosts[i]; h.Host == one.Host && h.Stage == one.Stage {
			h.roles = append(slices.Clip(h.roles), roles...)
			return
		}
	}
	r.hosts = append(r.hosts, host{one, roles, place{r.source, s.line}})
}

var notInGroup = regexp.MustCompile(`[^a-z0-9_]`)

// groupOf is a stage as Ansible names groups.
func groupOf(stage string) string { return notInGroup.ReplaceAllString(strings.ToLower(stage), "_") }

func (r *recipe) role(s statement, name, text string) {
	servers, ok := r.known.words(text)
	if !ok || len(servers) == 0 {
		servers = []string{""} // refused as a server without a name
	}
	for _, server := range servers {
		r.host(s, inRuby(server), text, []string{name})
	}
	if r.foreign() {
		return
	}
	r.roles = append(r.roles, name)
	if m := hostText.FindStringSubmatch(servers[0]); m != nil && m[1] != "" && !s.nested {
		r.find(s.line, "deploy_user", m[1], fmt.Sprintf("role :%s, %q", name, m[1]+"@..."))
		r.say("user " + m[1])
	}
}

// workerRoles are names that people give servers for jobs, the likeliest first.
var workerRoles = []string{"sidekiq", "worker", "workers", "jobs", "job", "background", "resque"}

// rolesMean are the roles of the servers that run Sidekiq. It asks where they hint at others than those of the default.
func (r *recipe) rolesMean() (roles []string, certain bool) {
	if set, ok := r.best("capistrano.roles"); ok {
		roles, certain = set.value.([]string)
		return roles, certain
	}
	gem, _ := r.best("capistrano.gem")
	for _, name := range workerRoles {
		switch {
		case r.set["sidekiq_roles"] || r.set["sidekiq_role"] || !slices.Contains(r.roles, name):
		case name == "worker" && gem.value == "3":
			r.find(0, "capistrano.roles", []string{name}, "servers have the role worker, which is capistrano-sidekiq 3's default")
			return []string{name}, true
		default:
			r.offer(0, "capistrano.roles", []string{name}, "servers have the role "+name+". Do they alone run Sidekiq? By default those with the role app do.")
			return []string{name}, false
		}
	}
	return model.Default().Capistrano.Roles, !r.set["sidekiq_roles"] && !r.set["sidekiq_role"]
}

// serversMean lists the servers that run Sidekiq, of all stages. Those that are the developer's own host are none.
func (r *recipe) serversMean() {
	roles, certain := r.rolesMean()
	var all []model.Server
	var first host
	for _, h := range r.hosts {
		if !slices.ContainsFunc(h.roles, func(role string) bool { return slices.Contains(roles, role) || role == "all" }) ||
			slices.Contains([]string{"localhost", "127.0.0.1"}, h.Host) {
			continue
		}
		if what := fault(map[string]any{"playbook.servers": []model.Server{h.Server}}); what != "" {
			h.refuse(h.line, "playbook.servers", "not taken, since "+what)
			continue
		}
		if len(asJSON(append(slices.Clip(all), h.Server))) > longestValue {
			h.refuse(h.line, "playbook.servers", "more servers than are taken: add them to the inventory")
			break
		}
		if all = append(all, h.Server); len(all) == 1 {
			first = h
		}
	}
	text := plural(len(all), "server") + " with the role " + strings.Join(roles, " or ")
	switch {
	case len(all) == 0:
	case certain:
		first.find(first.line, "playbook.servers", all, text)
	default:
		first.offer(first.line, "playbook.servers", all, text+". Are these the hosts that run Sidekiq?")
	}
}
