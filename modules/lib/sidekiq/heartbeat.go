package sidekiq

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Process is a Sidekiq process as its heartbeat shows it.
type Process struct {
	Identity    string // hostname:pid:nonce
	Hostname    string
	PID         int
	Tag         string
	Version     string // "" before 6.5
	Concurrency int
	Busy        int // threads that run a job
	Queues      []string
	Quiet       bool // it takes no new jobs
	HidesQuiet  bool // of a title: it has no room to show that
	StartedAt   time.Time
	Beat        time.Time // the last heartbeat, at most 60 s ago
	RSS         int64     // memory, in bytes; 0 before 6.1.3
	Labels      []string
}

// Processes are the Sidekiq processes that beat, sorted by identity. One that died leaves its heartbeat for a minute.
func (r *Redis) Processes() ([]Process, error) {
	identities, err := r.list("SMEMBERS", r.prefix+"processes")
	if err != nil {
		return nil, err
	}
	slices.Sort(identities)
	var processes []Process
	for _, identity := range identities {
		fields, err := r.hash(identity)
		if err != nil {
			return nil, err
		}
		if fields["info"] == "" { // it died, and its entry has expired
			continue
		}
		p, err := parseProcess(identity, fields)
		if err != nil {
			return nil, r.at(err)
		}
		processes = append(processes, p)
	}
	return processes, nil
}

// processInfo is the field info, which changes rarely.
type processInfo struct {
	Hostname    string   `json:"hostname"`
	PID         int      `json:"pid"`
	Tag         string   `json:"tag"`
	Version     string   `json:"version"`
	StartedAt   float64  `json:"started_at"`
	Concurrency int      `json:"concurrency"` // until 8.1.1; later a field of its own
	Queues      []string `json:"queues"`
	Labels      []string `json:"labels"`
	Capsules    map[string]struct {
		Weights map[string]int `json:"weights"`
	} `json:"capsules"` // since 8.0.9
}

// maxInfo is more than the field info of any process has. Decoded JSON may be ten times as large.
const maxInfo = 64 << 10

func parseProcess(identity string, fields map[string]string) (Process, error) {
	misunderstood := func(field, what string) (Process, error) {
		return Process{}, fmt.Errorf("the heartbeat of %.100q is not understood: %s is not %s", identity, field, what)
	}
	var info processInfo
	if text := fields["info"]; len(text) > maxInfo || json.Unmarshal([]byte(text), &info) != nil {
		return misunderstood("info", "the JSON of a process")
	}
	p := Process{Identity: identity, Hostname: info.Hostname, PID: info.PID, Tag: info.Tag, Version: info.Version,
		Concurrency: info.Concurrency, Queues: info.queues(), Labels: info.Labels, Quiet: fields["quiet"] == "true", StartedAt: epoch(info.StartedAt)}
	var kilobytes int
	for name, field := range map[string]*int{"concurrency": &p.Concurrency, "busy": &p.Busy, "rss": &kilobytes} {
		if text, set := fields[name]; set {
			number, err := strconv.Atoi(text)
			if err != nil {
				return misunderstood(name, "a number")
			}
			*field = number
		}
	}
	p.RSS = int64(kilobytes) * 1024
	beat, err := strconv.ParseFloat(fields["beat"], 64)
	if err != nil {
		return misunderstood("beat", "a time")
	}
	p.Beat = epoch(beat)
	return p, nil
}

// queues are those of the process, of all its capsules.
func (i processInfo) queues() []string {
	if len(i.Queues) > 0 {
		return i.Queues
	}
	var all []string
	for _, capsule := range i.Capsules {
		for queue := range capsule.Weights {
			all = append(all, queue)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// leastMilliseconds is 1973 in milliseconds and the year 5138 in seconds.
const leastMilliseconds = 1e11

// epoch reads a time as Sidekiq writes it: seconds, and in the fields of jobs since 8.0 milliseconds (Changes.md).
func epoch(number float64) time.Time {
	if number >= leastMilliseconds {
		return time.UnixMilli(int64(number))
	}
	return time.UnixMicro(int64(number * 1e6))
}
