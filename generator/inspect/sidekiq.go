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

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/rubyyaml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

const usualConfig = "config/sidekiq.yml"

// sidekiqYML says what the application decides. No value of it is copied: it would be a second
// truth. Sidekiq reads config/sidekiq.yml unless it is started with -C.
func (a *Application) sidekiqYML() {
	given := a.bestText("sidekiq_config")
	var s *source
	if !path.IsAbs(given) {
		s = a.open(path.Clean(cmp.Or(given, usualConfig)), byOther)
	}
	if s == nil && given == "" {
		s = a.open(usualConfig+".erb", byOther)
	}
	others := a.otherConfigs(given)
	likely := slices.IndexFunc(others, func(o *source) bool { return processName(o.name) == a.railsEnv })
	if s == nil && len(others) == 1 {
		likely = 0
	}
	if _, listed := a.best("processes"); likely >= 0 && given == "" && !listed {
		o := others[likely]
		others = slices.Delete(others, likely, likely+1)
		o.offer(0, "sidekiq_config", o.name, "Sidekiq reads it only when it is started with -C "+o.name+". Is it?")
		s = cmp.Or(s, o)
	}
	a.othersMean(s, others)
	switch _, isSet := a.best("concurrency"); {
	case s != nil:
		s.configMeans()
	case given != "" || a.linkedConfig:
		a.note(finding{kind: remark, key: "concurrency", text: cmp.Or(given, usualConfig) + " is not in the application: that of the hosts counts, and is read there"})
	case !isSet:
		s = a.reading(usualConfig, nil, byOther)
		s.say("not there")
		s.configMeans()
		s.forget()
	}
}

func (a *Application) threadsOf(config sidekiq.Config) int {
	total, _, err := config.TotalConcurrency(a.version, environ.None)
	if err != nil {
		panic(err) // only of a variable, and none is set
	}
	return total
}

// refusal is what a file is refused for: the line and the words. A refusal quotes no value of the file.
func refusal(err error) (line int, text string) {
	var r *rubyyaml.Refusal
	if errors.As(err, &r) {
		return r.Line, r.Reason
	}
	return 0, err.Error()
}

// configMeans says in one remark what the configuration sets.
func (s *source) configMeans() {
	config, err := sidekiq.ReadConfig(s.text, s.railsEnv, environ.None, s.version)
	if err != nil {
		line, text := refusal(err)
		s.refuse(line, "concurrency", "cannot be read: "+text)
		s.offer(line, "concurrency", s.version.DefaultConcurrency(), "how many threads does Sidekiq have?")
		return
	}
	s.configured = s.threadsOf(config)
	switch threads := plural(s.version.DefaultConcurrency(), "thread"); {
	case config.Concurrency != nil:
		s.say(plural(*config.Concurrency, "thread"))
	case s.version.Known():
		s.say(threads + " unless RAILS_MAX_THREADS is set")
	default:
		s.say("up to " + threads + ", by the version of Sidekiq and RAILS_MAX_THREADS")
	}
	if len(config.Capsules) > 0 {
		s.say(fmt.Sprintf("with its capsules %d", s.configured))
	}
	var queues []string
	for _, q := range config.Queues {
		queues = append(queues, cmp.Or(q.Name, "one whose name only Ruby can determine"))
	}
	if len(queues) > 0 {
		s.say("queues " + list(queues))
	}
	if config.Timeout != nil {
		s.say(fmt.Sprintf("timeout %d s", *config.Timeout))
	}
	for _, m := range fromENV.FindAllStringSubmatch(string(s.text), -1) {
		s.say("unless " + m[1] + " is set")
	}
	s.tell(0, "concurrency", list(s.said))
}

var fromENV = regexp.MustCompile(`\bENV\b[^"'\n]*["'](\w+)["']`)

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
		case config.Concurrency == nil && len(config.Queues) == 0: // not a configuration of Sidekiq
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

// wanted is the number of threads in the largest process, by what counts most; 0: only Ruby can determine.
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
