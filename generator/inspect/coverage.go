package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/generator/model"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// coverage takes what all sources say of processes and their queues as one decision. Where the source
// that counts most leaves out a process or a queue of another, processes is a question with all.
func (a *Application) coverage() {
	defer a.swarmless()
	var all []model.Process
	var missing []string
	var leading finding
	names := map[string]bool{}
	add := func(p model.Process, from string) {
		if from != "" {
			does := "is called " + p.Name
			if len(p.Queues) > 0 {
				does = "fetches from " + list(p.Queues)
			} else if p.Config != "" {
				does = "reads " + p.Config
			}
			if p.Config != from {
				does += ", as " + from + " says"
			}
			missing = append(missing, "no worker "+does)
		}
		p.Name = unique(names, p.Name)
		all = append(all, p)
	}
	for w := byFlag; w < byOther && !a.asked.Answers.has("processes"); w++ {
		processes, f := a.processesOf(w, leading.from != "")
		for _, p := range processes {
			if leading.from == "" {
				add(p, "")
			} else if !a.covers(all, p, f.kind == offered) {
				add(p, f.from)
			}
		}
		if leading.from == "" && len(processes) > 0 {
			leading = f
		}
	}
	if leading.from == "" {
		return
	}
	for _, file := range slices.Concat([]string{usualConfig}, slices.Sorted(maps.Keys(a.threads))) {
		p := model.Process{Name: cmp.Or(processName(file), "default"), Queues: a.without(all, a.queuesOf(file))}
		if file != usualConfig {
			p.Config = file
		}
		used := slices.ContainsFunc(all, func(other model.Process) bool { return cmp.Or(other.Config, usualConfig) == file })
		if !holdsJinja(file) && (len(p.Queues) > 0 || !used && len(a.queuesOf(file)) == 0 && file != usualConfig) {
			add(p, file)
		}
	}
	if missing != nil {
		a.asksProcesses(all, leading, missing)
	}
}

// processesOf are those that the sources of one weight name, with their finding: a list, or else one
// process by its queues and its configuration. The only worker of a Procfile counts without these
// beside another source.
func (a *Application) processesOf(w weight, beside bool) (all []model.Process, from finding) {
	var one model.Process
	for _, f := range a.findings {
		if f.weight != w || f.value == nil || fault(map[string]any{f.key: f.value}) != "" {
			continue
		}
		switch processes, is := f.value.([]model.Process); {
		case is && f.key == "processes":
			return processes, f
		case f.kind != found:
		case f.key == "queues":
			one.Queues = nil
			_ = json.Unmarshal(asJSON(f.value), &one.Queues) // the model accepts it
			from = f
		case f.key == "sidekiq_config":
			one.Config = fmt.Sprint(f.value)
			from = f
		}
	}
	if w == byProcfile && a.onlyWorker.value != nil && (from.from != "" || beside) {
		return a.onlyWorker.value.([]model.Process), a.onlyWorker
	}
	if from.from == "" {
		return nil, from
	}
	one.Name = cmp.Or(processName(one.Config), "default")
	return []model.Process{one}, from
}

// covers reports whether processes do the work of another. One that is not clear and has no queues may do any.
func (a *Application) covers(all []model.Process, p model.Process, unclear bool) bool {
	queues := a.fetched(p)
	unclear = unclear && len(p.Queues) == 0 && p.Config == ""
	if unclear || queues == nil {
		return slices.ContainsFunc(all, func(other model.Process) bool {
			return other.Name == p.Name || !unclear && cmp.Or(other.Config, usualConfig) == cmp.Or(p.Config, usualConfig)
		})
	}
	return len(a.without(all, queues)) == 0
}

// fetched are the queues of a process, as far as its configuration can be read.
func (a *Application) fetched(p model.Process) []string {
	if len(p.Queues) > 0 {
		return p.Queues
	}
	queues := a.queuesOf(cmp.Or(p.Config, usualConfig))
	if queues == nil && cmp.Or(p.Config, usualConfig) == usualConfig {
		return []string{"default"}
	}
	return queues
}

// without are queues that no process fetches from.
func (a *Application) without(all []model.Process, queues []string) []string {
	covered := map[string]bool{}
	for _, p := range all {
		for _, q := range a.fetched(p) {
			covered[strings.Split(q, ",")[0]] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(queues), func(q string) bool { return covered[strings.Split(q, ",")[0]] })
}

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

// asksProcesses asks about all processes. What sources say of a single one is in that list; only a playbook's stays live.
func (a *Application) asksProcesses(all []model.Process, leading finding, missing []string) {
	s := a.reading(strings.Split(leading.from, ":")[0], nil, leading.weight)
	for _, what := range missing {
		s.refuse(0, "processes", what)
	}
	text := leading.text
	if leading.kind == found {
		text = leading.from + ": " + text + isComplete
	}
	for i := range a.findings {
		switch f := &a.findings[i]; {
		case f.kind != found:
		case f.key == "processes" && f.from == leading.from:
			f.kind = offered
		case f.weight > byPlaybook && (f.key == "queues" || f.key == "sidekiq_config") || f.weight == byProcfile && f.key == "concurrency":
			f.kind, f.text = remark, f.from+": "+f.text
		case f.weight == byPlaybook && f.key == "sidekiq_config":
			for i := range all {
				all[i].Config = cmp.Or(all[i].Config, usualConfig)
			}
		case f.weight == byProcfile && f.key == "command":
			f.kind, f.text = remark, f.from+": "+f.text
			a.note(finding{found, "command", sidekiq.Programs[0], byProcfile, f.from, "each process has its own command"})
		}
	}
	a.note(finding{offered, "processes", all, byFlag, leading.from, text})
}

// swarmless asks about sidekiqswarm while processes is a question: it would start several processes on the default queues.
func (a *Application) swarmless() {
	if a.entry(fieldOf("processes")).asks == "" {
		return
	}
	for i := range a.findings {
		if f := &a.findings[i]; f.key == "command" && f.kind == found && f.value == sidekiq.Swarm {
			f.kind, f.text = offered, f.from+": "+f.text+". Is that right?"
		}
	}
}
