package inspect

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

const usualConfig = "config/sidekiq.yml"

// sidekiqYML notes what the application decides. No value of it is copied: it would be a second truth.
func (a *Application) sidekiqYML() {
	s := a.open(usualConfig, byOther)
	if s == nil {
		s = a.open(usualConfig+".erb", byOther)
	}
	if s == nil {
		a.configured, a.guessed = a.threadsOf(sidekiq.Config{}), !a.version.Known()
		a.tellDefault(usualConfig + " is not there")
		return
	}
	config, err := sidekiq.ReadConfig(s.text, a.railsEnv, environ.None, a.version)
	if err != nil {
		line, text := refusal(err)
		s.refuse(line, "concurrency", "cannot be read: "+text)
		s.offer(line, "concurrency", a.version.DefaultConcurrency(), "how many threads does Sidekiq have?")
		return
	}
	a.configured, a.guessed = a.threadsOf(config), config.Concurrency == nil && !a.version.Known()
	s.configMeans(config, s.settings())
}

func (a *Application) threadsOf(config sidekiq.Config) int {
	total, _, err := config.TotalConcurrency(a.version, environ.None)
	if err != nil {
		panic(err) // only of a variable, and none is set
	}
	return total
}

// tellDefault says how many threads there are where nothing sets them.
func (a *Application) tellDefault(why string) {
	threads := a.version.DefaultConcurrency()
	text := fmt.Sprintf("%s: Sidekiq %s starts %s, or RAILS_MAX_THREADS where that is set.", why, a.version, plural(threads, "thread"))
	if !a.version.Known() {
		text = fmt.Sprintf("%s: Sidekiq starts 5 to 25 threads, by its version, or RAILS_MAX_THREADS where that is set.", why)
	}
	a.note(finding{kind: offered, key: "concurrency", value: threads, weight: byOther, from: usualConfig, text: text})
}

// refusal is what a file is refused for: the line and the words. A refusal quotes no value of the file.
func refusal(err error) (line int, text string) {
	var r *rubyyaml.Refusal
	if errors.As(err, &r) {
		return r.Line, r.Reason
	}
	return 0, err.Error()
}

// setting is where a value of config/sidekiq.yml stands, and the variables that may change it.
type setting struct {
	line      int
	variables []string
}

// settings finds them, those of the environment's section before others.
func (s *source) settings() map[string]setting {
	all := map[string]setting{}
	doc, err := rubyyaml.Parse(s.text, rubyyaml.Trim(!s.version.Known() || s.version.AtLeast(7, 1, 0)))
	if err != nil || doc.Root() == nil {
		return all
	}
	settingsIn(all, doc, doc.Root(), s.railsEnv)
	return all
}

func settingsIn(all map[string]setting, doc *rubyyaml.Document, n *yaml.Node, section string) {
	n = rubyyaml.Deref(n)
	if n.Kind != yaml.MappingNode {
		return
	}
	m, err := doc.Mapping(n)
	if err != nil {
		return
	}
	var own *yaml.Node
	for _, key := range m.Keys() {
		entry := m.At(key)
		all[key.Name] = setting{doc.Line(entry.Key), doc.Variables(entry.Value)}
		if key.Name == section {
			own = entry.Value
		}
	}
	if section != "" && own != nil {
		settingsIn(all, doc, own, "")
	}
}

func (s *source) configMeans(config sidekiq.Config, at map[string]setting) {
	if config.Concurrency == nil {
		s.tellDefault(s.name + " sets no concurrency")
		s.say(s.threadText(s.version.DefaultConcurrency()) + " by default")
	} else {
		s.decide(at["concurrency"], "concurrency", *config.Concurrency)
		s.say(plural(*config.Concurrency, "thread"))
	}
	if len(config.Capsules) > 0 {
		s.tell(at["capsules"].line, "concurrency", fmt.Sprintf("capsules as well, together %s", plural(s.configured, "thread")))
		s.say(fmt.Sprintf("with its capsules %d", s.configured))
	}
	s.queuesMean(config.Queues, at["queues"])
	if config.Timeout != nil {
		s.decide(at["timeout"], "timeout", *config.Timeout)
		s.say(fmt.Sprintf("timeout %d s", *config.Timeout))
	}
}

