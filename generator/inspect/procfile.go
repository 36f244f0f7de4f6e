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
	missing []string // what a process of the model does not express
}

func (w *worker) lacks(what string) { w.missing = append(w.missing, what) }

// procfiles takes the workers of the environment's own Procfile, else of Procfile. Others are for developers.
func (a *Application) procfiles() {
	for _, name := range []string{"Procfile." + a.railsEnv, "Procfile"} {
		s := a.open(name, byProcfile)
		if s == nil {
			continue
		}
		if workers := s.workers(); len(workers) > 0 {
			s.workersMean(workers)
			return
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
	words, plain := sidekiqCall(command)
	if !plain {
		w.lacks("is more than one plain command, only a shell could tell how it runs Sidekiq")
	}
	if at := program(words); at >= 0 {
		if !runs(words[:at]) {
			w.lacks("runs Sidekiq by way of another program, which the role leaves out")
		}
		if path.Base(words[at]) == sidekiq.Swarm {
			w.Command = sidekiq.Swarm
		}
		env := cmp.Or(w.flagsMean(words[at+1:]), w.variablesMean(words[:at]), s.railsEnv)
		if env != s.railsEnv && env != unknownWord {
			s.say(w.Name + " is for " + printable(env, 30))
			return false
		}
	}
	what := fault(map[string]any{"processes": []model.Process{w.Process}})
	if holdsJinja(w.Process) {
		what = "it holds Jinja, which Ansible would evaluate"
	}
	if what != "" {
		w.lacks("is not taken, since " + what)
		w.Process = model.Process{Name: w.Name, Command: w.Command}
	}
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
			w.lacks("sets " + variable + ", which sizes it: a process has no variables, environment sets those of all")
		default:
			w.sets = append(w.sets, variable)
		}
	}
	return env
}

// rails is what Sidekiq requires by itself: the application in its directory.
var rails = []string{".", "config/environment", "config/environment.rb"}

// flagsMean puts what flags say into a worker, and returns the Rails environment. The flags are those of all versions of Sidekiq
// (lib/sidekiq/cli.rb, option_parser).
func (w *worker) flagsMean(args []string) (env string) {
	f, value := pflag.NewFlagSet("sidekiq", pflag.ContinueOnError), map[string]*string{}
	for _, flag := range strings.Fields("tag/g logfile/L pidfile/P index/i concurrency/c timeout/t config/C environment/e require/r") {
		long, short, _ := strings.Cut(flag, "/")
		value[long] = f.StringP(long, short, "", "")
	}
	queues := f.StringArrayP("queue", "q", nil, "")
	f.BoolP("verbose", "v", false, "")
	f.BoolP("daemon", "d", false, "")
	if f.Parse(args) != nil {
		w.lacks("has a flag that no Sidekiq knows")
		f.ParseErrorsAllowlist.UnknownFlags, *queues = true, nil
		_ = f.Parse(args) // what it understands counts
	}
	if !slices.Contains(rails, path.Clean(*value["require"])) {
		w.lacks("has a --require, which the role does not pass on: config/sidekiq.yml may have it as :require:")
	}
	if w.Config = w.literal("config", *value["config"]); path.Clean(w.Config) == usualConfig {
		w.Config = "" // where Sidekiq looks by itself
	}
	w.Concurrency = w.count("concurrency", *value["concurrency"])
	w.timeout = w.count("timeout", *value["timeout"])
	for _, q := range *queues {
		if q = w.literal("queue", q); q != "" {
			w.Queues = append(w.Queues, q)
		}
	}
	return *value["environment"]
}

// literal is a text that stands there as it is, else "".
func (w *worker) literal(flag, text string) string {
	if strings.Contains(text, unknownWord) {
		w.lacks("has a --" + flag + " that only a shell could tell")
		return ""
	}
	return text
}

