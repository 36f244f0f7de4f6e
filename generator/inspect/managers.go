package inspect

import "strings"

// path looks for a Ruby manager in the PATH that Capistrano sets.
func (r *recipe) path(s statement, text string) {
	for _, m := range []struct{ manager, folder string }{{"rbenv", ".rbenv/"}, {"rvm", ".rvm/"}, {"asdf", ".asdf/"}, {"mise", "mise/shims"}} {
		if strings.Contains(text, m.folder) {
			r.find(s.line, "ruby.manager", m.manager, ":default_env has "+m.folder+" in its path")
			r.say("path with " + m.folder)
		}
	}
}

// sharedManager are the folders of Ruby managers that all users have.
var sharedManager = map[string]string{"rbenv system": "/usr/local/rbenv", "rbenv fullstaq": "/usr/lib/rbenv", "rvm system": "/usr/local/rvm"}

// executable is bundle in the folder of a manager.
var executable = map[string]string{"rbenv": "/shims/bundle", "rvm": "/wrappers/default/bundle"}

// rvmRuby tells that wrappers/default is of another Ruby, perhaps, than the one that Capistrano takes.
func (r *recipe) rvmRuby(s statement, text string) {
	if value, ok := r.known.value(text); !ok || value != "default" {
		r.refuse(s.line, "ruby.bundle", "rvm_ruby_version names a Ruby, and the role takes rvm's default: where that is another, name the path of bundle in its wrappers")
	}
}

// unitUser says who runs Sidekiq, where that is not the user who deploys.
func (r *recipe) unitUser(s statement, name, text string) {
	if value, ok := r.known.value(text); !ok || value != nil && value != "user" && value != "system" {
		r.refuse(s.line, "deploy_user", name+" says who runs Sidekiq: the role has one user for that and for deploys")
	}
}

// managerPath notes where a Ruby manager is, when it is not in the deploy user's home.
func (r *recipe) managerPath(s statement, name, text string) {
	manager, what, _ := strings.Cut(name, "_")
	value, ok := r.known.value(text)
	word, isText := value.(string)
	if !ok || !isText || s.nested {
		r.refuse(s.line, "ruby.bundle", s.whyNot(name))
		return
	}
	said := "set :" + name + ", " + inRuby(word)
	r.say(name + " " + word)
	folder := word
	if what == "type" {
		folder = sharedManager[manager+" "+word]
	}
	if folder == "" {
		r.find(s.line, "ruby.manager", manager, said)
		return
	}
	r.find(s.line, "ruby.bundle", folder+executable[manager], said)
}
