package watch

import (
	"slices"
	"time"
)

// fleet is what is known of the hosts, folded from events.
type fleet struct {
	Play  string
	Tasks int
	Check bool
	Over  bool // the play has ended by itself
	Hosts []*host
}

// host is one of them. Its task is the one that runs, or the last one.
type host struct {
	Name    string
	Task    string
	Place   int // of the task, counted from 1
	Running bool
	Since   time.Time // the task runs
	Results []event
	stats   *stats
}

// take notes what an event says. Plays with serial come in parts, each with all hosts.
func (f *fleet) take(e event, now time.Time) {
	switch e.Event {
	case "play":
		f.Play, f.Tasks, f.Check = e.Name, e.Tasks, e.Check
		for _, name := range e.Hosts {
			f.host(name)
		}
	case "start":
		h := f.host(e.Host)
		h.Task, h.Running, h.Since = e.Task, true, now
		h.Place++
	case "result":
		h := f.host(e.Host)
		h.Running = false
		h.Results = append(h.Results, e)
	case "end":
		f.Over = true
		for name, s := range e.Stats {
			f.host(name).stats = &s
		}
	}
}

func (f *fleet) host(name string) *host {
	if i := slices.IndexFunc(f.Hosts, func(h *host) bool { return h.Name == name }); i >= 0 {
		return f.Hosts[i]
	}
	h := &host{Name: name}
	f.Hosts = append(f.Hosts, h)
	return h
}

// connecting tells whether a host that is at work has not given its first answer yet. That the role's variables are right is
// seen without it.
func (f *fleet) connecting() bool {
	onController := func(e event) bool { return e.Module == "validate_argument_spec" }
	return slices.ContainsFunc(f.Hosts, func(h *host) bool {
		return h.Running && !slices.ContainsFunc(h.Results, func(e event) bool { return !onController(e) })
	})
}

// The results of a host. The words are those of the table, painted by style.
const (
	unreachable = "unreachable"
	failed      = "failed"
	changed     = "changed"
	unchanged   = "unchanged"
	unfinished  = "not finished"
)

// result sums up a host. Ansible's own count decides once there is one: a failure that the play takes care of is none.
func (h *host) result() string {
	s := h.counted()
	switch {
	case s.Unreachable > 0:
		return unreachable
	case s.Failures > 0:
		return failed
	case h.stats == nil:
		return unfinished
	case s.Changed > 0:
		return changed
	}
	return unchanged
}

func (h *host) counted() stats {
	if h.stats != nil {
		return *h.stats
	}
	var s stats
	for _, r := range h.Results {
		switch r.Status {
		case unreachable:
			s.Unreachable++
		case failed:
			s.Failures++
		case changed:
			s.Changed++
		}
	}
	return s
}

// last is the newest result of a module, an empty one where it was not run.
func (h *host) last(module string) event {
	for _, r := range slices.Backward(h.Results) {
		if r.Module == module {
			return r
		}
	}
	return event{}
}

// count is how many hosts have a result.
func (f *fleet) count(result string) int {
	n := 0
	for _, h := range f.Hosts {
		if h.result() == result {
			n++
		}
	}
	return n
}
