package systemdsidekiq

import (
	"fmt"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

func (p *planner) stop(u *unit) {
	p.end(u, "stop "+u.name, func(*ansible.Late) error { return p.systemctl.Stop(u.name) })
}

// drainAndStop plans the end of a process that does not run again, or only with another unit.
func (p *planner) drainAndStop(u *unit, why string) {
	p.end(u, "drain and stop "+u.name+why, func(late *ansible.Late) error {
		left, err := p.drain(late, u)
		if err != nil {
			return err
		}
		return p.watch(late, left, func() error { return p.systemctl.Stop(u.name) })
	})
}

// end plans the end of a unit, once.
func (p *planner) end(u *unit, title string, stop func(*ansible.Late) error) {
	if u.state.Stopped() || p.stopped[u.name] {
		return
	}
	p.stopped[u.name] = true
	p.Add(ansible.Step{Title: title, Do: stop, Undo: func() error { return p.systemctl.Start(u.name) }})
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
		process, err := p.redisInUse.FirstHeartbeat(u.mainProcess())
		if err != nil {
			p.Warn("whether %s hears it is not known: its heartbeat was not seen: %v", u.name, err)
		}
		switch {
		case p.State == "drained" && !(process.Quiet && process.Busy == 0):
			p.Add(p.drainStep(u))
		case p.State == "reloaded" && !process.Quiet:
			p.Add(ansible.Step{Title: "quiet " + u.name, Do: func(*ansible.Late) error { return p.systemctl.Signal(u.name, quietSignal) }})
		}
	}
	return nil
}

func (p *planner) drainStep(u *unit) ansible.Step {
	return ansible.Step{Title: "drain " + u.name, Partial: true, OnFailure: ansible.KeepAll, Do: func(late *ansible.Late) error {
		left, err := p.wait(late, u)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d jobs still run after %d s: %s; hint: a larger drain_timeout", len(left), p.DrainTimeout, jobList(left))
		}
		return err
	}}
}

func (p *planner) isQuiet(u *unit) bool {
	process, err := p.redisInUse.Heartbeat(u.mainProcess())
	return err == nil && process.Quiet
}

// drain waits for the running jobs before a process is stopped, and returns those that still run after drain_timeout. It does not wait without a
// heartbeat: Sidekiq's shutdown timeout follows in any case.
func (p *planner) drain(to answer, u *unit) ([]sidekiq.Job, error) {
	if p.DrainTimeout == 0 || !u.ran() {
		return nil, nil
	}
	if _, err := p.redisInUse.Heartbeat(u.mainProcess()); err != nil {
		to.Warn("running jobs of %s were not waited for, since the heartbeat of process %d was not seen: %v", u.name, u.state.MainPID, err)
		return nil, nil
	}
	// If this run is killed before the restart, the next one has to know that no deploy made the process quiet.
	if err := p.note(u.name, quietNote, u.identity()); err != nil {
		return nil, err
	}
	left, err := p.wait(to, u)
	if err != nil {
		to.Warn("running jobs of %s were not waited for to the end: %v", u.name, err)
	}
	if len(left) > 0 {
		to.Warn("%d jobs of %s still ran after %d s; Sidekiq gives them its own timeout and pushes back what remains: %s", len(left), u.name, p.DrainTimeout, jobList(left))
	}
	return left, nil
}

// quietSignal makes Sidekiq quiet. ExecReload= does not serve: units of others may have none, and that of a unit which was just rewritten is meant
// for the new process.
const quietSignal = "TSTP"

// wait makes a process quiet, waits at most drain_timeout until no job runs, and returns those that do. Only a heartbeat after the
// signal is evidence.
func (p *planner) wait(to answer, u *unit) ([]sidekiq.Job, error) {
	start := time.Now()
	if err := p.systemctl.Signal(u.name, quietSignal); err != nil {
		return nil, err
	}
	process, err := p.redisInUse.AwaitIdle(u.mainProcess(), start, time.Duration(p.DrainTimeout)*time.Second)
	if err != nil {
		return nil, err
	}
	if !process.Beat.After(start) {
		return nil, fmt.Errorf("it did not beat in %d s after it was told to take no new jobs, so whether any runs is not known", p.DrainTimeout)
	}
	to.Set("drained", map[string]any{"busy": process.Busy, "seconds": int(time.Since(start).Seconds())})
	if process.Busy == 0 {
		return nil, nil
	}
	return p.redisInUse.Jobs(process.Identity)
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
func (p *planner) watch(to answer, left []sidekiq.Job, end func() error) error {
	if len(left) == 0 {
		return end()
	}
	done := ansible.Async(end)
	pushedBack := map[string]bool{}
	for {
		select {
		case err := <-done:
			p.redisInUse.FindPushedBack(left, pushedBack)
			to.Set("interrupted", describe(left, pushedBack))
			return err
		case <-time.After(100 * time.Millisecond):
			p.redisInUse.FindPushedBack(left, pushedBack)
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
