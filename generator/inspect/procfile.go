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
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// worker is a line of a Procfile that runs Sidekiq.
type worker struct {
	model.Process
	line    int
	timeout int
	logfile string
	sets    []string          // names of variables
	swarm   map[string]string // variables that sidekiqswarm alone reads
	missing []string          // what a process of the model does not express
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

var procfileLine = regexp.MustCompile(`^\s*([^\s#:][^#:]*?)\s*:\s*(.+?)\s*$`)

// mentionsSidekiq matches scripts that may run Sidekiq, too. The command of a release runs once.
var mentionsSidekiq = regexp.MustCompile(`(?i)sidekiq`)

// startsSidekiq matches the programs of Sidekiq, and scripts named after it; not rake sidekiq:stats.
var startsSidekiq = regexp.MustCompile(namesSidekiq.String() + `|(?i)(/[\w.-]*sidekiq[\w-]*|sidekiq[\w-]*\.(sh|rb))($|[\s;|&"'` + "`" + `)])`)

var namesSidekiq = regexp.MustCompile(`(^|[\s/"'` + "`" + `(])sidekiq(swarm)?($|[\s;|&"'` + "`" + `)])`)

// workers are the lines that run Sidekiq for the environment, whether they are understood or not.
func (s *source) workers() (workers []worker) {
	names := map[string]bool{}
	for i, text := range strings.Split(string(s.text), "\n") {
		m := procfileLine.FindStringSubmatch(text)
		if m == nil || m[1] == "release" || !mentionsSidekiq.MatchString(m[2]) {
			continue
		}
		name := cmp.Or(strings.Trim(notOfAProcess.ReplaceAllString(m[1], "-"), "_.-"), "worker")
		if !startsSidekiq.MatchString(m[2]) {
			s.tell(i+1, "processes", name+" mentions Sidekiq, but does not start it")
			continue
		}
		calls, plain := sidekiqCalls(m[2])
		for _, words := range append(calls, nil)[:max(1, len(calls))] {
			w := worker{Process: model.Process{Name: unique(names, name)}, line: i + 1, swarm: map[string]string{}}
			if s.reads(&w, m[2], words, plain) {
				workers = append(workers, w)
			}
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

// reads reads a call of a command. It is false if the call is for another environment.
func (s *source) reads(w *worker, command string, words []string, plain bool) bool {
	at := program(words)
	before, nice := withoutNice(words[:max(0, at)])
	if len(nice) > 0 {
		s.tell(w.line, "processes", w.Name+" is started with "+strings.Join(nice, " ")+", which is left out")
	}
	switch {
	case !namesSidekiq.MatchString(command) || at >= 0 && !runs(before):
		w.lacks("starts Sidekiq through another program, which the role omits")
	case !plain:
		w.lacks("is not a single plain command; only a shell can determine how it starts Sidekiq")
	}
	if at >= 0 {
		if path.Base(words[at]) == sidekiq.Swarm {
			w.Command = sidekiq.Swarm
		}
		env := cmp.Or(w.flagsMean(words[at+1:]), s.variablesMean(w, before), s.railsEnv)
		if env != s.railsEnv && env != unknownWord {
			s.say(w.Name + " is for " + printable(env, 30))
			return false
		}
	}
	if what := fault(map[string]any{"processes": []model.Process{w.Process}}); what != "" {
		w.lacks("is ignored: " + what)
		w.Process = model.Process{Name: w.Name, Command: w.Command}
	}
	return true
}

// ofSwarms are variables that sidekiqswarm reads, and no other program of Sidekiq.
var ofSwarms = []string{"SIDEKIQ_COUNT", "SIDEKIQ_MAXMEM_MB", "SIDEKIQ_MAXMEM_KB"}

// sizing matches variables for the number of processes, threads or connections.
var sizing = regexp.MustCompile(`COUNT|CONCURRENCY|THREADS|POOL|MAXMEM`)

// variablesMean reads the variables that a command sets, and returns the Rails environment.
func (s *source) variablesMean(w *worker, set []string) (env string) {
	for _, word := range set {
		switch variable, value, sets := strings.Cut(word, "="); {
		case variable == "RAILS_ENV" || variable == "RACK_ENV":
			env = value
		case !sets || slices.Contains([]string{"PORT", "MALLOC_ARENA_MAX", "DB_POOL"}, variable): // the role sets the latter two
		case slices.Contains(ofSwarms, variable) && w.Command == sidekiq.Swarm && wholeNumber.MatchString(value):
			w.swarm[variable] = value
		case variable == "RAILS_MAX_THREADS" && wholeNumber.MatchString(value) && (w.Concurrency > 0 || !s.setsThreads(w.Config)):
			w.Concurrency = cmp.Or(w.Concurrency, w.count(variable, value)) // as Sidekiq does
		case sizing.MatchString(variable):
			w.lacks("sets " + variable + ", which sizes it: a process has no variables, environment sets those of all")
		default:
			w.sets = append(w.sets, variable)
		}
	}
	return env
}

// setsThreads reports whether a configuration has a literal number of threads.
func (s *source) setsThreads(config string) bool {
	text, _ := s.Application.read(cmp.Or(config, usualConfig)) // what is read counts
	return literalThreads.Match(text)
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
		w.lacks("has an unknown Sidekiq flag")
		f.ParseErrorsAllowlist.UnknownFlags, *queues = true, nil
		_ = f.Parse(args) // what it understands counts
	}
	if !slices.Contains(rails, path.Clean(*value["require"])) {
		w.lacks("has a --require, which the role does not pass on: config/sidekiq.yml may have it as :require:")
	}
	switch config := path.Clean(w.literal("config", *value["config"])); {
	case config == usualConfig || config == ".": // where Sidekiq looks by itself
	case !isCleanPath(config):
		w.lacks("has a --config that is no clean path")
	default:
		w.Config = config
	}
	w.logfile = w.literal("logfile", *value["logfile"])
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
		w.lacks("has a --" + flag + " that only a shell can determine")
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
// understood, they are one question.
func (s *source) workersMean(workers []worker) {
	first, exact := workers[0], s.sameOfAll(workers) && !slices.ContainsFunc(workers, func(w worker) bool { return w.missing != nil })
	single := len(workers) == 1 && exact
	isEnterprise := s.gems["sidekiq-ent"].line > 0 && (single || len(workers) > 1)
	hasCommand := isEnterprise || slices.ContainsFunc(workers, worker.isSwarm)
	var processes []model.Process
	for _, w := range workers {
		s.say(w.String())
		if w.logfile != "" {
			s.logfile = finding{from: s.at(w.line), text: w.logfile}
		}
		for _, what := range w.missing {
			s.refuse(w.line, "processes", w.Name+" "+what)
		}
		if len(w.sets) > 0 {
			s.refuse(w.line, "environment", fmt.Sprintf("%s sets %s: not copied, they may be secret; hint: set those that Sidekiq needs in environment, or in sidekiq_secret_environment of an encrypted group_vars", w.Name, list(w.sets)))
		}
		if hasCommand {
			w.Command = cmp.Or(w.Command, sidekiq.Programs[0]) // whatever else sets command
		}
		processes = append(processes, w.Process)
		s.Application.workers = append(s.Application.workers, claim{w.Process, s.weight, s.at(w.line), w.missing != nil})
	}
	switch {
	case single:
		s.flag(first, "command", model.Null(processes[0].Command))
		s.flag(first, "concurrency", model.Null(first.Concurrency))
		s.flag(first, "sidekiq_config", model.Null(first.Config))
		if len(first.Queues) > 0 {
			s.flag(first, "queues", first.Queues)
		}
		return
	case exact:
		s.find(first.line, "processes", processes, fmt.Sprintf("%d workers", len(workers)))
	default:
		s.offer(first.line, "processes", processes, plural(len(workers), "worker")+isComplete)
	}
	if hasCommand {
		s.flag(first, "command", sidekiq.Programs[0]) // each process has its own
	}
}

func (w worker) isSwarm() bool { return w.Command == sidekiq.Swarm }

// sameOfAll takes what the role has once for all processes: the timeout, and variables that only swarms read. It is
// false if the latter differ.
func (s *source) sameOfAll(workers []worker) bool {
	longest := slices.MaxFunc(workers, func(x, y worker) int { return cmp.Compare(x.timeout, y.timeout) })
	if slices.ContainsFunc(workers, func(w worker) bool { return w.timeout != longest.timeout }) {
		s.offer(longest.line, "timeout", longest.timeout, "the workers have several timeouts, the role one for all. Is the longest right?")
	} else {
		s.flag(longest, "timeout", model.Null(longest.timeout))
	}
	swarms := slices.DeleteFunc(slices.Clone(workers), func(w worker) bool { return !w.isSwarm() })
	for _, w := range swarms {
		if !maps.Equal(w.swarm, swarms[0].swarm) {
			s.refuse(w.line, "processes", w.Name+" has another SIDEKIQ_COUNT or SIDEKIQ_MAXMEM than "+swarms[0].Name+", and all have the same environment")
			return false
		}
	}
	if len(swarms) > 0 && len(swarms[0].swarm) > 0 {
		s.flag(swarms[0], "environment", swarms[0].swarm)
	}
	return true
}

func (s *source) flag(w worker, key string, value any) {
	if value != nil {
		s.find(w.line, key, value, w.String())
	}
}
