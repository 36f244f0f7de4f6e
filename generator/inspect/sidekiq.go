package inspect

import (
	"cmp"
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

// sidekiqYML notes what the application decides. No value of it is copied: it would be a second
// truth. Sidekiq reads config/sidekiq.yml unless it is started with -C.
func (a *Application) sidekiqYML() {
	f, _ := a.best("sidekiq_config")
	given, _ := f.value.(string)
	var s *source
	if !path.IsAbs(given) {
		s = a.open(path.Clean(cmp.Or(given, usualConfig)), byOther)
	}
	if s == nil && given == "" {
		s = a.open(usualConfig+".erb", byOther)
	}
	others := a.otherConfigs(given)
	_, listed := a.best("processes")
	likely := slices.IndexFunc(others, func(o *source) bool { return processName(o.name) == a.railsEnv })
	if s == nil && len(others) == 1 {
		likely = 0
	}
	if likely >= 0 && given == "" && !listed {
		o := others[likely]
		others = slices.Delete(others, likely, likely+1)
		o.offer(0, "sidekiq_config", o.name, "Sidekiq reads it only when it is started with -C "+o.name+". Is it?")
		s = cmp.Or(s, o)
	}
	a.configured, a.guessed = a.threadsOf(sidekiq.Config{}), !a.version.Known()
	switch {
	case s != nil:
		s.configMeans()
	case given != "" || a.linkedConfig:
		a.configured = 0
		a.note(finding{kind: remark, key: "concurrency", text: cmp.Or(given, usualConfig) + " is not in the application: that of the hosts counts, and is read there"})
	default:
		a.tellDefault(usualConfig + " is not there")
	}
	a.othersMean(s, others)
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
	a.noteThreads()
	threads := a.version.DefaultConcurrency()
	text := "Sidekiq " + a.version.String() + " starts " + plural(threads, "thread")
	if !a.version.Known() {
		text = "Sidekiq starts 5 to 25 threads, by its version"
	}
	a.note(finding{kind: remark, key: "concurrency", text: why + ": " + text + ", or RAILS_MAX_THREADS where that is set."})
}

// refusal is what a file is refused for: the line and the words. A refusal quotes no value of the file.
func refusal(err error) (line int, text string) {
	var r *rubyyaml.Refusal
	if errors.As(err, &r) {
		return r.Line, r.Reason
	}
	return 0, err.Error()
}

// setting is the line of a value of config/sidekiq.yml, and the variables that may change it.
func (s *source) setting(name string) (line int, variables []string) {
	doc, err := rubyyaml.Parse(s.text, rubyyaml.Trim(!s.version.Known() || s.version.AtLeast(7, 1, 0)))
	if err != nil || doc.Root() == nil {
		return 0, nil
	}
	for _, section := range []*yaml.Node{entryOf(doc, doc.Root(), s.railsEnv).Value, doc.Root()} {
		if entry := entryOf(doc, section, name); entry.Value != nil {
			return doc.Line(entry.Key), doc.Variables(entry.Value)
		}
	}
	return 0, nil
}

func (s *source) configMeans() {
	config, err := sidekiq.ReadConfig(s.text, s.railsEnv, environ.None, s.version)
	if err != nil {
		line, text := refusal(err)
		s.configured, s.guessed = 0, false
		s.refuse(line, "concurrency", "cannot be read: "+text)
		s.offer(line, "concurrency", s.version.DefaultConcurrency(), "how many threads does Sidekiq have?")
		return
	}
	s.configured, s.guessed = s.threadsOf(config), config.Concurrency == nil && !s.version.Known()
	if config.Concurrency != nil {
		if _, variables := s.setting("concurrency"); slices.Contains(variables, maxThreads) {
			s.noteThreads()
		}
		s.decide("concurrency", plural(*config.Concurrency, "thread"))
		s.say(plural(*config.Concurrency, "thread"))
	} else {
		s.tellDefault(s.name + " sets no concurrency")
		s.say(s.threadText(s.version.DefaultConcurrency()) + " by default")
	}
	if len(config.Capsules) > 0 {
		line, _ := s.setting("capsules")
		s.tell(line, "concurrency", fmt.Sprintf("capsules as well, together %s", plural(s.configured, "thread")))
		s.say(fmt.Sprintf("with its capsules %d", s.configured))
	}
	s.queuesMean(config.Queues)
	if config.Timeout != nil {
		s.decide("timeout", fmt.Sprintf("timeout %d", *config.Timeout))
		s.say(fmt.Sprintf("timeout %d s", *config.Timeout))
	}
}

const maxThreads = "RAILS_MAX_THREADS"

// noteThreads takes the variable that sets the number of threads where a configuration does not.
func (a *Application) noteThreads() {
	for _, f := range a.maxThreads {
		a.note(f)
	}
}

// decide tells what the application decides of a field.
func (s *source) decide(key, value string) {
	line, variables := s.setting(key)
	s.tell(line, key, strings.TrimSpace(value+" "+notSet(variables))+", unless it is set here")
}

// notSet is the condition under which the default of variables counts.
func notSet(variables []string) string {
	switch len(variables) {
	case 0:
		return ""
	case 1:
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

func (s *source) queuesMean(queues []sidekiq.Queue) {
	var names, plain []string
	for _, q := range queues {
		plain, names = append(plain, q.Name), append(names, queueText(q.Name, q.Weight))
	}
	if slices.Contains(plain, "") {
		line, _ := s.setting("queues")
		s.refuse(line, "queues", "only Ruby can tell the name of one of the queues")
	} else if len(names) > 0 {
		s.decide("queues", "queues "+strings.Join(names, " "))
		s.say("queues " + list(plain))
	}
}

func queueText(name string, weight int) string {
	if weight > 0 {
		return name + "," + strconv.Itoa(weight)
	}
	return name
}

// otherConfigs are further configurations of Sidekiq, without those of other environments.
func (a *Application) otherConfigs(given string) (others []*source) {
	for _, name := range a.glob("config/sidekiq*.yml", "config/sidekiq*.yml.erb", "config/sidekiq/*.yml", "config/sidekiq/*.yml.erb") {
		if name == usualConfig || name == usualConfig+".erb" || name == given {
			continue
		}
		o := a.open(name, byOther)
		if o == nil || o.text == nil {
			continue
		}
		config, err := sidekiq.ReadConfig(o.text, a.railsEnv, environ.None, a.version)
		env := processName(name)
		switch {
		case err != nil:
			line, text := refusal(err)
			o.refuse(line, "processes", "cannot be read: "+text)
		case config.Concurrency == nil && len(config.Queues) == 0:
			o.forget()
		case env != a.railsEnv && (slices.Contains([]string{"development", "test", "staging", "production"}, env) || slices.Contains(a.glob("config/deploy/*.rb"), "config/deploy/"+env+".rb")):
			o.say("for another environment, not used")
		default:
			others = append(others, o)
			a.threads[name] = a.threadsOf(config)
		}
	}
	return others
}

// othersMean takes further configurations for those of further processes, and asks.
func (a *Application) othersMean(s *source, others []*source) {
	var files []string
	var processes []model.Process
	if s != nil {
		processes = append(processes, model.Process{Name: "default", Config: s.name})
	}
	for _, o := range others {
		o.say("perhaps of a process of its own: " + plural(a.threads[o.name], "thread"))
		files = append(files, o.name)
		processes = append(processes, model.Process{Name: processName(o.name), Config: o.name})
	}
	if len(files) > 0 {
		a.note(finding{kind: offered, key: "processes", value: processes, weight: byOther, from: files[0],
			text: "Is there a process of its own for " + strings.Join(files, " and for ") + "?"})
	}
}

var notOfAProcess = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// processName makes ingest of config/sidekiq_ingest.yml.
func processName(file string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".erb"), ".yml")
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
	largest := 0
	for _, p := range processes {
		largest = max(largest, cmp.Or(p.Concurrency, a.threads[p.Config], n))
	}
	return cmp.Or(largest, n)
}
