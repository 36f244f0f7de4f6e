package inspect

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// claim is a process that a source names.
type claim struct {
	model.Process
	weight  weight
	from    string
	unclear bool // it may start more than the claim says
}

const isComplete = ". Is the list complete, with all queues of each process?"

// coverage compares what the sources say of processes, queues and configurations. If one names what those that count more do
// not start, processes is a question with all.
func (a *Application) coverage() {
	claims := a.claims()
	if len(claims) == 0 || a.asked.Answers.has("processes") {
		return
	}
	var all []model.Process
	leading, _, _ := strings.Cut(claims[0].from, ":")
	names, started, asks := map[string]bool{}, map[string]bool{}, false
	for _, c := range append(claims, a.configurations()...) {
		missing := slices.DeleteFunc(a.starts(c.Process), func(what string) bool { return started[unweighted(what)] })
		if c.weight != claims[0].weight {
			if !c.unclear && len(missing) == 0 {
				continue
			}
			asks = true
			a.reading(c.from, nil, c.weight).refuse(0, "processes", "no process of "+leading+" has "+cmp.Or(list(missing), c.Name))
		}
		if c.weight == byOther && missing[0] != c.Config {
			c.Queues = missing // the others have their processes
		}
		for _, what := range append(a.starts(c.Process), c.Config) {
			started[unweighted(what)] = true
		}
		c.Name = unique(names, c.Name)
		all = append(all, c.Process)
	}
	if asks {
		a.asksProcesses(all)
	}
}

// claims are the processes that the sources name, those of the source that counts most first. A playbook and Capistrano have a
// list, or else one process by its queues and its configuration.
func (a *Application) claims() (all []claim) {
	for _, w := range []weight{byPlaybook, byCapistrano} {
		said, from := map[string]any{}, finding{}
		for _, f := range a.findings {
			names := f.key == "processes" || f.kind == found && (f.key == "queues" || f.key == "sidekiq_config")
			if names && f.weight == w && f.value != nil && fault(map[string]any{f.key: f.value}) == "" {
				said[f.key], from = f.value, f
			}
		}
		m, _ := modelOf(said)
		if m.Processes == nil && len(said) > 0 {
			m.Processes = []model.Process{{Name: cmp.Or(processName(m.SidekiqConfig), "default"), Queues: m.Queues, Config: m.SidekiqConfig}}
		}
		for _, p := range m.Processes {
			all = append(all, claim{p, w, from.from, from.kind == offered})
		}
	}
	return append(all, a.workers...)
}

// configurations are claims of the files that have queues or are named after a process.
func (a *Application) configurations() (all []claim) {
	if a.queuesOf(usualConfig) != nil {
		all = []claim{{model.Process{Name: "default"}, byOther, usualConfig, false}}
	}
	for _, file := range slices.Sorted(maps.Keys(a.threads)) {
		if !holdsJinja(file) {
			all = append(all, claim{model.Process{Name: cmp.Or(processName(file), "default"), Config: file}, byOther, file, false})
		}
	}
	return all
}

// starts are the queues of a process, or its configuration if only Ruby or the host knows its queues.
func (a *Application) starts(p model.Process) []string {
	if len(p.Queues) > 0 {
		return slices.Clone(p.Queues)
	}
	if queues := a.queuesOf(cmp.Or(p.Config, usualConfig)); queues != nil {
		return queues
	}
	return []string{cmp.Or(p.Config, "default")}
}

func unweighted(queue string) string { return strings.Split(queue, ",")[0] }

// queuesOf are those of a configuration file, as far as it can be read.
func (a *Application) queuesOf(file string) (queues []string) {
	text, _ := a.read(file)
	config, _ := sidekiq.ReadConfig(text, a.railsEnv, environ.None, a.version)
	for _, q := range config.Queues {
		if fieldOf("queues").Fits(q.Name) && !holdsJinja(q.Name) {
			queues = append(queues, queueText(q.Name, q.Weight))
		}
	}
	return queues
}

// ofOneProcess are fields that say how a single process starts, with the weight from which they are not live while processes is a
// question: a playbook's queues and configuration stay.
var ofOneProcess = map[string]weight{"processes": byPlaybook, "queues": byCapistrano, "sidekiq_config": byCapistrano, "concurrency": byProcfile, "command": byProcfile}

// asksProcesses asks about all processes.
func (a *Application) asksProcesses(all []model.Process) {
	for i := range a.findings {
		f := &a.findings[i]
		least, is := ofOneProcess[f.key]
		if !is || f.kind != found || f.weight < least {
			continue
		}
		f.kind, f.text = remark, f.from+": "+f.text
		if f.key == "command" {
			a.note(finding{found, "command", sidekiq.Programs[0], byProcfile, f.from, "each process has its own command"})
		}
	}
	if _, live := a.best("sidekiq_config"); live {
		for i := range all {
			all[i].Config = cmp.Or(all[i].Config, usualConfig)
		}
	}
	a.note(finding{kind: offered, key: "processes", value: all, text: "Is the list complete, with all queues of each process?"})
}
