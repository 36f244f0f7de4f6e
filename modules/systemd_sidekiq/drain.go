package systemdsidekiq

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// quiet plans the states in which Sidekiq takes no new jobs: reloaded at once, drained when the running ones have ended.
func (a *act) quiet() error {
	if !a.f.main.state.Exists() {
		return fmt.Errorf("there is no %s; hint: state: started with app_root makes it", a.f.main.name)
	}
	a.Set("status", a.p.State)
	for _, u := range a.f.workers {
		if !u.state.Up() {
			continue
		}
		// One that has just been started would not hear the signal.
		process, err := a.f.before.awaitBeat(u, beatPatience, anyBeat)
		if err != nil {
			a.Warn("whether %s hears it is not known: its heartbeat was not seen: %v", u.name, err)
		}
		switch {
		case a.p.State == "drained" && !(process.Quiet && process.Busy == 0):
			a.drainStep(u)
		case a.p.State == "reloaded" && !process.Quiet:
			a.Add(ansible.Step{Title: "quiet " + u.name, Do: func(*ansible.Late) error { return a.f.systemctl.Signal(u.name, quietSignal) }})
		}
	}
	return nil
}

func (a *act) drainStep(u *unit) {
	a.Add(ansible.Step{Title: "drain " + u.name, Do: func(late *ansible.Late) error {
		left, err := a.wait(late, u)
		switch {
		case err != nil:
			return ansible.Keep(ansible.Partial(err))
		case len(left) > 0:
			return ansible.Keep(ansible.Partial(fmt.Errorf("%d jobs still run after %d s: %s; hint: a larger drain_timeout", len(left), a.p.DrainTimeout, jobList(left))))
		}
		return nil
	}})
}

// drain lets the running jobs end before a process is stopped: Sidekiq is told to take no new ones, and waited for. What cannot be seen is
// not waited for: Sidekiq's own timeout follows in any case.
func (a *act) drain(late *ansible.Late, u *unit) error {
	if a.p.DrainTimeout == 0 || !u.state.Up() {
		return nil
	}
	if _, err := a.f.before.beat(u); err != nil {
		late.Warn("running jobs of %s were not waited for, since the heartbeat of process %d was not seen: %v", u.name, u.state.MainPID, err)
		return nil
	}
	// Whoever finds it quiet, and this run ended, is to know that no deploy did it.
	if err := a.f.note(quietPath(u), u.identity()); err != nil {
		return err
	}
	left, err := a.wait(late, u)
	if err != nil {
		late.Warn("running jobs of %s were not waited for to the end: %v", u.name, err)
	}
	if len(left) > 0 {
		late.Warn("%d jobs of %s still ran after %d s; Sidekiq gives them its own timeout and pushes back what remains: %s", len(left), u.name, a.p.DrainTimeout, jobList(left))
	}
	u.left = left
	return nil
}

// quietSignal has Sidekiq take no new jobs. It is sent, and not left to ExecReload=: the unit of others may have none, and one that was just
// rewritten would run it as the new process, not as the old.
const quietSignal = "TSTP"

// wait makes a process quiet, waits at most drain_timeout until no job runs, and returns those that do. Only a heartbeat after the
// signal tells the truth.
func (a *act) wait(late *ansible.Late, u *unit) ([]sidekiq.Job, error) {
	start := time.Now()
	if err := a.f.systemctl.Signal(u.name, quietSignal); err != nil {
		return nil, err
	}
	process, err := a.f.before.awaitBeat(u, time.Duration(a.p.DrainTimeout)*time.Second, func(p sidekiq.Process) bool {
		return p.Beat.After(start) && p.Busy == 0
	})
	if err != nil && !errors.Is(err, errNoBeat) {
		return nil, err
	}
	if !process.Beat.After(start) {
		return nil, fmt.Errorf("it did not beat in %d s after it was told to take no new jobs, so whether any runs is not known", a.p.DrainTimeout)
	}
	late.Set("drained", map[string]any{"busy": process.Busy, "seconds": int(time.Since(start).Seconds())})
	if process.Busy == 0 {
		return nil, nil
	}
	var jobs []sidekiq.Job
	err = a.f.before.ask(func(r store) (err error) {
		jobs, err = r.Jobs(process.Identity)
		return err
	})
	return jobs, err
}

func jobList(jobs []sidekiq.Job) string {
	var all []string
	for _, j := range jobs {
		all = append(all, fmt.Sprintf("%s %s (%s)", j.Class, j.JID, runTime(j)))
	}
	return strings.Join(all, ", ")
}

func runTime(j sidekiq.Job) time.Duration { return time.Since(j.RunAt).Round(time.Second) }

// restart starts a unit, or restarts it in one step of systemd's, so that the worker comes back whatever happens to us.
func (a *act) restart(late *ansible.Late, u *unit) error {
	if !u.ran && u.state.Stopped() || u.stopped { // what holds several together may have started it by now
		return errors.Join(a.f.systemctl.ResetFailed(u.name), a.f.systemctl.Start(u.name))
	}
	return a.watching(late, u, func() error { return a.f.systemctl.Restart(u.name) })
}

// watching does what ends a process, and meanwhile looks for the jobs that it pushes back: it does that right before it ends, and a new one
// needs a second at least to boot and take them.
func (a *act) watching(late *ansible.Late, u *unit, end func() error) error {
	if len(u.left) == 0 {
		return end()
	}
	done := ansible.Async(end)
	back := map[string]bool{}
	for {
		select {
		case err := <-done:
			a.f.before.lookForPushedBack(u.left, back)
			late.Set("interrupted", describe(u.left, back))
			return err
		case <-time.After(100 * time.Millisecond):
			a.f.before.lookForPushedBack(u.left, back)
		}
	}
}

// lookForPushedBack notes which jobs wait in their queues.
func (s redisServer) lookForPushedBack(jobs []sidekiq.Job, back map[string]bool) {
	_ = s.ask(func(r store) error { // a look that fails sees nothing; the next may
		for _, j := range jobs {
			waiting, err := r.Waiting(j.Queue, 10*len(jobs))
			if err != nil {
				return err
			}
			if slices.ContainsFunc(waiting, func(w sidekiq.Job) bool { return w.JID == j.JID }) {
				back[j.JID] = true
			}
		}
		return nil
	})
}

func describe(jobs []sidekiq.Job, back map[string]bool) []map[string]any {
	all := []map[string]any{}
	for _, j := range jobs {
		all = append(all, map[string]any{"class": j.Class, "jid": j.JID, "queue": j.Queue, "seconds": int(runTime(j).Seconds()), "pushed_back": back[j.JID]})
	}
	return all
}
