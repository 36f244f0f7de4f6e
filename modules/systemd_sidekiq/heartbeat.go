package systemdsidekiq

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/sidekiq"
)

// beatPatience is how long a heartbeat may take: Sidekiq beats once when it starts, then every 5 seconds, from 7.0 every 10.
const beatPatience = 12 * time.Second

// redisServer is the Redis of the service.
type redisServer struct {
	sidekiq.Found
	environ sidekiq.Environ // of the process that beats in it
	open    func() (store, error)
}

// store is what is asked of Redis.
type store interface {
	Processes(context.Context) ([]sidekiq.Process, error)
	Jobs(ctx context.Context, identity string) ([]sidekiq.Job, error)
	Waiting(ctx context.Context, queue string, most int) ([]sidekiq.Job, error)
	HasSidekiq(context.Context) (bool, error)
	Server(context.Context) (sidekiq.Server, error)
	Close() error
}

// lookAtRedis finds it in the environment of a process.
func (f *found) lookAtRedis(p *Params, environ sidekiq.Environ) (redisServer, error) {
	s := redisServer{environ: environ}
	var err error
	if s.Found, err = sidekiq.FindRedis(p.RedisURL, environ, p.AppRoot, p.RailsEnv, f.worker(p).ReadIfThere); err != nil {
		return s, err
	}
	s.open = func() (store, error) {
		r, err := sidekiq.Open(context.Background(), s.URL, p.RedisNamespace)
		if err != nil {
			return nil, err // a nil *Redis would be no nil store
		}
		return r, nil
	}
	return s, nil
}

// faults say whether it suits a Sidekiq, where it is up already.
func (s redisServer) faults(v sidekiq.Version) []string {
	var server sidekiq.Server
	if s.ask(func(ctx context.Context, r store) (err error) { server, err = r.Server(ctx); return err }) != nil {
		return nil
	}
	return server.Faults(v)
}

// ask asks Redis on a connection of its own: between two looks seconds pass.
func (s redisServer) ask(question func(context.Context, store) error) error {
	if s.open == nil {
		return errNoBeat
	}
	r, err := s.open()
	if err != nil {
		return err
	}
	return errors.Join(question(context.Background(), r), r.Close())
}

// fault is why Redis does not answer, or nil.
func (s redisServer) fault() error {
	if s.open == nil {
		return nil
	}
	return s.ask(func(ctx context.Context, r store) error {
		_, err := r.HasSidekiq(ctx)
		return err
	})
}

var errNoBeat = errors.New("no such heartbeat of this process is in Redis")

// beat is the heartbeat of a unit's process now. The error is that of Redis or errNoBeat.
func (s redisServer) beat(u *unit) (sidekiq.Process, error) { return s.awaitBeat(u, 0, anyBeat) }

func anyBeat(sidekiq.Process) bool { return true }

// awaitBeat waits for a heartbeat of the unit's process that fulfils a condition. The error is that of Redis or errNoBeat; when time
// runs out the last heartbeat is returned, too.
func (s redisServer) awaitBeat(u *unit, patience time.Duration, enough func(sidekiq.Process) bool) (last sidekiq.Process, err error) {
	for end := time.Now().Add(patience); ; time.Sleep(500 * time.Millisecond) {
		var processes []sidekiq.Process
		err := s.ask(func(ctx context.Context, r store) (err error) {
			processes, err = r.Processes(ctx)
			return err
		})
		if err != nil {
			return last, err
		}
		for _, p := range processes {
			if p.Hostname != s.hostname() || !isOf(u, p.PID) || !u.isOfThisProcess(p) {
				continue
			}
			if last = p; enough(p) {
				return last, nil
			}
		}
		if time.Now().After(end) {
			return last, errNoBeat
		}
	}
}

// isOf tells whether a process is the main process of a unit or a child of it.
func isOf(u *unit, pid int) bool {
	for range 8 {
		if pid == u.state.MainPID {
			return true
		}
		if pid = parentOf(pid); pid <= 1 {
			return false
		}
	}
	return false
}

// parentOf is 0 where the kernel knows no such process (proc(5), status).
func parentOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "PPid:"); found {
			parent, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				return 0
			}
			return parent
		}
	}
	return 0
}

// isOfThisProcess tells a heartbeat from that of a process before with the same number, which stays in Redis for a minute.
func (u *unit) isOfThisProcess(p sidekiq.Process) bool {
	start, known := u.started()
	return !known || !p.StartedAt.Before(start.Add(-time.Second))
}

