package sidekiqinfo

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// report adds the facts to the answer.
func report(plan *ansible.Plan, f *facts, now time.Time) {
	processes, queues := []map[string]any{}, []map[string]any{}
	for _, p := range f.processes {
		processes = append(processes, p.answer(now))
	}
	for _, q := range f.overview.Queues {
		queues = append(queues, map[string]any{"name": q.Name, "size": q.Size, "latency": wholeSeconds(q.Latency)})
	}
	for key, value := range map[string]any{
		"summary": f.summary(), "processes": processes, "queues": queues,
		"retries": f.overview.Retries, "scheduled": f.overview.Scheduled, "dead": f.overview.Dead,
		"processed": f.overview.Processed, "failures": f.overview.Failed,
		"processed_today": f.overview.ProcessedToday, "failures_today": f.overview.FailedToday,
		"redis": map[string]any{"place": f.place, "source": f.source, "version": f.server.Version, "maxmemory_policy": f.server.MaxmemoryPolicy},
	} {
		plan.Set(key, value)
	}
}

func (p process) answer(now time.Time) map[string]any {
	jobs := []map[string]any{}
	for _, j := range p.jobs {
		jobs = append(jobs, map[string]any{"class": j.Class, "jid": j.JID, "queue": j.Queue, "run_at": iso(j.RunAt)})
	}
	return map[string]any{
		"identity": p.Identity, "host": p.Hostname, "pid": p.PID, "tag": p.Tag, "labels": list(p.Labels), "version": p.Version,
		"concurrency": p.Concurrency, "busy": p.Busy, "queues": list(p.Queues), "quiet": p.Quiet, "rss": p.RSS,
		"started_at": iso(p.StartedAt), "beat_age": wholeSeconds(p.age(now)), "jobs": jobs,
	}
}

// age is that of the last heartbeat, never less than 0, for clocks differ a little.
func (p process) age(now time.Time) time.Duration { return max(0, now.Sub(p.Beat)) }

// iso is a time as Ansible's own modules write it; "" where it is not known.
func iso(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// wholeSeconds are rounded down, as an age in seconds is.
func wholeSeconds(d time.Duration) int64 { return int64(d / time.Second) }

// list makes an empty list of nil: null would be a wrong type.
func list(items []string) []string { return append([]string{}, items...) }

// summary is all in one line.
func (f *facts) summary() string {
	threads, busy := 0, 0
	for _, p := range f.processes {
		threads += p.Concurrency
		busy += p.Busy
	}
	return fmt.Sprintf("%s, %s (%d busy), %s; %s, %d scheduled, %d dead", count(len(f.processes), "process", "processes"),
		count(threads, "thread", "threads"), busy, inQueues(f.overview.Queues), count(f.overview.Retries, "retry", "retries"),
		f.overview.Scheduled, f.overview.Dead)
}

// mostQueues is how many queues the summary names, so that it stays one line.
const mostQueues = 5

// inQueues names the queues; of many, those in which most jobs wait.
func inQueues(queues []sidekiq.Backlog) string {
	if len(queues) == 0 {
		return "queues empty"
	}
	named, more := queues, ""
	if len(queues) > mostQueues {
		sorted := slices.Clone(queues)
		sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Size > sorted[j].Size })
		named, more = sorted[:mostQueues], fmt.Sprintf(" and %d more", len(queues)-mostQueues)
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

// rough is a time as people say it: 4 s, 12 min, 3 h, 2 days. It is rounded down.
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
