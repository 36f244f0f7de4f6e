package dashboard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// Warnings returns what is wrong or soon will be, the most serious first, and then what could not be read.
func (d *Dashboard) Warnings() []string {
	return slices.Concat(d.processless(), d.sharedQueues(), d.queueWarnings(), d.processWarnings(), d.serverWarnings(), d.unknown)
}

// Unused is a warning of a Redis that no Sidekiq has ever used, so that it may be the wrong one; "" for another.
func (d *Dashboard) Unused() string {
	if d.isUsed || len(d.processes) > 0 {
		return ""
	}
	return fmt.Sprintf("no Sidekiq has ever used the Redis at %s (from %s); hint: compare address, database and redis_namespace with the application's", d.place, d.source)
}

// processless warns of a Redis that Sidekiq has used and whose processes are down.
func (d *Dashboard) processless() []string {
	waiting := 0
	for _, q := range d.overview.Queues {
		waiting += q.Size
	}
	switch {
	case len(d.processes) > 0 || !d.isUsed:
		return nil
	case waiting > 0:
		return []string{fmt.Sprintf("no process of Sidekiq lives, and %s; hint: systemctl status sidekiq", jobsWait(waiting))}
	}
	return []string{"no process of Sidekiq lives; hint: systemctl status sidekiq"}
}

func jobsWait(n int) string { return count(n, "job waits", "jobs wait") }

// queueWarnings warns of queues from which no process fetches. Those that are empty share a warning: Redis keeps the name of a queue for ever.
func (d *Dashboard) queueWarnings() []string {
	if len(d.processes) == 0 {
		return nil
	}
	var warnings, empty []string
	for _, q := range d.overview.Queues {
		isListed, isFetched, isOverdue := d.consumers(q.Name)
		switch {
		case isFetched, isListed && q.Size == 0:
		case isListed:
			why := "is quiet"
			if isOverdue {
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

// sharedQueues warns of applications that fetch each other's jobs: processes with different tags that fetch from the same queue. The default tag is
// the name of the application's directory (lib/sidekiq/component.rb, default_tag).
func (d *Dashboard) sharedQueues() []string {
	tags := map[string][]string{} // by queue
	for _, p := range d.processes {
		for _, queue := range p.Queues {
			if !p.Quiet && !d.isOverdue(p) && !slices.Contains(tags[queue], p.Tag) {
				tags[queue] = append(tags[queue], p.Tag)
			}
		}
	}
	shared := map[string][]string{} // queues, by their tags
	for queue, all := range tags {
		if len(all) > 1 {
			slices.Sort(all)
			names := fmt.Sprintf("%q", all)
			shared[strings.Trim(names, "[]")] = append(shared[strings.Trim(names, "[]")], fmt.Sprintf("%q", queue))
		}
	}
	var warnings []string
	for _, names := range slices.Sorted(maps.Keys(shared)) {
		queues := slices.Sorted(slices.Values(shared[names]))
		warnings = append(warnings, fmt.Sprintf("processes with the tags %s fetch from the same queues of the Redis at %s: %s; hint: if these are different applications, give each its own database or queues, since each runs the jobs of the other",
			strings.ReplaceAll(names, `" "`, `" and "`), d.place, strings.Join(queues, ", ")))
	}
	return warnings
}

// consumers reports whether a process has the queue among its queues, whether one fetches from it, and whether the heartbeat of one is overdue.
func (d *Dashboard) consumers(queue string) (isListed, isFetched, isOverdue bool) {
	for _, p := range d.processes {
		if slices.Contains(p.Queues, queue) {
			isListed, isFetched, isOverdue = true, isFetched || !p.Quiet && !d.isOverdue(p), isOverdue || d.isOverdue(p)
		}
	}
	return isListed, isFetched, isOverdue
}

const (
	// longestDeploy is the uptime from which a quiet process is warned of: Redis does not hold since when it is quiet.
	longestDeploy = 5 * time.Minute
	// maxHeartbeatAge is three heartbeats, since Sidekiq 7 one in 10 s (BEAT_PAUSE in lib/sidekiq/launcher.rb). Redis keeps the heartbeat of a
	// process that was killed for 60 s (EXPIRE there), during which it looks as if it ran.
	maxHeartbeatAge = 30 * time.Second
)

// isOverdue reports whether the next heartbeat of a process is overdue.
func (d *Dashboard) isOverdue(p process) bool { return d.heartbeatAge(p) > maxHeartbeatAge }

func (d *Dashboard) processWarnings() []string {
	var warnings []string
	for _, p := range d.processes {
		name := fmt.Sprintf("process %d on %s", p.PID, p.Hostname)
		uptime := d.readAt.Sub(p.StartedAt)
		if p.Quiet && uptime > longestDeploy {
			warnings = append(warnings, fmt.Sprintf("%s is quiet: it takes no new jobs until it is restarted, and runs %s; it has been up for %s, and since when it is quiet, Redis does not tell; hint: restart it, unless a deploy is under way",
				name, count(p.Busy, "job", "jobs"), rough(uptime)))
		}
		if p.Hostname == d.hostname && p.StartedAt.Before(d.release.made) {
			warnings = append(warnings, fmt.Sprintf("%s is older than the release: it was up at %s, and %s was made at %s; hint: restart it", name, iso(p.StartedAt), d.release.link, iso(d.release.made)))
		}
		if d.isOverdue(p) {
			warnings = append(warnings, fmt.Sprintf("%s has not beaten for %s; hint: see whether it was killed or hangs, and whether the clocks of both hosts agree", name, rough(d.heartbeatAge(p))))
		}
	}
	return warnings
}

// serverWarnings warns of a Redis that does not suit the Sidekiqs that use it.
func (d *Dashboard) serverWarnings() []string {
	warnings := d.server.Faults(sidekiq.Version{})
	for _, u := range d.users() {
		if fault := d.server.TooOld(u.version, u.name); fault != "" {
			warnings = append(warnings, fault)
		}
	}
	return warnings
}

// user is a Sidekiq that uses the Redis.
type user struct {
	name    string
	version sidekiq.Version
}

// users are the application and the processes, one for each version.
func (d *Dashboard) users() []user {
	users := []user{{"the application", d.version}}
	for _, p := range d.processes {
		version, err := sidekiq.ParseVersion(p.Version)
		if err != nil || slices.ContainsFunc(users, func(u user) bool { return u.version == version }) {
			continue // heartbeats have no version before Sidekiq 6.5
		}
		users = append(users, user{fmt.Sprintf("process %d on %s", p.PID, p.Hostname), version})
	}
	return users
}
