package inspect

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// gem is one that Gemfile.lock pins.
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

func (a *Application) lockfile() {
	s := a.open("Gemfile.lock", byOther)
	if s == nil {
		a.note(finding{kind: remark, key: "sidekiq_version", text: "Gemfile.lock is not there; the role reads that of the host"})
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
			a.gems[g.gem] = gem{version, lineOfGem(text, g.gem)}
			if g.shown != "-" {
				s.say(cmp.Or(g.shown, g.gem) + " " + version.String())
			}
		}
	}
	s.gemsMean()
}

func lineOfGem(text []byte, name string) int {
	at := regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(name) + ` \(`).FindIndex(text)
	if at == nil {
		return 0
	}
	return lineOf(text, at[0])
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
		s.add(decided, line, "sidekiq_version", s.version.String(), "")
	}
	for _, g := range gemsOfInterest {
		if manager := managerOf[g.gem]; manager != "" && s.gems[g.gem].line > 0 {
			s.find(s.gems[g.gem].line, "ruby.manager", manager, g.gem+" "+s.gems[g.gem].version.String())
		}
	}
	s.sidekiqGems()
	s.capistrano = s.gems["capistrano"].line > 0
}

func (s *source) sidekiqGems() {
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

// rubyHint is a file by which a developer's machine chooses a Ruby, what of it names it, and the managers that read it.
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
	{".rvmrc", regexp.MustCompile(`(?m)\brvm\b`), "rvm", "rvm"},
	{".ruby-gemset", regexp.MustCompile(`\S`), "rvm", "rvm"},
	{".ruby-version", regexp.MustCompile(`\S`), "rbenv and others", ""},
}

// rubyFiles are weak hints: what a developer has need not be on the server.
func (a *Application) rubyFiles() {
	for _, h := range rubyHints {
		s := a.open(h.name, byOther)
		if s == nil {
			continue
		}
		at := h.pattern.FindIndex(s.text)
		if at == nil {
			s.forget()
			continue
		}
		s.say("for " + h.hint + ", at least where people develop")
		if h.manager != "" {
			s.offer(lineOf(s.text, at[0]), "ruby.manager", h.manager, "it is for "+h.hint+
				". Do the hosts have that, too, or only the people who develop? `auto` looks for all managers on the host.")
		}
	}
}

var (
	anyNamespace = regexp.MustCompile(`\bnamespace(:|['"]?\s*=>)`)
	namespace    = regexp.MustCompile(`\bnamespace(?::|['"]?\s*=>)\s*(?:"([^"#]+)"|'([^']+)')`)
	capsule      = regexp.MustCompile(`\.capsule[( ]`)
	overruled    = regexp.MustCompile(`\b(?:config|c)\.(concurrency|queues)\s*=`)
)

// initializer looks for what Sidekiq's configuration in Ruby says literally.
func (a *Application) initializer() {
	s := a.open("config/initializers/sidekiq.rb", byOther)
	if s == nil {
		return
	}
	for i, line := range strings.Split(string(s.text), "\n") {
		line = withoutComment(line)
		s.namespaceMeans(i+1, line)
		if m := overruled.FindStringSubmatch(line); m != nil {
			s.refuse(i+1, m[1], "sets "+m[1]+" in Ruby, which counts more than config/sidekiq.yml, a flag, and what is set here")
		}
		if capsule.MatchString(line) {
			s.refuse(i+1, "database.headroom", "a capsule, whose threads want connections, too: set headroom to their number")
		}
	}
	if s.silent() {
		s.forget()
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
