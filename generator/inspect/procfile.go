package inspect

import (
	"cmp"
	"fmt"
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
	sets    []string // names of variables
	swarm   string   // SIDEKIQ_COUNT
	said    string   // the command as far as it was understood
	missing []string // what a process of the model does not express
}

func (w *worker) lacks(format string, args ...any) {
	w.missing = append(w.missing, fmt.Sprintf(format, args...))
}

// developers are the endings of Procfiles that no server has.
var developers = []string{".dev", ".development", ".local", ".test"}

// procfiles takes the workers of the environment's own Procfile, else of Procfile, else of another.
func (a *Application) procfiles() {
	var from *source
	names := a.glob("Procfile."+a.railsEnv, "Procfile", "Procfile.*")
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
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

var procfileLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):[ \t]*(.+?)\s*$`)

var namesSidekiq = regexp.MustCompile(`(^|[\s/"'` + "`" + `(])sidekiq(swarm)?($|[\s;|&"'` + "`" + `)])`)

// workers are the lines that run Sidekiq for the environment, whether they are understood or not.
func (s *source) workers() (workers []worker) {
	names := map[string]bool{}
	for i, text := range strings.Split(string(s.text), "\n") {
		m := procfileLine.FindStringSubmatch(text)
		if m == nil || !namesSidekiq.MatchString(m[2]) {
			continue
		}
		w := worker{Process: model.Process{Name: unique(names, cmp.Or(strings.Trim(m[1], "_-"), "worker"))}, line: i + 1}
		if s.reads(&w, m[2]) {
			workers = append(workers, w)
		}
	}
	return workers
}

// unique is a name that is not among others, which it joins.
func unique(names map[string]bool, name string) string {
	free := name
	for n := len(names) + 1; names[free]; n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	names[free] = true
	return free
}

// reads reads one command. It is false if the command is for another environment.
func (s *source) reads(w *worker, command string) bool {
	words, set, plain := sidekiqCall(command)
	if !plain {
		w.lacks("is more than one plain command, only a shell could tell how it runs Sidekiq")
	}
	if at := sidekiq.IndexProgram(words, sidekiq.Programs...); at >= 0 {
		if !runs(words[:at]) {
			w.lacks("runs Sidekiq by way of another program, which the role leaves out")
		}
		if path.Base(words[at]) == sidekiq.Swarm {
			w.Command = sidekiq.Swarm
		}
		env := cmp.Or(w.flagsMean(words[at+1:]), w.variablesMean(append(set, words[:at]...)))
		if s.elsewhere(w.Name, env) {
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

// elsewhere tells whether a command is for another environment.
func (s *source) elsewhere(name, env string) bool {
	if env == "" || env == s.railsEnv || env == unknownWord {
		return false
	}
	s.say(fmt.Sprintf("%s is for %s", name, printable(env, 30)))
	return true
}

// sizing matches variables for the number of processes, threads or connections.
var sizing = regexp.MustCompile(`COUNT|CONCURRENCY|THREADS|POOL|MAXMEM`)

// variablesMean reads the variables that a command sets, and returns the Rails environment.
func (w *worker) variablesMean(set []string) (env string) {
	for _, word := range set {
		switch variable, value, sets := strings.Cut(word, "="); {
		case variable == "RAILS_ENV" || variable == "RACK_ENV":
			env = value
		case !sets || slices.Contains([]string{"PORT", "MALLOC_ARENA_MAX", "DB_POOL"}, variable): // the role sets the latter two
		case variable == "SIDEKIQ_COUNT" && w.Command == sidekiq.Swarm && wholeNumber.MatchString(value):
			w.swarm = value
		case sizing.MatchString(variable):
			w.lacks("sets %s, which sizes it: a process has no variables, environment sets those of all", variable)
		default:
			w.sets = append(w.sets, variable)
		}
	}
	return env
}

// newSidekiqFlags are those of all versions of Sidekiq (lib/sidekiq/cli.rb, option_parser).
func newSidekiqFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("sidekiq", pflag.ContinueOnError)
	for _, flag := range strings.Fields("tag/g logfile/L pidfile/P index/i concurrency/c timeout/t config/C environment/e require/r") {
		long, short, _ := strings.Cut(flag, "/")
		f.StringP(long, short, "", "")
	}
	f.StringArrayP("queue", "q", nil, "")
	f.BoolP("verbose", "v", false, "")
	f.BoolP("daemon", "d", false, "")
	return f
}

// rails is what Sidekiq requires by itself: the application in its directory.
var rails = []string{".", "config/environment", "config/environment.rb"}

// flagsMean puts what flags say into a worker, and returns the Rails environment.
func (w *worker) flagsMean(args []string) (env string) {
	f := newSidekiqFlags()
	if err := f.Parse(args); err != nil {
		w.lacks("has a flag that no Sidekiq knows")
		f = newSidekiqFlags()
		f.ParseErrorsAllowlist.UnknownFlags = true
		_ = f.Parse(args) // what it understands counts
	}
	value := func(flag string) string { return f.Lookup(flag).Value.String() }
	if !slices.Contains(rails, path.Clean(value("require"))) {
		w.lacks("has a --require, which the role does not pass on: config/sidekiq.yml may have it as :require:")
	}
	if w.Config = w.literal("config", value("config")); path.Clean(w.Config) == usualConfig {
		w.Config = "" // where Sidekiq looks by itself
	}
	w.Concurrency = w.count("concurrency", value("concurrency"))
	w.timeout = w.count("timeout", value("timeout"))
	queues, _ := f.GetStringArray("queue")
	for _, q := range queues {
		if q = w.literal("queue", q); q != "" {
			w.Queues = append(w.Queues, q)
		}
	}
	return value("environment")
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
	text := cmp.Or(w.Command, "sidekiq")
	for _, q := range w.Queues {
		text += " -q " + q
	}
	for _, flag := range [][2]string{{" -c ", strconv.Itoa(w.Concurrency)}, {" -t ", strconv.Itoa(w.timeout)}, {" -C ", cmp.Or(w.Config, "0")}} {
		if flag[1] != "0" {
			text += flag[0] + flag[1]
		}
	}
	return text
}

// workersMean takes the flags of one worker as fields, several workers as processes. If one is not
// understood, or a queue would be lost, they are one question.
func (s *source) workersMean(workers []worker) {
	exact, processes := true, []model.Process(nil)
	for _, w := range workers {
		processes = append(processes, w.Process)
		s.say(w.Name + ": " + w.said)
		for _, what := range w.missing {
			exact = false
			s.refuse(w.line, "processes", w.Name+" "+what)
		}
		if len(w.sets) > 0 {
			s.refuse(w.line, "environment", fmt.Sprintf("%s sets %s: not taken over, since that may be a secret", w.Name, list(w.sets)))
		}
	}
	exact = s.swarmMeans(workers) && exact
	s.timeoutsMean(workers)
	first, plain := workers[0], ""
	if s.gems["sidekiq-ent"].line > 0 {
		plain = sidekiq.Programs[0] // so that nobody has to be asked
	}
	if exact || len(workers) > 1 {
		s.flag(first, "command", model.Null(cmp.Or(first.Command, plain)))
	}
	if len(workers) == 1 && exact {
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
	var more []model.Process
	if exact {
		more = s.uncovered(processes)
	}
	for _, p := range more {
		s.refuse(0, "processes", "no worker fetches from "+list(p.Queues)+", as "+cmp.Or(p.Config, usualConfig)+" does")
	}
	if processes = append(processes, more...); exact && more == nil {
		s.find(first.line, "processes", processes, fmt.Sprintf("%d workers", len(workers)))
		return
	}
	s.offer(first.line, "processes", processes, plural(len(workers), "worker")+"; is this list complete, with all queues of each process?")
}

// swarmMeans takes the one SIDEKIQ_COUNT of all swarms, which others do not read.
func (s *source) swarmMeans(workers []worker) (exact bool) {
	swarms := slices.DeleteFunc(slices.Clone(workers), func(w worker) bool { return w.Command != sidekiq.Swarm })
	for _, w := range swarms {
		if w.swarm != swarms[0].swarm {
			s.refuse(w.line, "processes", w.Name+" has another SIDEKIQ_COUNT than "+swarms[0].Name+", and all have the same environment")
			return false
		}
	}
	if len(swarms) > 0 && swarms[0].swarm != "" {
		s.flag(swarms[0], "environment", map[string]string{"SIDEKIQ_COUNT": swarms[0].swarm})
	}
	return true
}

// uncovered are processes for the queues of configuration files that no process fetches from.
func (s *source) uncovered(processes []model.Process) (more []model.Process) {
	names, covered := map[string]bool{}, map[string]bool{}
	for _, p := range processes {
		names[p.Name] = true
		queues := p.Queues
		if len(queues) == 0 {
			queues = s.queuesOf(cmp.Or(p.Config, usualConfig))
		}
		for _, q := range queues {
			covered[strings.Split(q, ",")[0]] = true
		}
	}
	for _, file := range s.glob("config/sidekiq*.yml", "config/sidekiq/*.yml") {
		queues := slices.DeleteFunc(s.queuesOf(file), func(q string) bool { return covered[strings.Split(q, ",")[0]] })
		if len(queues) == 0 {
			continue
		}
		name := unique(names, cmp.Or(processName(file), "default"))
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
		if err == nil && fieldOf("queues").Fits(q.Name) && !holdsJinja(q.Name) {
			queues = append(queues, queueText(q.Name, q.Weight))
		}
	}
	return queues
}

// timeoutsMean: the role has one for all.
func (s *source) timeoutsMean(workers []worker) {
	largest := slices.MaxFunc(workers, func(x, y worker) int { return cmp.Compare(x.timeout, y.timeout) })
	i := slices.IndexFunc(workers, func(w worker) bool { return w.timeout != largest.timeout && w.missing == nil })
	if i < 0 {
		s.flag(largest, "timeout", model.Null(largest.timeout))
		return
	}
	s.offer(workers[i].line, "timeout", largest.timeout, "the workers have several timeouts, the role one for all. Is the longest right?")
}

func (s *source) flag(w worker, key string, value any) {
	if value != nil {
		s.find(w.line, key, value, w.Name+": "+w.said)
	}
}
