package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// worker is a line of a Procfile that runs Sidekiq.
type worker struct {
	model.Process
	line    int
	timeout int
	sets    map[string]string // environment variables
	said    string            // the command as far as it was understood
	missing []string          // what a process of the model does not express
}

func (w *worker) lacks(format string, args ...any) {
	w.missing = append(w.missing, fmt.Sprintf(format, args...))
}

// developers are the endings of Procfiles that no server has.
var developers = []string{".dev", ".development", ".local", ".test"}

// procfiles takes the workers of the first Procfile that has some; the environment's own is looked at first, then Procfile.
func (a *Application) procfiles() {
	var from *source
	for _, name := range a.procfileNames() {
		s := a.open(name, byProcfile)
		if s == nil {
			continue
		}
		workers := s.workers()
		switch {
		case s.silent() && len(workers) == 0:
			s.forget()
		case len(workers) == 0:
		case slices.Contains(developers, path.Ext(name)):
			s.say("for development, not used")
		case from != nil:
			s.say("not used: " + from.name + " has workers")
		default:
			from = s
			s.workersMean(workers)
		}
	}
}

func (a *Application) procfileNames() []string {
	names := a.glob("Procfile", "Procfile.*")
	slices.SortStableFunc(names, func(x, y string) int {
		return cmp.Compare(a.procfileRank(x), a.procfileRank(y))
	})
	return names
}

func (a *Application) procfileRank(name string) int {
	switch name {
	case "Procfile." + a.railsEnv:
		return 0
	case "Procfile":
		return 1
	}
	return 2
}

var procfileLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):[ \t]*(.+?)\s*$`)

var namesSidekiq = regexp.MustCompile(`(^|[\s/"'` + "`" + `(])sidekiq(swarm)?($|[\s;|&"'` + "`" + `)])`)

// workers are the lines that run Sidekiq for the environment, whether they are understood or not.
func (s *source) workers() (workers []worker) {
	for i, text := range strings.Split(string(s.text), "\n") {
		m := procfileLine.FindStringSubmatch(text)
		if m == nil || !namesSidekiq.MatchString(m[2]) {
			continue
		}
		w := worker{Process: model.Process{Name: uniqueName(processesOf(workers), cmp.Or(strings.Trim(m[1], "_-"), "worker"))}, line: i + 1}
		if s.reads(&w, m[2]) {
			workers = append(workers, w)
		}
	}
	return workers
}

func processesOf(workers []worker) (processes []model.Process) {
	for _, w := range workers {
		processes = append(processes, w.Process)
	}
	return processes
}

// uniqueName is a name that no process has.
func uniqueName(processes []model.Process, name string) string {
	for slices.ContainsFunc(processes, func(p model.Process) bool { return p.Name == name }) {
		name += "-2"
	}
	return name
}

// reads reads one command. It is false if the command is for another environment.
func (s *source) reads(w *worker, command string) bool {
	words, set, plain := sidekiqCall(command)
	if !plain {
		w.lacks("is more than one plain command, only a shell could tell how it runs Sidekiq")
	}
	if at := sidekiq.IndexProgram(words, sidekiq.Programs...); at >= 0 {
		if set = append(set, words[:at]...); s.elsewhere(w.Name, set) {
			return false
		}
		if !runs(words[:at]) {
			w.lacks("runs Sidekiq by way of another program, which the role leaves out")
		}
		if path.Base(words[at]) == sidekiq.Swarm {
			w.Command = sidekiq.Swarm
		}
		w.variablesMean(set)
		if !s.flagsMean(w, words[at+1:]) {
			return false
		}
	}
	what := fault(map[string]any{"processes": []model.Process{w.Process}})
	if holdsJinja(w.Process) {
		what = "it holds Jinja, which Ansible would evaluate"
	}
	if what != "" {
		w.lacks("is not taken, since %s", what)
		w.Process = model.Process{Name: w.Name, Command: w.Command}
	}
	w.said = w.understood()
	return true
}

// elsewhere tells whether a command is for another environment, by a variable that it sets.
func (s *source) elsewhere(name string, set []string) bool {
	for _, word := range set {
		variable, env, _ := strings.Cut(word, "=")
		if (variable == "RAILS_ENV" || variable == "RACK_ENV") && env != s.railsEnv && env != unknownWord {
			s.say(fmt.Sprintf("%s is for %s", name, printable(env, 30)))
			return true
		}
	}
	return false
}

// ownVariables are those that say nothing of Sidekiq, or that the role has fields of its own for.
var ownVariables = []string{"RAILS_ENV", "RACK_ENV", "PORT", "MALLOC_ARENA_MAX"}

// sizing matches the variables that decide how many processes, threads or connections there are. A process of the model has none of its own.
var sizing = regexp.MustCompile(`COUNT|CONCURRENCY|THREADS|POOL|MAXMEM`)

func (w *worker) variablesMean(set []string) {
	w.sets = map[string]string{}
	for _, word := range set {
		switch variable, value, sets := strings.Cut(word, "="); {
		case !sets || slices.Contains(ownVariables, variable):
		case sizing.MatchString(variable):
			w.lacks("sets %s, which sizes it: a process has no variables, environment sets those of all", variable)
		default:
			w.sets[variable] = value
		}
	}
}

// sidekiqFlags are those of all versions of Sidekiq (lib/sidekiq/cli.rb, option_parser).
type sidekiqFlags struct {
	*pflag.FlagSet
	queues                                    *[]string
	concurrency, timeout, config, environment *string
	require                                   *string
}

func newSidekiqFlags() sidekiqFlags {
	f := pflag.NewFlagSet("sidekiq", pflag.ContinueOnError)
	for _, ignored := range []string{"tag g", "logfile L", "pidfile P", "index i"} {
		long, short, _ := strings.Cut(ignored, " ")
		f.StringP(long, short, "", "")
	}
	f.BoolP("verbose", "v", false, "")
	f.BoolP("daemon", "d", false, "")
	return sidekiqFlags{FlagSet: f, queues: f.StringArrayP("queue", "q", nil, ""), concurrency: f.StringP("concurrency", "c", "", ""),
		timeout: f.StringP("timeout", "t", "", ""), config: f.StringP("config", "C", "", ""), environment: f.StringP("environment", "e", "", ""),
		require: f.StringP("require", "r", "", "")}
}

// rails is what Sidekiq requires by itself: the application in its folder.
var rails = []string{".", "config/environment", "config/environment.rb"}

// flagsMean puts what flags say into a worker. It is false if the command is for another environment.
func (s *source) flagsMean(w *worker, args []string) bool {
	f := newSidekiqFlags()
	if err := f.Parse(args); err != nil {
		w.lacks("has a flag that no Sidekiq knows")
		f = newSidekiqFlags()
		f.ParseErrorsAllowlist.UnknownFlags = true
		_ = f.Parse(args) // what it understands counts
	}
	if e := *f.environment; e != "" && e != unknownWord && e != s.railsEnv {
		s.say(fmt.Sprintf("%s is for %s", w.Name, printable(e, 30)))
		return false
	}
	if !slices.Contains(rails, path.Clean(*f.require)) {
		w.lacks("has a --require, which the role does not pass on: config/sidekiq.yml may have it as :require:")
	}
	w.Config = w.literal("config", *f.config)
	if w.Config == usualConfig || w.Config == "./"+usualConfig {
		w.Config = "" // where Sidekiq looks by itself
	}
	w.Concurrency = w.count("concurrency", *f.concurrency)
	w.timeout = w.count("timeout", *f.timeout)
	for _, q := range *f.queues {
		if q = w.literal("queue", q); q != "" {
			w.Queues = append(w.Queues, q)
		}
	}
	return true
}

// literal is a text that stands there as it is, else "".
func (w *worker) literal(flag, text string) string {
	if strings.Contains(text, unknownWord) {
		w.lacks("has a --%s that only a shell could tell", flag)
		return ""
	}
	return text
}

func (w *worker) count(flag, text string) int {
	text = w.literal(flag, text)
	n, err := strconv.Atoi(text)
	if text != "" && (err != nil || n < 1) {
		w.lacks("has a --%s that is no number from 1", flag)
		return 0
	}
	return n
}

// understood is the command with the flags that count.
func (w *worker) understood() string {
	words := []string{cmp.Or(w.Command, "sidekiq")}
	for _, q := range w.Queues {
		words = append(words, "-q", q)
	}
	if w.Concurrency > 0 {
		words = append(words, "-c", strconv.Itoa(w.Concurrency))
	}
	if w.timeout > 0 {
		words = append(words, "-t", strconv.Itoa(w.timeout))
	}
	if w.Config != "" {
		words = append(words, "-C", w.Config)
	}
	return strings.Join(words, " ")
}

// workersMean: of one, its flags are the fields; several are processes. If any is not understood, or a queue would be lost, all of them are
// one question.
func (s *source) workersMean(workers []worker) {
	exact, processes := true, processesOf(workers)
	for _, w := range workers {
		s.say(w.Name + ": " + w.said)
		for _, what := range w.missing {
			exact = false
			s.refuse(w.line, "processes", w.Name+" "+what)
		}
	}
	s.timeoutsMean(workers)
	s.environmentMeans(workers)
	first := workers[0]
	if len(workers) == 1 && exact {
		s.flag(first, "command", model.Null(first.Command))
		s.flag(first, "concurrency", model.Null(first.Concurrency))
		s.flag(first, "sidekiq_config", model.Null(first.Config))
		if len(first.Queues) > 0 {
			s.flag(first, "queues", first.Queues)
		}
		return
	}
	if slices.ContainsFunc(processes, func(p model.Process) bool { return p.Command == sidekiq.Swarm }) {
		for i := range processes {
			processes[i].Command = cmp.Or(processes[i].Command, sidekiq.Programs[0])
		}
	}
	more := s.uncovered(processes)
	for _, p := range more {
		s.refuse(0, "processes", "no worker fetches from "+list(p.Queues)+", as "+cmp.Or(p.Config, usualConfig)+" does")
	}
	if processes = append(processes, more...); exact && more == nil {
		s.find(first.line, "processes", processes, fmt.Sprintf("%d workers", len(workers)))
		return
	}
	s.offer(first.line, "processes", processes, plural(len(workers), "worker")+"; is this list complete, with all queues of each process?")
}

// uncovered are processes for the queues of configuration files that none of the processes fetches from.
func (s *source) uncovered(processes []model.Process) (more []model.Process) {
	covered := map[string]bool{}
	for _, p := range processes {
		queues := p.Queues
		if len(queues) == 0 {
			queues = s.queuesOf(cmp.Or(p.Config, usualConfig))
		}
		for _, q := range queues {
			covered[queueName(q)] = true
		}
	}
	for _, file := range s.glob("config/sidekiq*.yml", "config/sidekiq/*.yml") {
		queues := slices.DeleteFunc(s.queuesOf(file), func(q string) bool { return covered[queueName(q)] })
		if len(queues) == 0 {
			continue
		}
		name := uniqueName(slices.Concat(processes, more), cmp.Or(processName(file), "default"))
		if file == usualConfig {
			file = ""
		}
		more = append(more, model.Process{Name: name, Config: file, Queues: queues})
	}
	return more
}

// queuesOf are those of a configuration file, as far as it can be read.
func (s *source) queuesOf(file string) (queues []string) {
	text, err := s.read(file)
	if err != nil {
		return nil
	}
	config, err := sidekiq.ReadConfig(text, s.railsEnv, environ.None, s.version)
	for _, q := range config.Queues {
		if err == nil && q.Name != "" {
			queues = append(queues, queueText(q.Name, q.Weight))
		}
	}
	return queues
}

func queueName(queue string) string {
	name, _, _ := strings.Cut(queue, ",")
	return name
}

// timeoutsMean: the role has one for all.
func (s *source) timeoutsMean(workers []worker) {
	understood := slices.DeleteFunc(slices.Clone(workers), func(w worker) bool { return w.missing != nil && w.timeout == 0 })
	if len(understood) == 0 {
		return
	}
	largest := slices.MaxFunc(understood, func(x, y worker) int { return cmp.Compare(x.timeout, y.timeout) })
	for _, w := range understood {
		if w.timeout != largest.timeout {
			s.refuse(w.line, "timeout", "the workers have several timeouts, the role one for all")
			s.propose("timeout", largest.timeout)
			return
		}
	}
	s.flag(largest, "timeout", model.Null(largest.timeout))
}

// harmless matches values of variables that are no secrets.
var harmless = regexp.MustCompile(`^(\d{1,4}|true|false)$`)

// environmentMeans names the variables that commands set. Their values may be secrets.
func (s *source) environmentMeans(workers []worker) {
	proposed := map[string]string{}
	for _, w := range workers {
		for name, value := range w.sets {
			if !harmless.MatchString(value) {
				value = "..."
			}
			if fault(map[string]any{"environment": map[string]string{name: value}}) == "" {
				proposed[name] = value
			}
		}
		if names := slices.Sorted(maps.Keys(w.sets)); len(names) > 0 {
			s.refuse(w.line, "environment", fmt.Sprintf("%s sets %s: not taken over, since that may be a secret", w.Name, list(names)))
		}
	}
	if len(proposed) > 0 {
		s.propose("environment", proposed)
	}
}

func (s *source) flag(w worker, key string, value any) {
	if value != nil {
		s.find(w.line, key, value, w.Name+": "+w.said)
	}
}
