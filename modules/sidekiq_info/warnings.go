package sidekiqinfo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// warnings say what is wrong or soon will be, the most serious first, and then what could not be read.
func (f *facts) warnings(now time.Time) []string {
	return slices.Concat(f.noProcess(), f.neglected(now), f.ofProcesses(now), f.ofServer(), f.unknown)
}

// noProcess warns of a Redis that no Sidekiq has ever used, which may be the wrong one, or of one whose processes are down.
func (f *facts) noProcess() []string {
	waiting := 0
	for _, q := range f.overview.Queues {
		waiting += q.Size
	}
	switch {
	case len(f.processes) > 0:
		return nil
	case !f.used:
		return []string{fmt.Sprintf("no Sidekiq has ever used the Redis at %s (from %s); hint: compare address, database and redis_namespace with the application's", f.place, f.source)}
	case waiting > 0:
		return []string{fmt.Sprintf("no process of Sidekiq lives, and %s; hint: systemctl status sidekiq", jobsWait(waiting))}
	}
	return []string{"no process of Sidekiq lives; hint: systemctl status sidekiq"}
}

func jobsWait(n int) string { return count(n, "job waits", "jobs wait") }

// neglected are the queues that no process empties. Those that are empty now share a warning: a queue stays known for ever.
func (f *facts) neglected(now time.Time) []string {
	if len(f.processes) == 0 {
		return nil
	}
	var warnings, empty []string
	for _, q := range f.overview.Queues {
		works, takes, silent := f.consumers(q.Name, now)
		switch {
		case takes, works && q.Size == 0:
		case works:
			why := "is quiet"
			if silent {
				why += " or does not beat"
			}
			warnings = append(warnings, fmt.Sprintf("%s in queue %q, and every process that works on it %s", jobsWait(q.Size), q.Name, why))
		case q.Size > 0:
			warnings = append(warnings, fmt.Sprintf("%s in queue %q, on which no process works; hint: add it to the queues of Sidekiq", jobsWait(q.Size), q.Name))
		default:
			empty = append(empty, fmt.Sprintf("%q", q.Name))
		}
	}
	if len(empty) > 0 {
		warnings = append(warnings, fmt.Sprintf("no process works on what were queues once and are empty now: %s", strings.Join(empty, ", ")))
	}
	return warnings
}

// consumers reports whether a process works on a queue, whether one fetches new jobs from it, and whether the heartbeat of one is overdue.
func (f *facts) consumers(queue string, now time.Time) (works, takes, silent bool) {
	for _, p := range f.processes {
		if slices.Contains(p.Queues, queue) {
			works, takes, silent = true, takes || !p.Quiet && !p.silent(now), silent || p.silent(now)
		}
	}
	return works, takes, silent
}

const (
	// longestDeploy is the age from which a quiet process is warned of: Redis does not hold since when it is quiet.
	longestDeploy = 5 * time.Minute
	// threeBeats are missed by no Sidekiq that works: 7 beats every 10 s (BEAT_PAUSE in lib/sidekiq/launcher.rb). Redis forgets a process that was killed
	// after 60 s (EXPIRE there); until then it looks as if it worked.
	threeBeats = 30 * time.Second
)

func (p process) silent(now time.Time) bool { return p.age(now) > threeBeats }

func (f *facts) ofProcesses(now time.Time) []string {
	var warnings []string
	for _, p := range f.processes {
		name := fmt.Sprintf("process %d on %s", p.PID, p.Hostname)
		up := now.Sub(p.StartedAt)
		if p.Quiet && up > longestDeploy {
			warnings = append(warnings, fmt.Sprintf("%s is quiet: it takes no new jobs until it is restarted, and runs %s; it has been up for %s, and since when it is quiet, Redis does not tell; hint: restart it, unless a deploy is under way",
				name, count(p.Busy, "job", "jobs"), rough(up)))
		}
		if p.Hostname == f.hostname && p.StartedAt.Before(f.released) {
			warnings = append(warnings, fmt.Sprintf("%s is older than the release: it was up at %s, and %s was made at %s; hint: restart it", name, iso(p.StartedAt), f.root, iso(f.released)))
		}
		if p.silent(now) {
			warnings = append(warnings, fmt.Sprintf("%s has not beaten for %s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree", name, rough(p.age(now))))
		}
	}
	return warnings
}

// ofServer says where Redis does not suit those that use it.
func (f *facts) ofServer() []string {
	warnings := f.server.Faults(sidekiq.Version{})
	for _, u := range f.users() {
		if fault := f.server.TooOld(u.version, u.whose); fault != "" {
			warnings = append(warnings, fault)
		}
	}
	return warnings
}

// user is a Sidekiq that uses the Redis.
type user struct {
	whose   string
	version sidekiq.Version
}

// users are the application and the processes, one of each version.
func (f *facts) users() []user {
	users := []user{{"the application", f.version}}
	for _, p := range f.processes {
		version, err := sidekiq.ParseVersion(p.Version)
		if err != nil || slices.ContainsFunc(users, func(u user) bool { return u.version == version }) {
			continue // not known before 6.5
		}
		users = append(users, user{fmt.Sprintf("process %d on %s", p.PID, p.Hostname), version})
	}
	return users
}
