package watch

import (
	"slices"
	"time"
)

// fleet is what is known of the hosts that run the role, folded from events.
type fleet struct {
	Tasks  int
	Check  bool
	Verify bool
	Over   bool     // the play has ended by itself
	Others []string // tasks of other roles that changed something
	Hosts  []*host
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

// take notes what an event says. Plays with serial come in parts, each with all hosts. Of tasks that are not the role's
// only errors count, which end the play of a host. For verify a failure counts, also if the playbook takes care of it.
func (f *fleet) take(e event, now time.Time) {
	switch e.Event {
	case "play":
		if e.Tasks == 0 {
			return
		}
		f.Tasks, f.Check = e.Tasks, e.Check
		for _, name := range e.Hosts {
			f.add(name)
		}
	case "start":
		if h := f.host(e.Host); h != nil {
			h.Task, h.Running, h.Since = e.Task, true, now
			if e.Ours {
				h.Place++
			}
		}
	case "result":
		if f.Verify && e.Ours && e.Status == "ignored" {
			e.Status = failed
		}
		if e.failed() || e.Ours {
			f.add(e.Host)
		}
		if e.Status == changed && !e.Ours && !slices.Contains(f.Others, e.Task) {
			f.Others = append(f.Others, e.Task)
		}
		if h := f.host(e.Host); h != nil {
			h.Running = false
			if e.Ours || e.failed() {
				h.Results = append(h.Results, e)
			}
		}
	case "end":
		f.Over = true
		for name, s := range e.Stats {
			if h := f.host(name); h != nil {
				if f.Verify && slices.ContainsFunc(h.Results, event.failed) {
					s.Failures++ // a rescued one is not in Ansible's count
				}
				h.stats = &s
			}
		}
	}
}

// host is nil for one that does not run the role.
func (f *fleet) host(name string) *host {
	if i := slices.IndexFunc(f.Hosts, func(h *host) bool { return h.Name == name }); i >= 0 {
		return f.Hosts[i]
	}
	return nil
}

func (f *fleet) add(name string) {
	if f.host(name) == nil {
		f.Hosts = append(f.Hosts, &host{Name: name})
	}
}

// modules are those that judge a host.
var modules = []string{"systemd_sidekiq", "sudoers_entry", "db_pool", "sidekiq_info"}

// The results of a host. The words are those of the table, painted by style.
const (
	unreachable = "unreachable"
	failed      = "failed"
	changed     = "changed"
	unchanged   = "unchanged"
	unfinished  = "not finished"
	skipped     = "skipped"
)

// result sums up a host. Ansible's own count of errors decides once there is one: a failure that the play takes care of is none.
func (h *host) result() string {
	is := func(status string) bool {
		return slices.ContainsFunc(h.Results, func(e event) bool {
			return e.Status == status && (status != "ok" || slices.Contains(modules, e.Module))
		})
	}
	switch s := h.stats; {
	case s == nil && is(unreachable), s != nil && s.Unreachable > 0:
		return unreachable
	case s == nil && is(failed), s != nil && s.Failures > 0:
		return failed
	case s == nil:
		return unfinished
	case is(changed):
		return changed
	case is("ok"):
		return unchanged
	}
	return skipped // no module of the role answered
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

// word is what a result is called: a playbook that was only checked has changed nothing.
func (f *fleet) word(result string) string {
	switch {
	case f.Verify && f.Over && result == skipped:
		return "not judged"
	case f.Verify && result == unchanged:
		return "ok"
	case f.Verify && result == changed:
		return "differs"
	case f.Check && result == changed:
		return "would change"
	}
	return result
}

// count is how many hosts have a result.
func (f *fleet) count(result string) (n int) {
	for _, h := range f.Hosts {
		if h.result() == result {
			n++
		}
	}
	return n
}
