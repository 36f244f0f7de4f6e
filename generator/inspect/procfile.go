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
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// worker is a line of a Procfile that runs Sidekiq.
type worker struct {
	model.Process
	line    int
	timeout int
	said    string // the command as far as it was understood
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

var namesSidekiq = regexp.MustCompile(`(^|[\s/])sidekiq(swarm)?($|[\s;|&])`)

// workers are the lines that run Sidekiq for the environment.
func (s *source) workers() (workers []worker) {
	for i, text := range strings.Split(string(s.text), "\n") {
		m := procfileLine.FindStringSubmatch(text)
		if m == nil || !namesSidekiq.MatchString(m[2]) {
			continue
		}
		w, ok := s.worker(i+1, m[1], m[2])
		if ok && slices.ContainsFunc(workers, func(other worker) bool { return other.Name == w.Name }) {
			s.refuse(i+1, "processes", w.Name+" stands there twice")
			continue
		}
		if ok {
			workers = append(workers, w)
		}
	}
	return workers
}

// worker reads one command. What a shell alone could tell is said, and left out.
func (s *source) worker(line int, name, command string) (worker, bool) {
	words, set, ok := shellWords(command)
	if !ok {
		s.refuse(line, "processes", name+" is more than one plain command, only a shell could tell how it runs Sidekiq")
		return worker{}, false
	}
	at := sidekiq.IndexProgram(words, sidekiq.Programs...)
	switch {
	case at < 0 || !runs(words[:at]) && !bundled(words[:at]):
		return worker{}, false
	case s.elsewhere(name, append(set, words[:at]...)):
		return worker{}, false
	case !runs(words[:at]):
		s.refuse(line, "processes", name+" runs Sidekiq by way of another program, which the role leaves out")
	}
	s.variablesMean(line, name, append(set, words[:at]...))
	w := worker{Process: model.Process{Name: name}, line: line}
	if path.Base(words[at]) == sidekiq.Swarm {
		w.Command = sidekiq.Swarm
	}
	return w, s.flagsMean(&w, words[at+1:])
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

// variablesMean names the variables that a command sets, which may size threads and pools. Their values may be secrets.
func (s *source) variablesMean(line int, name string, set []string) {
	var names []string
	for _, word := range set {
		if variable, _, sets := strings.Cut(word, "="); sets && !slices.Contains(ownVariables, variable) {
			names = append(names, variable)
		}
	}
	if len(names) > 0 {
		s.refuse(line, "environment", fmt.Sprintf("%s sets %s: not taken over, since that may be a secret, or size threads and pools", name, list(names)))
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

// flagsMean puts what flags say into a worker. It is false where the command is none for this environment, or not understood.
func (s *source) flagsMean(w *worker, args []string) bool {
	f := newSidekiqFlags()
	if err := f.Parse(args); err != nil {
		s.refuse(w.line, "processes", w.Name+" has a flag that no Sidekiq knows")
		return false
	}
	if e := *f.environment; e != "" && e != unknownWord && e != s.railsEnv {
		s.say(fmt.Sprintf("%s is for %s", w.Name, printable(e, 30)))
		return false
	}
	if !slices.Contains(rails, path.Clean(*f.require)) {
		s.refuse(w.line, "sidekiq_config", w.Name+" has a --require, which the role does not pass on: config/sidekiq.yml may have it as :require:")
	}
	w.Config = s.literal(w, "config", *f.config)
	if w.Config == usualConfig || w.Config == "./"+usualConfig {
		w.Config = "" // where Sidekiq looks by itself
	}
	w.Concurrency = s.count(w, "concurrency", *f.concurrency)
	w.timeout = s.count(w, "timeout", *f.timeout)
	for _, q := range *f.queues {
		if q = s.literal(w, "queue", q); q != "" {
			w.Queues = append(w.Queues, q)
		}
	}
	w.said = w.understood()
	return true
}

// literal is a text that stands there as it is, else "".
func (s *source) literal(w *worker, flag, text string) string {
	if strings.Contains(text, unknownWord) {
		s.refuse(w.line, "processes", fmt.Sprintf("%s has a --%s that only a shell could tell", w.Name, flag))
		return ""
	}
	return text
}

func (s *source) count(w *worker, flag, text string) int {
	text = s.literal(w, flag, text)
	n, err := strconv.Atoi(text)
	if text != "" && (err != nil || n < 1) {
		s.refuse(w.line, "processes", fmt.Sprintf("%s has a --%s that is no number from 1", w.Name, flag))
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

// workersMean: of one, its flags are the fields; several are processes.
func (s *source) workersMean(workers []worker) {
	for _, w := range workers {
		s.say(w.Name + ": " + w.said)
	}
	first := workers[0]
	if len(workers) == 1 {
		s.flag(first, "command", model.Null(first.Command))
		s.flag(first, "concurrency", model.Null(first.Concurrency))
		s.flag(first, "timeout", model.Null(first.timeout))
		s.flag(first, "sidekiq_config", model.Null(first.Config))
		if len(first.Queues) > 0 {
			s.flag(first, "queues", first.Queues)
		}
		return
	}
	var processes []model.Process
	for _, w := range workers {
		processes = append(processes, w.Process)
		if w.timeout != first.timeout {
			s.refuse(w.line, "timeout", "the workers have several timeouts, the role one for all")
			first.timeout = 0
		}
	}
	s.find(first.line, "processes", processes, fmt.Sprintf("%d workers", len(workers)))
	s.flag(first, "timeout", model.Null(first.timeout))
}

func (s *source) flag(w worker, key string, value any) {
	if value != nil {
		s.find(w.line, key, value, w.Name+": "+w.said)
	}
}
