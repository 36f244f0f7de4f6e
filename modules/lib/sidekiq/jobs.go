package sidekiq

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"
)

// Job is a job that runs or waits. What is not understood of it is left out.
type Job struct {
	Class string // of the application: that of an ActiveJob, not of its wrapper
	JID   string
	Queue string
	RunAt time.Time // since when it runs, in whole seconds; zero while it waits
}

// RunTime is how long it has run, in whole seconds.
func (j Job) RunTime() time.Duration { return time.Since(j.RunAt).Round(time.Second) }

// String is the job for messages.
func (j Job) String() string { return fmt.Sprintf("%s %s (%s)", j.Class, j.JID, j.RunTime()) }

// Jobs are the jobs that a process ran when it beat last, the longest first. Their key is `IDENTITY:work` since 6.4.2, `:workers`
// before.
func (r *Redis) Jobs(identity string) ([]Job, error) {
	for _, key := range []string{identity + ":work", identity + ":workers"} {
		threads, err := r.hash(key)
		if err != nil {
			return nil, err
		}
		if len(threads) > 0 {
			return runningJobs(threads), nil
		}
	}
	return nil, nil
}

func runningJobs(threads map[string]string) []Job {
	var jobs []Job
	for _, text := range threads {
		var work struct {
			Queue   string          `json:"queue"`
			Payload json.RawMessage `json:"payload"`
			RunAt   float64         `json:"run_at"`
		}
		_ = json.Unmarshal([]byte(text), &work) // what is not understood is an empty job: the thread is busy all the same
		job := payload(work.Payload).job(work.Queue)
		if work.RunAt > 0 {
			job.RunAt = epoch(work.RunAt)
		}
		jobs = append(jobs, job)
	}
	sort.Slice(jobs, func(i, j int) bool {
		if order := jobs[i].RunAt.Compare(jobs[j].RunAt); order != 0 {
			return order < 0
		}
		return jobs[i].JID+jobs[i].Queue < jobs[j].JID+jobs[j].Queue
	})
	return jobs
}

// Waiting are the jobs of a queue that are fetched next, the next first, and no more than most.
func (r *Redis) Waiting(queue string, most int) ([]Job, error) {
	if most < 1 {
		return nil, nil
	}
	texts, err := r.list("LRANGE", r.prefix+"queue:"+queue, strconv.Itoa(-most), "-1")
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for _, text := range slices.Backward(texts) { // fetched from the right (lib/sidekiq/fetch.rb, BRPOP)
		jobs = append(jobs, payload([]byte(text)).job(queue))
	}
	return jobs, nil
}

// item holds the fields of a job's JSON that are wanted, whatever their types are.
type item struct {
	Class      json.RawMessage `json:"class"`
	Wrapped    json.RawMessage `json:"wrapped"`
	JID        json.RawMessage `json:"jid"`
	EnqueuedAt json.RawMessage `json:"enqueued_at"`
	CreatedAt  json.RawMessage `json:"created_at"`
}

// payload reads a job: an object, or, among the running jobs of newer versions, such an object as text (lib/sidekiq/api.rb, WorkSet).
func payload(raw []byte) item {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = []byte(text)
	}
	var i item
	_ = json.Unmarshal(raw, &i) // Sidekiq itself buries what is no JSON
	return i
}

func (i item) job(queue string) Job {
	job := Job{Queue: queue}
	job.Class, _ = decode[string](i.Class)
	if wrapped, isText := decode[string](i.Wrapped); isText && wrapped != "" {
		job.Class = wrapped
	}
	job.JID, _ = decode[string](i.JID)
	return job
}

// decode is a value of JSON if it has that type.
func decode[T any](raw json.RawMessage) (value T, fits bool) {
	fits = len(raw) > 0 && string(raw) != "null" && json.Unmarshal(raw, &value) == nil
	return value, fits
}

// enqueued is since when the job is in its queue, as far as it tells.
func (i item) enqueued() (at time.Time, known bool) {
	for _, field := range []json.RawMessage{i.EnqueuedAt, i.CreatedAt} {
		if number, isNumber := decode[float64](field); isNumber {
			return epoch(number), true
		}
	}
	return time.Time{}, false
}