func (w *worker) count(flag, text string) int {
	text = w.literal(flag, text)
	n, err := strconv.Atoi(text)
	if text != "" && (err != nil || n < 1) {
		w.lacks("has a --" + flag + " that is no number from 1")
		return 0
	}
	return n
}

// String is the command as far as it was understood.
func (w worker) String() string {
	text := w.Name + ": " + cmp.Or(w.Command, sidekiq.Programs[0])
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
	first, exact := workers[0], s.sameOfAll(workers)
	var processes []model.Process
	for _, w := range workers {
		processes = append(processes, w.Process)
		exact = exact && w.missing == nil
		s.say(w.String())
		for _, what := range w.missing {
			s.refuse(w.line, "processes", w.Name+" "+what)
		}
		if len(w.sets) > 0 {
			s.refuse(w.line, "environment", fmt.Sprintf("%s sets %s: not taken over, since that may be a secret", w.Name, list(w.sets)))
		}
	}
	if exact || len(workers) > 1 {
		command := first.Command
		if s.gems["sidekiq-ent"].line > 0 {
			command = cmp.Or(command, sidekiq.Programs[0]) // so that nobody has to be asked
		}
		s.flag(first, "command", model.Null(command))
	}
	if len(workers) == 1 && exact {
		s.flag(first, "concurrency", model.Null(first.Concurrency))
		s.flag(first, "sidekiq_config", model.Null(first.Config))
		if len(first.Queues) > 0 {
			s.flag(first, "queues", first.Queues)
		}
		return
	}
	if slices.ContainsFunc(workers, worker.isSwarm) {
		for i := range processes {
			processes[i].Command = cmp.Or(processes[i].Command, sidekiq.Programs[0])
		}
	}
	if exact {
		more := s.uncovered(processes)
		for _, p := range more {
			s.refuse(0, "processes", "no worker fetches from "+list(p.Queues)+", as "+cmp.Or(p.Config, usualConfig)+" does")
		}
		processes, exact = append(processes, more...), more == nil
	}
	if exact {
		s.find(first.line, "processes", processes, fmt.Sprintf("%d workers", len(workers)))
	} else {
		s.offer(first.line, "processes", processes, plural(len(workers), "worker")+"; is this list complete, with all queues of each process?")
	}
}

func (w worker) isSwarm() bool { return w.Command == sidekiq.Swarm }

// sameOfAll takes what the role has once for all processes: the timeout, and SIDEKIQ_COUNT, which only swarms read. It is false if the
// latter differs.
func (s *source) sameOfAll(workers []worker) bool {
	longest := slices.MaxFunc(workers, func(x, y worker) int { return cmp.Compare(x.timeout, y.timeout) })
	if slices.ContainsFunc(workers, func(w worker) bool { return w.timeout != longest.timeout }) {
		s.offer(longest.line, "timeout", longest.timeout, "the workers have several timeouts, the role one for all. Is the longest right?")
	} else {
		s.flag(longest, "timeout", model.Null(longest.timeout))
	}
	swarms := slices.DeleteFunc(slices.Clone(workers), func(w worker) bool { return !w.isSwarm() })
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

func (s *source) flag(w worker, key string, value any) {
	if value != nil {
		s.find(w.line, key, value, w.String())
	}
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
		if len(queues) > 0 {
			p := model.Process{Name: unique(names, cmp.Or(processName(file), "default")), Queues: queues}
			if file != usualConfig {
				p.Config = file
			}
			more = append(more, p)
		}
	}
	return more
}

// queuesOf are those of a configuration file, as far as it can be read.
func (s *source) queuesOf(file string) (queues []string) {
	text, _ := s.read(file)
	config, _ := sidekiq.ReadConfig(text, s.railsEnv, environ.None, s.version)
	for _, q := range config.Queues {
		if fieldOf("queues").Fits(q.Name) && !holdsJinja(q.Name) {
			queues = append(queues, queueText(q.Name, q.Weight))
		}
	}
	return queues
}