// hostname is as Sidekiq takes it (lib/sidekiq/component.rb).
func (s redisServer) hostname() string {
	if dyno, ok := s.environ("DYNO"); ok {
		return dyno
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

func (a *act) isQuiet(u *unit) bool {
	process, err := a.f.before.beat(u)
	return err == nil && process.Quiet
}

// answer is the plan, or what is added to its answer after acting.
type answer interface {
	Set(key string, value any)
	Warn(format string, args ...any)
}

// report answers what runs, and looks at its heartbeat: what the page /sidekiq/busy shows.
func (a *act) report(to answer, u *unit) error {
	process := map[string]any{"unit": u.name, "main_pid": u.state.MainPID, "active_since": u.state.ActiveSince}
	a.running = append(a.running, process)
	to.Set("processes", a.running)
	if u == a.f.main {
		to.Set("main_pid", u.state.MainPID)
		to.Set("active_since", u.state.ActiveSince)
	}
	if a.f.now.open == nil {
		return nil
	}
	beat := map[string]any{"status": "unknown", "source": a.f.now.Source}
	process["heartbeat"] = beat
	if u == a.f.main {
		to.Set("heartbeat", beat)
	}
	seen, err := a.f.now.awaitBeat(u, beatPatience, anyBeat)
	if err != nil {
		return a.unseen(to, u, err)
	}
	beat["status"], beat["concurrency"], beat["busy"], beat["queues"] = "seen", seen.Concurrency, seen.Busy, seen.Queues
	return a.compare(to, u, seen)
}

// unseen judges a heartbeat that was not seen. It is a failure only where it had to be there: a Redis that does not answer, or that
// nobody named and no Sidekiq uses, tells nothing, for the application may know its Redis in a way that only Ruby understands.
func (a *act) unseen(to answer, u *unit, cause error) error {
	if errors.Is(cause, errNoBeat) && a.f.now.isUsed() {
		return fmt.Errorf("%s runs (process %d), but in %v Redis has no heartbeat of it on the host %q: %w (Redis is from %s); hint: journalctl -u %s, or give the Redis of the application as redis_url",
			u.name, u.state.MainPID, beatPatience, a.f.now.hostname(), cause, a.f.now.Source, u.name)
	}
	text := fmt.Sprintf("the heartbeat of process %d was not seen, so whether Sidekiq works is unknown: %v (Redis is from %s); hint: give redis_url", u.state.MainPID, cause, a.f.now.Source)
	if a.p.RequireHeartbeat {
		return errors.New(text)
	}
	to.Warn("%s", text)
	return nil
}

// isUsed tells whether this Redis is that of a Sidekiq: it was named, or has its keys.
func (s redisServer) isUsed() bool {
	used := !s.Guessed
	if s.Guessed {
		_ = s.ask(func(ctx context.Context, r store) (err error) { // an answer that does not come is no key
			used, err = r.HasSidekiq(ctx)
			return err
		})
	}
	return used
}

// compare looks whether the process does what was asked: an initializer of the application may have the last word.
func (a *act) compare(to answer, u *unit, seen sidekiq.Process) error {
	if seen.PID != u.state.MainPID {
		return fmt.Errorf("the heartbeat is that of process %d, a child of %s's main process %d, whose end would kill it with its jobs; hint: let the wrapper exec, or give the path of bundle itself",
			seen.PID, u.name, u.state.MainPID)
	}
	if u.process == nil || a.p.AppRoot == "" {
		return nil
	}
	if seen.Quiet {
		to.Warn("%s is quiet: it takes no new jobs until it is restarted, which is left to the deploy that made it so; hint: state: restarted, unless one is under way", u.name)
	}
	for _, q := range u.process.Queues {
		name, _, _ := strings.Cut(q, ",")
		if !slices.Contains(seen.Queues, name) {
			return fmt.Errorf("%s does not work on queue %q, which was asked for; hint: an initializer of the application may set the queues", u.name, name)
		}
	}
	return a.compareThreads(to, u, seen)
}

func (a *act) compareThreads(to answer, u *unit, seen sidekiq.Process) error {
	wanted, err := a.f.worker(a.p).Threads(a.p.counted(*u.process))
	if err != nil || wanted.Guessed || wanted.Size == seen.Concurrency {
		return nil
	}
	text := fmt.Sprintf("%s has %d threads, not %d (%s); hint: an initializer of the application may set them", u.name, seen.Concurrency, wanted.Size, wanted.By)
	if u.process.Concurrency != nil {
		return errors.New(text)
	}
	to.Warn("%s", text)
	return nil
}
