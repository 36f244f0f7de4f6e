package inspect

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// gem is one that the lock file pins.
type gem struct {
	version sidekiq.Version
	line    int
}

// gemsOfInterest are those that are shown, and how.
var gemsOfInterest = []struct{ gem, shown string }{
	{"sidekiq", "Sidekiq"}, {"sidekiq-pro", "Sidekiq Pro"}, {"sidekiq-ent", "Sidekiq Enterprise"}, {"redis-namespace", ""}, {"rails", "Rails"},
	{"activerecord", "-"}, {"mysql2", ""}, {"trilogy", ""}, {"pg", ""}, {"sqlite3", ""}, {"dotenv", ""}, {"dotenv-rails", "-"},
	{"capistrano", ""}, {"capistrano-sidekiq", ""}, {"capistrano-rbenv", ""}, {"capistrano3-rbenv", ""}, {"capistrano-rvm", ""},
	{"rvm1-capistrano3", ""}, {"capistrano-asdf", ""}, {"capistrano-mise", ""}, {"capistrano-chruby", ""}, {"mina", ""}, {"kamal", ""},
}

// managerOf are the Ruby managers by the word in the names of Capistrano's gems for them.
var managerOf = map[string]string{
	"capistrano-rbenv": "rbenv", "capistrano3-rbenv": "rbenv", "capistrano-rvm": "rvm", "rvm1-capistrano3": "rvm", "capistrano-asdf": "asdf", "capistrano-mise": "mise",
}

// platform is the end of a version that names the platform for which a gem was built.
var platform = regexp.MustCompile(`(?m)^(    [A-Za-z0-9_.-]+ \([0-9][0-9A-Za-z.]*)-[^()\s]+\)`)

// lockfile is the one that Bundler reads: it takes gems.rb before Gemfile.
func (a *Application) lockfile() {
	name := "Gemfile.lock"
	if a.exists("gems.rb") || !a.exists(name) && a.exists("gems.locked") {
		name = "gems.locked"
	}
	s := a.open(name, byOther)
	if s == nil {
		a.note(finding{kind: remark, key: "sidekiq_version", text: name + " is not there; the role reads that of the host"})
		if name == "gems.locked" {
			a.reading("gems.rb", nil, byOther).say("without gems.locked")
		}
		return
	}
	text := platform.ReplaceAll(s.text, []byte("$1)"))
	for _, g := range gemsOfInterest {
		version, err := sidekiq.LockedVersion(text, g.gem)
		if err != nil {
			s.refuse(0, "", err.Error())
			return
		}
		if version.Known() {
			at := regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(g.gem) + ` \(`).FindIndex(text)
			a.gems[g.gem] = gem{version, lineOf(text, at[0])}
			if g.shown != "-" {
				s.say(cmp.Or(g.shown, g.gem) + " " + version.String())
			}
		}
	}
	s.gemsMean()
}

