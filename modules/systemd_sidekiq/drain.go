package systemdsidekiq

import (
	"fmt"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/notes"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

func (p *planner) stop(u *unit) {
	p.end(u, "stop "+u.id(), func(*ansible.Late) error { return p.systemctlOf(u).Stop(u.name) })
}

// drainAndStop plans the end of a process that does not run again, or only with another unit.
func (p *planner) drainAndStop(u *unit, why string) {
	p.end(u, "drain and stop "+u.id()+why, func(late *ansible.Late) error {
		left, err := p.drain(late, u)
		if err != nil {
			return err
		}
		return p.watch(late, left, func() error { return p.systemctlOf(u).Stop(u.name) })
	})
}

// end plans the end of a unit, once.
func (p *planner) end(u *unit, title string, stop func(*ansible.Late) error) {
	if u.state.Stopped() || p.stopped[u.id()] {
		return
	}
	p.stopped[u.id()] = true
	p.Add(ansible.Step{Title: title, Do: stop, Undo: func() error { return p.systemctlOf(u).Start(u.name) }})
}

// quiet plans the states in which Sidekiq fetches no new jobs: reloaded at once, drained when the running ones have ended.
func (p *planner) quiet() error {
	if !p.main().state.Exists() {
		return fmt.Errorf("there is no %s; hint: state: started with app_root makes it", p.main().name)
	}
	p.status = p.State
	for _, u := range p.workers() {
		if !u.ran() {
			continue
		}
		// A process that is still booting does not handle the signal.
		e := p.search(u, p.root()).Observe(p.mainProcess(u))
		if e.By == sidekiq.ByUptime {
			p.Warn("%s may still be booting and ignore the signal: process %d has no title of Sidekiq, and %v", u.name, u.state.MainPID, e.Missing)
		}
		process := sidekiq.Sum(e.Processes)
		switch {
		case p.State == "drained" && !p.isDrained(u, e):
			p.Add(p.drainStep(u))
		case p.State == "reloaded" && !process.Quiet:
			p.Add(ansible.Step{Title: "quiet " + u.name, Do: func(*ansible.Late) error { return p.systemctl.Signal(u.name, quietSignal) }})
		}
	}
	return nil
}

// isDrained reports whether a process was drained before.
func (p *planner) isDrained(u *unit, e sidekiq.Evidence) bool {
	process := sidekiq.Sum(e.Processes)
	isDrained := process.Quiet && process.Busy == 0
	if isDrained && e.By == sidekiq.ByTitle {
		_, isDrained = sidekiq.AwaitIdle(p.mainProcess(u), sidekiq.Client{}, time.Now(), sidekiq.BeatPause(process)+time.Second)
	}
	return isDrained
}

func (p *planner) drainStep(u *unit) ansible.Step {
	return ansible.Step{Title: "drain " + u.name, Partial: true, OnFailure: ansible.KeepAll, Do: func(late *ansible.Late) error {
		redis, _, _ := p.search(u, p.root()).Locate(p.mainProcess(u)) // without a heartbeat there is the title
		left, err := p.wait(late, u, redis)
		if err == nil && left.count > 0 {
			err = fmt.Errorf("%s; hint: increase drain_timeout", left.text(p.DrainTimeout, "still running"))
		}
		return err
	}}
}

func (p *planner) isQuiet(u *unit) bool {
	main := p.mainProcess(u)
	title := sidekiq.Sum(main.Titles())
	if title.Quiet || title.Concurrency > 0 && !title.HidesQuiet {
		return title.Quiet
	}
	_, heartbeats, _ := p.search(u, p.root()).Locate(main) // without one it is not known to be quiet
	return sidekiq.Sum(heartbeats).Quiet
}

// remaining are the jobs that a process still runs, and the Redis in which they are listed. Without it only their number is known.
type remaining struct {
	count int
	jobs  []sidekiq.Job
	redis sidekiq.Client
}

func (r remaining) text(seconds int, state string) string {
	jobs := "jobs"
	if r.count == 1 {
		jobs = "job"
	}
	text := fmt.Sprintf("%d %s %s after %d s", r.count, jobs, state, seconds)
	if len(r.jobs) > 0 {
		text += ": " + jobList(r.jobs)
	}
	return text
}

// drain waits for the running jobs before a process is stopped, and returns those that still run after drain_timeout. It does not wait for a process
// that shows neither a heartbeat nor a title: Sidekiq's shutdown timeout follows in any case.
func (p *planner) drain(to answer, u *unit) (remaining, error) {
	if p.DrainTimeout == 0 || !u.ran() {
		return remaining{}, nil
	}
	main := p.mainProcess(u)
	redis, _, missing := p.search(u, p.root()).Locate(main)
	if missing != nil && sidekiq.Sum(main.Titles()).Concurrency == 0 {
		to.Warn("did not wait for running jobs of %s: the title of process %d does not show them, and %v", u.id(), u.state.MainPID, missing)
		return remaining{}, nil
	}
	// If this run is killed before the restart, the next one has to know that no deploy made the process quiet.
	if err := p.notes().Write(u.id(), notes.Quiet, u.state.Identity(), ""); err != nil {
		return remaining{}, err
	}
	left, err := p.wait(to, u, redis)
	if err != nil {
		to.Warn("stopped waiting for running jobs of %s: %v", u.id(), err)
	}
	if left.count > 0 {
		to.Warn("%s: %s; Sidekiq's shutdown timeout begins now, then it pushes the rest back", u.id(), left.text(p.DrainTimeout, "still running"))
	}
	return left, nil
}

// quietSignal makes Sidekiq quiet. ExecReload= does not serve: units of others may have none, and that of a unit which was just rewritten is meant
// for the new process.
const quietSignal = "TSTP"

// wait makes a process quiet, waits at most drain_timeout until no job runs, and returns those that do.
func (p *planner) wait(to answer, u *unit, redis sidekiq.Client) (remaining, error) {
	start := time.Now()
	if err := p.systemctlOf(u).Signal(u.name, quietSignal); err != nil {
		return remaining{}, err
	}
	last, isIdle := sidekiq.AwaitIdle(p.mainProcess(u), redis, start, time.Duration(p.DrainTimeout)*time.Second)
	left := remaining{count: last.Busy, redis: redis}
	if !isIdle && redis.IsKnown() {
		var err error
		if left.jobs, err = redis.JobsOf(p.mainProcess(u)); err != nil {
			to.Warn("the running jobs of %s cannot be listed: %v", u.id(), err)
		}
		left.count = max(left.count, len(left.jobs))
	}
	if !isIdle && left.count == 0 {
		return left, fmt.Errorf("neither a heartbeat nor two beats of the title of process %d showed within %d s that no job runs; hint: increase drain_timeout", u.state.MainPID, p.DrainTimeout)
	}
	to.Set("drained", map[string]any{"busy": left.count, "seconds": int(time.Since(start).Seconds())})
	return left, nil
}

func jobList(jobs []sidekiq.Job) string {
	var all []string
	for _, j := range jobs {
		all = append(all, j.String())
	}
	return strings.Join(all, ", ")
}

// watch calls end for a process in which the jobs left still run, and reports which of them it pushes back: it does so right before it exits, and a
// new process needs at least a second to boot and fetch them.
func (p *planner) watch(to answer, left remaining, end func() error) error {
	if len(left.jobs) == 0 {
		return end()
	}
	done := ansible.Async(end)
	pushedBack := map[string]bool{}
	for {
		select {
		case err := <-done:
			left.redis.FindPushedBack(left.jobs, pushedBack)
			to.Set("interrupted", describe(left.jobs, pushedBack))
			return err
		case <-time.After(100 * time.Millisecond):
			left.redis.FindPushedBack(left.jobs, pushedBack)
		}
	}
}

func describe(jobs []sidekiq.Job, pushedBack map[string]bool) []map[string]any {
	all := []map[string]any{}
	for _, j := range jobs {
		all = append(all, map[string]any{"class": j.Class, "jid": j.JID, "queue": j.Queue, "seconds": int(j.RunTime().Seconds()), "pushed_back": pushedBack[j.JID]})
	}
	return all
}
