package inspect

import (
	"cmp"
	"fmt"
	"regexp"
)

var managerInPath = regexp.MustCompile(`\.(rbenv|rvm|asdf)/|(mise)/shims`)

// usualPath are directories that PATH has on every host, PATH itself, and those of Ruby managers.
var usualPath = regexp.MustCompile(`^(?:(?:(?:/usr(?:/local)?)?/s?bin|\$\{?PATH\}?|[^:]*(?:\.(?:rbenv|rvm|asdf)/|mise/shims)[^:]*)?(?::|$))*$`)

// rbenv notes where rbenv is, when it is not in the deploy user's home.
func (r *recipe) rbenv(line int, name, text string) {
	if dir, ok := r.known.text(text); ok {
		r.find(line, "ruby.bundle", dir+"/shims/bundle", "set :"+name+", "+inRuby(dir))
	} else {
		r.refuse(line, "ruby.bundle", onlyRuby(name))
	}
}

// managersMean asks about the Ruby that Capistrano takes of chruby, or of rvm where that is not its default.
func (r *recipe) managersMean() {
	if ruby := r.known["chruby_ruby"]; ruby != "" {
		r.offer(0, "ruby.bundle", "/opt/rubies/"+rubyName(ruby)+"/bin/bundle", "chruby takes "+ruby+". Is that in /opt/rubies, or in .rubies of the deploy user's home?")
	}
	ruby, dir := cmp.Or(r.known["rvm_ruby_version"], "default"), r.known["rvm_custom_path"]
	if r.known["rvm_type"] == "system" {
		dir = cmp.Or(dir, "/usr/local/rvm")
	}
	if home := fmt.Sprintf("/home/%v/.rvm", r.likely("deploy_user")); dir != "" || ruby != "default" {
		r.offer(0, "ruby.bundle", cmp.Or(dir, home)+"/wrappers/"+rubyName(ruby)+"/bundle", "rvm takes "+ruby+". Is this the Ruby of Sidekiq? By default it is that of the application, or rvm's default.")
	}
}

// rubyName is a version as rvm and chruby name its directory, perhaps with a gemset.
func rubyName(version string) string {
	if version[0] >= '0' && version[0] <= '9' {
		return "ruby-" + version
	}
	return version
}