// gemsMean notes what gems say of a server.
func (s *source) gemsMean() {
	s.version = s.gems["sidekiq"].version
	switch line := s.gems["sidekiq"].line; {
	case !s.version.Known():
		s.Unwanted = s.name + " has no Sidekiq"
		s.refuse(0, "sidekiq_version", "no sidekiq in it; hint: bundle add sidekiq")
	case !s.version.AtLeast(5, 0, 0):
		s.refuse(line, "sidekiq_version", "Sidekiq "+s.version.String()+" is older than 5, which the role is made for")
	default:
		s.tell(line, "sidekiq_version", "Sidekiq "+s.version.String()+", unless it is set here")
	}
	for _, g := range gemsOfInterest {
		if manager := managerOf[g.gem]; manager != "" && s.gems[g.gem].line > 0 {
			s.find(s.gems[g.gem].line, "ruby.manager", manager, g.gem+" "+s.gems[g.gem].version.String())
		}
	}
	s.capistrano = s.gems["capistrano"].line > 0
	if g := s.gems["capistrano-sidekiq"]; g.line > 0 {
		said := "capistrano-sidekiq " + g.version.String()
		switch {
		case g.version.AtLeast(4, 0, 0) || !g.version.AtLeast(2, 0, 0):
			s.tell(g.line, "capistrano.gem", said+", for which there are no lines: take the gem out, `sidekiq-role capistrano` makes tasks that need none")
		case g.version.AtLeast(3, 0, 0):
			s.find(g.line, "capistrano.gem", "3", said)
		default:
			s.find(g.line, "capistrano.gem", "2", said)
		}
	}
	if g := s.gems["redis-namespace"]; g.line > 0 {
		s.offer(g.line, "redis.namespace", "myapp", "redis-namespace "+g.version.String()+". Which namespace does Sidekiq have, if any?")
	}
	if g := s.gems["sidekiq-ent"]; g.line > 0 {
		s.offer(g.line, "command", sidekiq.Swarm, "sidekiq-ent "+g.version.String()+". Does sidekiqswarm start Sidekiq? By default sidekiq does.")
	}
}

// rubyHint is a file by which a developer's machine chooses a Ruby, and the managers that read it.
type rubyHint struct {
	name    string
	pattern *regexp.Regexp
	hint    string // of managers, the likeliest last
	manager string
}

var rubyHints = []rubyHint{
	{".mise.toml", regexp.MustCompile(`(?m)^ruby\s*=`), "mise", "mise"},
	{"mise.toml", regexp.MustCompile(`(?m)^ruby\s*=`), "mise", "mise"},
	{".tool-versions", regexp.MustCompile(`(?m)^ruby[ \t]`), "asdf or mise", "asdf"},
	{".rvmrc", regexp.MustCompile(`(?m)\brvm\b(?:.*?([\w.-]+@[\w.-]+))?`), "rvm", "rvm"},
	{".ruby-gemset", regexp.MustCompile(`([\w.-]+)`), "rvm", "rvm"},
	{".rbenv-vars", regexp.MustCompile(`\S`), "rbenv", "rbenv"},
	{".ruby-version", regexp.MustCompile(`([\w.-]+)`), "rbenv and others", ""},
}

// rubyFiles are weak hints: what a developer has need not be on the server.
func (a *Application) rubyFiles() {
	ruby := map[string]string{}
	for _, h := range rubyHints {
		s := a.open(h.name, byOther)
		if s == nil {
			continue
		}
		m := h.pattern.FindSubmatch(s.text)
		if m == nil {
			s.forget()
			continue
		}
		s.say("for " + h.hint + ", at least where people develop")
		if h.manager != "" {
			s.offer(lineOf(s.text, h.pattern.FindIndex(s.text)[0]), "ruby.manager", h.manager, "it is for "+h.hint+
				". Do the hosts have that, too, or only the people who develop? `auto` looks for all managers on the host.")
		}
		ruby[h.name] = string(m[len(m)-1])
	}
	a.gemset = ruby[".rvmrc"]
	if ruby[".ruby-version"] != "" && ruby[".ruby-gemset"] != "" {
		a.gemset = ruby[".ruby-version"] + "@" + ruby[".ruby-gemset"]
	}
}

var (
	anyNamespace = regexp.MustCompile(`\bnamespace(:|['"]?\s*=>)`)
	namespace    = regexp.MustCompile(`\bnamespace(?::|['"]?\s*=>)\s*(?:"([^"#]+)"|'([^']+)')`)
	capsule      = regexp.MustCompile(`\.capsule[( ].*?(?:\|\s*(\w+)\s*\||$)`)
	overruled    = regexp.MustCompile(`\b(\w+)\.(concurrency|queues)\s*=\s*(\d{0,9})`)
	address      = regexp.MustCompile(`(ENV\b[^"'\n]*["'](\w+)["'][^"'\n]*)?["']((?:rediss?|unix)://?[^"'\s]*)["']`)
	addressElse  = regexp.MustCompile(`\burl(?::|['"]?\s*=>)\s*(?:ENV\b[^"']*["'](\w+)["'])?`)
	local        = regexp.MustCompile(`^redis://(?:localhost|127\.0\.0\.1)(?::6379)?(?:/0?)?$`)
)