// decide notes a value that the application decides.
func (s *source) decide(at setting, key string, value any) {
	text := ""
	if len(at.variables) > 0 {
		text = notSet(at.variables)
	}
	s.add(decided, at.line, key, value, text)
}

// notSet is the condition under which the default of variables counts.
func notSet(variables []string) string {
	if len(variables) == 1 {
		return "where " + variables[0] + " is not set"
	}
	return "where " + strings.Join(variables, " and ") + " are not set"
}

// threadText is a number of threads, which is the largest there may be where the version of Sidekiq is not known.
func (a *Application) threadText(threads int) string {
	if a.guessed && threads == a.configured {
		return "up to " + plural(threads, "thread")
	}
	return plural(threads, "thread")
}

func (s *source) queuesMean(queues []sidekiq.Queue, at setting) {
	var names, plain []string
	for _, q := range queues {
		if q.Name == "" {
			s.refuse(at.line, "queues", "only Ruby can tell the name of one of the queues")
			return
		}
		plain = append(plain, q.Name)
		names = append(names, queueText(q.Name, q.Weight))
	}
	if len(names) > 0 {
		s.decide(at, "queues", names)
		s.say("queues " + list(plain))
	}
}

func queueText(name string, weight int) string {
	if weight > 0 {
		return name + "," + strconv.Itoa(weight)
	}
	return name
}

// otherSidekiqYML takes further configurations for those of further processes, and asks.
func (a *Application) otherSidekiqYML() {
	var files []string
	var processes []model.Process
	for _, name := range a.glob("config/sidekiq*.yml", "config/sidekiq/*.yml") {
		if name == usualConfig {
			continue
		}
		if s := a.open(name, byOther); s != nil && s.isConfig() {
			files = append(files, name)
			processes = append(processes, model.Process{Name: processName(name), Config: name})
		}
	}
	if len(files) == 0 {
		return
	}
	if a.exists(usualConfig) {
		processes = append([]model.Process{{Name: "default", Config: usualConfig}}, processes...)
	}
	a.note(finding{kind: offered, key: "processes", value: processes, weight: byOther, from: files[0],
		text: "Is there a process of its own for " + strings.Join(files, " and for ") + "?"})
}

// isConfig tells whether a file is a configuration of Sidekiq, and not for instance its schedule.
func (s *source) isConfig() bool {
	config, err := sidekiq.ReadConfig(s.text, s.railsEnv, environ.None, s.version)
	if err != nil {
		line, text := refusal(err)
		s.refuse(line, "processes", "cannot be read: "+text)
		return false
	}
	if config.Concurrency == nil && len(config.Queues) == 0 {
		s.forget()
		return false
	}
	s.say("perhaps of a process of its own: " + plural(s.threadsOf(config), "thread"))
	return true
}

var notOfAProcess = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// processName makes ingest of config/sidekiq_ingest.yml.
func processName(file string) string {
	name := strings.TrimSuffix(path.Base(file), ".yml")
	for _, word := range []string{"sidekiq", "config"} {
		name = strings.Trim(strings.TrimPrefix(name, word), "_.-")
	}
	return notOfAProcess.ReplaceAllString(name, "-")
}

// wanted is the number of threads in the largest process, by what counts most; 0: only Ruby can tell.
func (a *Application) wanted() int {
	n := a.configured
	if f, ok := a.best("concurrency"); ok {
		n, _ = f.value.(int)
	}
	processes, _ := a.likely("processes").([]model.Process)
	if sizes := concurrencies(processes, n); len(sizes) > 0 {
		return slices.Max(sizes)
	}
	return n
}

func concurrencies(processes []model.Process, otherwise int) (sizes []int) {
	for _, p := range processes {
		if p.Concurrency == 0 {
			p.Concurrency = otherwise
		}
		sizes = append(sizes, p.Concurrency)
	}
	return sizes
}
