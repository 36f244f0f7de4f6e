package inspect

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

var managerInPath = regexp.MustCompile(`\.(rbenv|rvm|asdf)/|(mise)/shims`)

// systemPath are the directories that PATH has on every host, and PATH itself.
var systemPath = regexp.MustCompile(`^(/usr(/local)?)?/s?bin$|^\$\{?PATH\}?$|^$`)

// path looks for a Ruby manager in the PATH that Capistrano sets. Other directories are not taken.
func (r *recipe) path(s statement, setting, value string) {
	if m := managerInPath.FindStringSubmatch(value); m != nil {
		r.find(s.line, "ruby.manager", m[1]+m[2], ":"+setting+" has "+m[0]+" in its path")
		r.say("path with " + m[0])
	}
	others := slices.DeleteFunc(strings.Split(value, ":"), func(dir string) bool { return systemPath.MatchString(dir) || managerInPath.MatchString(dir+"/") })
	if len(others) > 0 {
		r.refuse(s.line, "environment", setting+" sets PATH, which is not taken; hint: set PATH here in full if jobs run programs in other directories")
	}
}

// sharedManager are the folders of Ruby managers that all users have.
var sharedManager = map[string]string{"rbenv system": "/usr/local/rbenv", "rbenv fullstaq": "/usr/lib/rbenv", "rvm system": "/usr/local/rvm"}

// ruby notes the Ruby that Capistrano takes of rvm, perhaps with a gemset, or of chruby.
func (r *recipe) ruby(s statement, name, text string) {
	switch ruby, ok := r.known.text(text); {
	case !ok || ruby == "":
		r.refuse(s.line, "ruby.bundle", onlyRuby(name)+": name the path of bundle")
	case name == "chruby_ruby":
		r.offer(s.line, "ruby.bundle", "/opt/rubies/"+rubyName(ruby)+"/bin/bundle", "chruby takes "+ruby+". Is that in /opt/rubies, or in .rubies of the deploy user's home?")
	case ruby != "default":
		r.rvmRuby = ruby
		r.find(s.line, "ruby.manager", "rvm", "set :rvm_ruby_version, "+inRuby(ruby))
	}
}

// rubyName is a version as rvm and chruby name its directory.
func rubyName(version string) string {
	if version[0] >= '0' && version[0] <= '9' {
		return "ruby-" + version
	}
	return version
}

// rvmMeans names the wrapper of a Ruby that is not rvm's default.
func (r *recipe) rvmMeans(user string) {
	dir := cmp.Or(r.rvmDir, "/home/"+user+"/.rvm")
	if r.rvmRuby != "" {
		r.offer(0, "ruby.bundle", wrapper(dir, r.rvmRuby), "rvm_ruby_version is "+r.rvmRuby+". Is this the Ruby of Sidekiq? By default it is that of the application, or rvm's default.")
	} else if r.rvmDir != "" {
		r.find(0, "ruby.bundle", wrapper(dir, "default"), "rvm is in "+dir)
	}
}

// wrapper is bundle of a Ruby of rvm, perhaps with a gemset.
func wrapper(dir, version string) string { return dir + "/wrappers/" + rubyName(version) + "/bundle" }

// unitUser says who runs Sidekiq, where that is not the user who deploys.
func (r *recipe) unitUser(s statement, name, text string) {
	deploys, _ := r.best("deploy_user")
	if value, ok := r.known.value(text); !ok || value != nil && value != "user" && value != "system" && value != deploys.value {
		r.refuse(s.line, "deploy_user", name+" says who runs Sidekiq: the role has one user for that and for deploys")
	}
}

// managerPath notes where a Ruby manager is, when it is not in the deploy user's home.
func (r *recipe) managerPath(s statement, name, text string) {
	value, ok := r.known.text(text)
	if !ok {
		r.refuse(s.line, "ruby.bundle", onlyRuby(name))
		return
	}
	folder, said := value, "set :"+name+", "+inRuby(value)
	manager, what, _ := strings.Cut(name, "_")
	if what == "type" {
		folder = sharedManager[manager+" "+value]
	}
	switch {
	case folder == "":
		r.find(s.line, "ruby.manager", manager, said)
	case manager == "rvm":
		r.rvmDir = folder
	default:
		r.find(s.line, "ruby.bundle", folder+"/shims/bundle", said)
	}
	r.say(name + " " + value)
}