// initializer looks for what Sidekiq's configuration in Ruby says literally.
func (a *Application) initializer() {
	s := a.open("config/initializers/sidekiq.rb", byOther)
	if s == nil {
		return
	}
	var within string // the variable of the capsule in which the line is
	var capsules, sized, threads, first int
	client := false
	for i, line := range strings.Split(string(s.text), "\n") {
		line = withoutComment(line)
		s.namespaceMeans(i+1, line)
		client = !strings.Contains(line, "configure_server") && (client || strings.Contains(line, "configure_client"))
		if !client {
			s.addressMeans(i+1, line)
		}
		if m := capsule.FindStringSubmatch(line); m != nil {
			within, capsules, first = m[1], capsules+1, cmp.Or(first, i+1)
		}
		for _, m := range overruled.FindAllStringSubmatch(line, -1) {
			n, err := strconv.Atoi(m[3])
			switch {
			case m[1] != within:
				s.refuse(i+1, m[2], "sets "+m[2]+" in Ruby, which counts more than config/sidekiq.yml, a flag, and what is set here")
			case m[2] == "concurrency" && err == nil:
				sized, threads = sized+1, threads+n
			}
		}
	}
	switch {
	case capsules == 0:
	case sized == capsules:
		s.offer(first, "database.headroom", threads, plural(capsules, "capsule")+" with "+plural(threads, "thread")+" beside those of Sidekiq itself. Does each want a connection, too?")
	default:
		s.refuse(first, "database.headroom", "a capsule, whose threads want connections, too: set headroom to their number")
	}
	if s.silent() {
		s.forget()
	}
}

// addressMeans is about the address of Redis in a line of Ruby. One with a password is not shown.
func (s *source) addressMeans(line int, text string) {
	m := address.FindStringSubmatch(text)
	switch {
	case m == nil:
		if m := addressElse.FindStringSubmatch(text); m != nil && m[1] != "" && m[1] != "REDIS_URL" {
			s.refuse(line, "redis.url", "the address of Redis is that of the variable "+m[1]+", which the role reads if environment has REDIS_PROVIDER: "+m[1]+"; else set it here, or in an encrypted group_vars")
		} else if m != nil && m[1] == "" && strings.Contains(text, "redis") {
			s.refuse(line, "redis.url", "the address of Redis is not literal, only Ruby could tell it")
		}
	case strings.Contains(m[3], "#{") && strings.Contains(string(s.text), "redis.yml"): // which the role reads
	case strings.ContainsAny(m[3], "@?#"):
		s.refuse(line, "redis.url", "the address of Redis has a password, or is not literal: set sidekiq_redis_url in an encrypted group_vars")
	case m[2] == "":
		s.find(line, "redis.url", m[3], "the address of Redis")
		s.say("redis " + m[3])
	case !local.MatchString(m[3]) || m[2] != "REDIS_URL":
		s.offer(line, "redis.url", m[3], "the address of Redis where "+m[2]+" is not set. Is that so on the hosts?")
	}
}

func (s *source) namespaceMeans(line int, text string) {
	if s.gems["redis-namespace"].line == 0 {
		return
	}
	if m := namespace.FindStringSubmatch(text); m != nil {
		s.find(line, "redis.namespace", m[1]+m[2], `namespace: "`+m[1]+m[2]+`"`)
		s.say("namespace " + m[1] + m[2])
	} else if anyNamespace.MatchString(text) {
		s.refuse(line, "redis.namespace", "a namespace that is not literal, only Ruby could tell its name")
	}
}

// list is a list in one line of a comment or of the terminal.
func list(words []string) string { return strings.Join(words, ", ") }
