package inspect

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// gem is one that the lock file pins.
type gem struct {
	version sidekiq.Version
	line    int
}

// gemsOfInterest are those that are shown.
var gemsOfInterest = []string{
	"sidekiq", "sidekiq-pro", "sidekiq-ent", "redis-namespace", "rails", "mysql2", "trilogy", "pg", "sqlite3", "dotenv", "capistrano", "capistrano-sidekiq",
	"capistrano-rbenv", "capistrano3-rbenv", "capistrano-rvm", "rvm1-capistrano3", "capistrano-asdf", "capistrano-mise", "capistrano-chruby", "mina", "kamal",
}

var managerOfGem = regexp.MustCompile(`rbenv|rvm|asdf|mise`)

// lockedGem is a gem and its version without the platform for which it was built.
var lockedGem = regexp.MustCompile(`^    ([A-Za-z0-9_.-]+) \(([0-9][0-9A-Za-z.]*)(?:-[^()\s]+)?\)`)

// lockfile is the one that Bundler reads: it takes gems.rb before Gemfile.
func (a *Application) lockfile() {
	name := "Gemfile.lock"
	if a.exists("gems.rb") || !a.exists(name) && a.exists("gems.locked") {
		name = "gems.locked"
	}
	s := a.open(name, byOther)
	if s == nil {
		a.note(finding{kind: remark, key: "sidekiq_version", text: name + " does not exist; the role reads the one on the host"})
		if name == "gems.locked" {
			a.reading("gems.rb", nil, byOther).say("without gems.locked")
		}
		return
	}
	var err error
	if a.version, err = sidekiq.LockedVersion(s.text, "sidekiq"); err != nil {
		s.refuse(0, "", err.Error())
		return
	}
	for i, line := range strings.Split(string(s.text), "\n") {
		if m := lockedGem.FindStringSubmatch(line); m != nil {
			if version, err := sidekiq.ParseVersion(m[2]); err == nil {
				a.gems[m[1]] = gem{version, i + 1}
			}
		}
	}
	for _, name := range gemsOfInterest {
		g, manager := a.gems[name], managerOfGem.FindString(name)
		if g.line == 0 {
			continue
		}
		said := name + " " + g.version.String()
		if s.say(said); manager != "" {
			s.find(g.line, "ruby.manager", manager, said)
		}
	}
	s.gemsMean()
}

// gemsMean notes what gems say of a server.
func (s *source) gemsMean() {
	line := s.gems["sidekiq"].line
	switch {
	case line == 0:
		s.Unwanted = s.name + " has no Sidekiq"
		s.refuse(0, "sidekiq_version", "no sidekiq in it; hint: bundle add sidekiq")
	case !s.version.AtLeast(5, 0, 0):
		s.refuse(line, "sidekiq_version", "Sidekiq "+s.version.String()+" is older than 5, the oldest that the role supports")
	default:
		s.tell(line, "sidekiq_version", "Sidekiq "+s.version.String())
	}
	s.capistrano = s.gems["capistrano"].line > 0
	if g := s.gems["capistrano-sidekiq"]; g.line > 0 {
		said := "capistrano-sidekiq " + g.version.String()
		switch major, _, _ := strings.Cut(g.version.String(), "."); major {
		case "2", "3":
			s.find(g.line, "capistrano.gem", major, said)
		default:
			s.tell(g.line, "capistrano.gem", said+", not supported: remove the gem; `sidekiq-role capistrano` generates tasks that do not need it")
		}
	}
	if g := s.gems["redis-namespace"]; g.line > 0 {
		s.offer(g.line, "redis.namespace", "myapp", "redis-namespace "+g.version.String()+". Which namespace does Sidekiq have, if any?")
	}
	if g := s.gems["sidekiq-ent"]; g.line > 0 {
		s.offer(g.line, "command", sidekiq.Swarm, "sidekiq-ent "+g.version.String()+". Is Sidekiq started with sidekiqswarm? Default: sidekiq.")
	}
}

// rubyHint is a file by which a developer's machine chooses a Ruby, and the managers that read it, the likeliest first.
type rubyHint struct{ name, managers, chooses string }

const lineOfRuby = `(?m)^ruby\s` // in a file of several tools, of which Ruby need not be one

var rubyHints = []rubyHint{
	{".mise.toml", "mise", lineOfRuby}, {"mise.toml", "mise", lineOfRuby}, {".tool-versions", "asdf or mise", lineOfRuby}, {".rvmrc", "rvm", ""}, {".ruby-gemset", "rvm", ""}, {".rbenv-vars", "rbenv", ""},
}

// rubyFiles are weak hints: what a developer has need not be on the server.
func (a *Application) rubyFiles() {
	for _, h := range rubyHints {
		if s := a.open(h.name, byOther); s != nil && regexp.MustCompile(h.chooses).Match(s.text) {
			s.say("for " + h.managers + ", at least on development machines")
			manager, _, _ := strings.Cut(h.managers, " ")
			s.offer(0, "ruby.manager", manager, "it is for "+h.managers+". Do the hosts use it, or only development machines? `auto` looks for all managers on the host.")
		}
	}
}

