package inspect

import (
	"fmt"
	"regexp"
	"slices"
)

func (r *recipe) server(s statement, text string) {
	r.serverUser(s, text)
	if roles, has := rubyOption(text, "roles"); has {
		value, ok := r.known.value(roles)
		if names, isList := shaped(fieldOf("capistrano.roles"), value).([]string); ok && isList {
			r.roles = append(r.roles, names...)
			r.say("roles " + list(names))
		}
	}
}

// serverUser notes the user of the first server, since there is one for all, and names those of others.
func (r *recipe) serverUser(s statement, text string) {
	user, has := rubyOption(text, "user")
	if host, ok := r.known.text(parts(text)[0]); ok && !has {
		if m := userAt.FindStringSubmatch(host); m != nil {
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

var userAt = regexp.MustCompile(`^([a-z_][a-z0-9_-]*)@`)

func (r *recipe) role(s statement, name, text string) {
	r.roles = append(r.roles, name)
	value, ok := r.known.value(parts(text)[0])
	servers, isList := shaped(fieldOf("capistrano.roles"), value).([]string)
	if !ok || !isList || s.nested {
		return
	}
	if m := userAt.FindStringSubmatch(servers[0]); m != nil {
		r.find(s.line, "deploy_user", m[1], fmt.Sprintf("role :%s, %q", name, m[1]+"@..."))
		r.say("user " + m[1])
	}
}

// workerRoles are names that people give servers for jobs, the likeliest first.
var workerRoles = []string{"sidekiq", "worker", "workers", "jobs", "job", "background", "resque"}

// rolesMean asks which servers run Sidekiq, where the roles hint at others than those of the default.
func (r *recipe) rolesMean() {
	if r.set["sidekiq_roles"] || r.set["sidekiq_role"] {
		return
	}
	for _, name := range workerRoles {
		if slices.Contains(r.roles, name) {
			r.offer(0, "capistrano.roles", []string{name}, "servers have the role "+name+". Do they alone run Sidekiq? By default those with the role app do.")
			return
		}
	}
}
