package sidekiq

import (
	"slices"
	"strconv"
	"strings"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/lazyregexp"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
)

var processTitle = lazyregexp.New(`^sidekiq (\S+) (?:(.*) )?\[(\d{1,6}) of (\d{1,6}) busy\](.*)$`)

// stopping is the word in the title of a quiet process.
const stopping = "stopping"

var cutTitle = lazyregexp.New(`^sidekiq (\d\S*) `)

// ParseTitle reads the title of a process, which Sidekiq writes on each heartbeat, also while Redis does not answer (lib/sidekiq/launcher.rb,
// PROCTITLES): `sidekiq VERSION TAG [BUSY of THREADS busy]`, with `stopping` behind it once the process is quiet. It has no identity, queues and times.
//
// Ruby 3.1 and older cut a title off at the length of the command line (measured with 2.7 and 3.1; 3.3 overwrites the environment instead).
// Concurrency is then 0: neither the threads nor the running jobs are known.
func ParseTitle(text string) (p Process, isTitle bool) {
	m := processTitle().FindStringSubmatch(text)
	if m == nil {
		m = cutTitle().FindStringSubmatch(text)
		if m == nil {
			return Process{}, false
		}
		return Process{Version: m[1]}, true
	}
	p = Process{Version: m[1], Tag: m[2], Quiet: slices.ContainsFunc(strings.Fields(m[5]), func(word string) bool { return strings.HasPrefix(stopping, word) })}
	var err, threadsErr error
	p.Busy, err = strconv.Atoi(m[3])
	p.Concurrency, threadsErr = strconv.Atoi(m[4])
	return p, err == nil && threadsErr == nil
}

// Titles returns what the title of the main process shows, or else those of its descendants: the processes of a swarm, or the one of a wrapper.
func (m MainProcess) Titles() []Process {
	if p, isTitle := titleOf(m.Process); isTitle {
		return []Process{p}
	}
	var all []Process
	for _, child := range m.Descendants() {
		if p, isTitle := titleOf(child); isTitle {
			all = append(all, p)
		}
	}
	return all
}

func titleOf(process proc.Process) (Process, bool) {
	text, room, err := process.Title()
	if err != nil {
		return Process{}, false
	}
	p, isTitle := ParseTitle(text)
	p.PID, p.HidesQuiet = process.PID, !p.Quiet && room <= len(stopping)
	return p, isTitle
}

// Sum returns several processes as one: their threads and jobs together, the identity of the first, the earliest heartbeat. It is quiet if all are.
func Sum(processes []Process) Process {
	if len(processes) == 0 {
		return Process{}
	}
	sum := processes[0]
	for _, p := range processes[1:] {
		sum.Concurrency += p.Concurrency
		sum.Busy += p.Busy
		sum.Quiet = sum.Quiet && p.Quiet
		sum.HidesQuiet = sum.HidesQuiet || p.HidesQuiet
		if p.Beat.Before(sum.Beat) {
			sum.Beat = p.Beat
		}
		for _, queue := range p.Queues {
			if !slices.Contains(sum.Queues, queue) {
				sum.Queues = append(slices.Clip(sum.Queues), queue)
			}
		}
	}
	return sum
}
