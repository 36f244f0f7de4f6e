package dashboard

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// Answer returns the dashboard as keys of a module's answer.
func (d *Dashboard) Answer() map[string]any {
	processes, queues := []map[string]any{}, []map[string]any{}
	for _, p := range d.processes {
		processes = append(processes, d.processAnswer(p))
	}
	for _, q := range d.overview.Queues {
		queues = append(queues, map[string]any{"name": q.Name, "size": q.Size, "latency": wholeSeconds(q.Latency)})
	}
	return map[string]any{
		"summary": d.Summary(), "processes": processes, "queues": queues,
		"retries": d.overview.Retries, "scheduled": d.overview.Scheduled, "dead": d.overview.Dead,
		"processed": d.overview.Processed, "failures": d.overview.Failed,
		"processed_today": d.overview.ProcessedToday, "failures_today": d.overview.FailedToday,
		"redis": map[string]any{"place": d.place, "source": d.source, "version": d.server.Version, "maxmemory_policy": d.server.MaxmemoryPolicy},
	}
}

func (d *Dashboard) processAnswer(p process) map[string]any {
	jobs := []map[string]any{}
	for _, j := range p.jobs {
		jobs = append(jobs, map[string]any{"class": j.Class, "jid": j.JID, "queue": j.Queue, "run_at": iso(j.RunAt)})
	}
	return map[string]any{
		"identity": p.Identity, "host": p.Hostname, "pid": p.PID, "tag": p.Tag, "labels": list(p.Labels), "version": p.Version,
		"concurrency": p.Concurrency, "busy": p.Busy, "queues": list(p.Queues), "quiet": p.Quiet, "rss": p.RSS,
		"started_at": iso(p.StartedAt), "beat_age": wholeSeconds(d.heartbeatAge(p)), "jobs": jobs,
	}
}

// Titles are processes that only their titles show, as keys of a module's answer.
func Titles(processes []sidekiq.Process) []map[string]any {
	all := []map[string]any{}
	for _, p := range processes {
		all = append(all, map[string]any{"pid": p.PID, "tag": p.Tag, "version": p.Version, "concurrency": p.Concurrency, "busy": p.Busy, "quiet": p.Quiet})
	}
	return all
}

// heartbeatAge is the age of the last heartbeat, at least 0: the clocks of two hosts differ a little.
func (d *Dashboard) heartbeatAge(p process) time.Duration { return max(0, d.readAt.Sub(p.Beat)) }

// iso formats a time as Ansible's own modules do; "" where it is not known.
func iso(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// wholeSeconds rounds down, as is usual for an age.
func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

// list replaces nil by an empty list: null would be of a wrong type.
func list(items []string) []string { return append([]string{}, items...) }

// Summary returns the dashboard in one line.
func (d *Dashboard) Summary() string {
	threads, busy, quiet := 0, 0, 0
	for _, p := range d.processes {
		threads += p.Concurrency
		busy += p.Busy
		if p.Quiet {
			quiet++
		}
	}
	processes := count(len(d.processes), "process", "processes")
	if quiet > 0 {
		processes += fmt.Sprintf(" (%d quiet)", quiet)
	}
	return fmt.Sprintf("%s, %s (%d busy), %s; %s, %d scheduled, %d dead", processes,
		count(threads, "thread", "threads"), busy, summarizeQueues(d.overview.Queues), count(d.overview.Retries, "retry", "retries"),
		d.overview.Scheduled, d.overview.Dead)
}

// maxQueues is how many queues the summary names, so that it stays one line.
const maxQueues = 5

// summarizeQueues names the queues; of many, the largest.
func summarizeQueues(queues []sidekiq.Backlog) string {
	if len(queues) == 0 {
		return "queues empty"
	}
	named, more := queues, ""
	if len(queues) > maxQueues {
		sorted := slices.Clone(queues)
		sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Size > sorted[j].Size })
		named, more = sorted[:maxQueues], fmt.Sprintf(" and %d more", len(queues)-maxQueues)
	}
	var texts []string
	for _, q := range named {
		text := fmt.Sprintf("%s %d", q.Name, q.Size)
		if q.Size > 0 {
			text += " (" + rough(q.Latency) + ")"
		}
		texts = append(texts, text)
	}
	return "queues " + strings.Join(texts, ", ") + more
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// rough is a duration in its largest suitable unit, rounded down: 4 s, 12 min, 3 h, 2 days.
func rough(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