var (
	namespace    = regexp.MustCompile(`\bnamespace(?::|['"]?\s*=>)\s*(?:"([^"#]+)"|'([^']+)')?`)
	capsule      = regexp.MustCompile(`\.capsule[( ].*?(?:\|\s*(\w+)\s*\||$)`)
	overruled    = regexp.MustCompile(`\b(\w+)(?:\.options)?(?:\.|\[:)(concurrency|queues|timeout)\b\]?\s*=\s*(\d{0,9})`)
	serverBlock  = regexp.MustCompile(`(?ms)^(Sidekiq\.configure_server)\s+do\s*\|\s*\w+\s*\|$(.*?)^end$`)
	indented     = regexp.MustCompile(`(?m)^  `)
	assignsRedis = regexp.MustCompile(`\.redis\s*=[^=~]`)
	redisOption  = regexp.MustCompile(`^\w+\.redis\s*=\s*(.+)$`)
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
	var within string      // the variable of the capsule in which the line is
	var first, threads int // of capsules
	client := false
	servers, assigned := []statement(nil), 0
	code := serverBlock.ReplaceAllFunc(s.text, func(block []byte) []byte { // what is in it is as certain as what is outside
		m := serverBlock.FindSubmatch(block)
		return slices.Concat(m[1], indented.ReplaceAll(m[2], nil))
	})
	for _, c := range rubyStatements(code) {
		s.namespaceMeans(c.line, c.text)
		if client = !strings.Contains(c.text, "configure_server") && (client || strings.Contains(c.text, "configure_client")); !client {
			servers, assigned = append(servers, c), assigned+len(assignsRedis.FindAllString(c.text, -1))
		}
		if m := capsule.FindStringSubmatch(c.text); m != nil {
			within, first = m[1], cmp.Or(first, c.line)
		}
		for _, m := range overruled.FindAllStringSubmatch(c.text, -1) {
			if n, err := strconv.Atoi(m[3]); m[1] != within {
				s.refuse(c.line, m[2], "sets "+m[2]+" in Ruby, which overrides config/sidekiq.yml, flags and this value")
			} else if err == nil && m[2] == "concurrency" {
				threads += n
			}
		}
	}
	for _, c := range servers {
		s.addressMeans(c, assigned == 1)
	}
	if first > 0 {
		s.offer(first, "database.headroom", threads, "capsules start threads beside Sidekiq's own, and each wants a connection. How many are there?")
	}
}

// addressMeans is about the address of Redis in a statement. One with a password is not shown. Only a literal that is assigned once, and
// whatever happens, counts.
func (s *source) addressMeans(c statement, once bool) {
	var option, variable, url string
	if m := redisOption.FindStringSubmatch(c.text); m != nil {
		option = m[1]
	}
	if m := address.FindStringSubmatch(c.text); m != nil {
		variable, url = m[2], m[3]
	} else if host, ok := (literals{}).text(rubyOption(option, "host")); ok {
		port, db := literals{}.number(rubyOption(option, "port")), literals{}.number(rubyOption(option, "db"))
		url = strings.TrimSuffix(fmt.Sprintf("redis://%s:%d/%d", host, cmp.Or(port, 6379), db), "/0")
	} else if m := addressElse.FindStringSubmatch(c.text); m == nil || m[1] == "REDIS_URL" || !strings.Contains(c.text, "redis") {
		return
	}
	for _, name := range []string{"sentinels", "host", "port", "path", "ssl", "db"} { // what the address alone does not say
		value := rubyOption(option, name)
		if value == "" || rubyOption(option, "url") == "" {
			continue
		}
		if once = false; !slices.Contains([]string{"port", "ssl", "db"}, name) {
			url = ""
		}
		if db := (literals{}).number(value); name == "db" && strings.Count(url, "/") == 2 && db > 0 {
			url = fmt.Sprintf("%s/%d", url, db)
		}
	}
	literal := inRuby(url) == strings.ReplaceAll(rubyOption(option, "url"), "'", `"`)
	switch {
	case strings.Contains(url, "#{") && strings.Contains(string(s.text), "redis.yml"): // which the role reads
	case variable == "REDIS_URL" && local.MatchString(url):
	case url == "" || strings.ContainsAny(url, "@?#"):
		s.refuse(c.line, "redis.url", "the address of Redis has a password, or is not a literal; hint: set sidekiq_redis_url in an encrypted group_vars, or REDIS_PROVIDER in environment to the name of the variable that has it")
	case once && c.certain && literal:
		s.find(c.line, "redis.url", url, "the address of Redis")
		s.say("redis " + url)
	default:
		s.offer(c.line, "redis.url", url, "an address of Redis. Is it that of Sidekiq on the hosts?")
	}
}

func (s *source) namespaceMeans(line int, text string) {
	if s.gems["redis-namespace"].line == 0 {
		return
	}
	if m := namespace.FindStringSubmatch(text); m != nil && m[1]+m[2] == "" {
		s.refuse(line, "redis.namespace", "a namespace that is not a literal; only Ruby can determine it")
	} else if m != nil {
		s.find(line, "redis.namespace", m[1]+m[2], `namespace: "`+m[1]+m[2]+`"`)
		s.say("namespace " + m[1] + m[2])
	}
}

// list is a list in one line of a comment or of the terminal.
func list(words []string) string { return strings.Join(words, ", ") }
