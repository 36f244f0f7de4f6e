package systemdsidekiq

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/atomicfile"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// redisServer is the Redis of the service.
type redisServer struct {
	sidekiq.Found
	environ environ.Environ // of the process that beats in it
	open    func() (store, error)
}

// store is what is asked of Redis.
type store interface {
	Processes() ([]sidekiq.Process, error)
	Jobs(identity string) ([]sidekiq.Job, error)
	Waiting(queue string, most int) ([]sidekiq.Job, error)
	HasSidekiq() (bool, error)
	Server() (sidekiq.Server, error)
	Close() error
}

// lookAtRedis finds it in the environment of a process.
func (f *found) lookAtRedis(p *Params, env environ.Environ) (redisServer, error) {
	s := redisServer{environ: env}
	var err error
	if s.Found, err = sidekiq.FindRedis(p.RedisURL, env, p.AppRoot, p.RailsEnv, atomicfile.NewReader(f.host.root).ReadIfThere); err != nil {
		return s, err
	}
	s.open = func() (store, error) {
		r, err := sidekiq.Open(s.URL, p.RedisNamespace)
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
	if s.ask(func(r store) (err error) { server, err = r.Server(); return err }) != nil {
		return nil
	}
	return server.Faults(v)
}

// ask asks Redis on a connection of its own: between two looks seconds pass.
func (s redisServer) ask(question func(store) error) error {
	if s.open == nil {
		return errNoBeat
	}
	r, err := s.open()
	if err != nil {
		return err
	}
	return errors.Join(question(r), r.Close())
}

// fault is why Redis does not answer, or nil.
func (s redisServer) fault() error {
	if s.open == nil {
		return nil
	}
	return s.ask(func(r store) error {
		_, err := r.HasSidekiq()
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
		err := s.ask(func(r store) (err error) {
			processes, err = r.Processes()
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

// lookAtUnitInUse finds the Redis of the process that was found by what its unit says, which may be another than is wanted.
func (f *found) lookAtUnitInUse(p *Params, root string) error {
	if len(f.workers) == 0 || f.workers[0].inUse.path == "" && f.main.inUse.path == "" {
		f.before = f.now
		return nil
	}
	inUse := f.workers[0].inUse
	if inUse.path == "" {
		inUse = f.main.inUse
	}
	as := *p
	as.AppRoot, as.Environment, as.SecretEnvironment, as.EnvironmentFiles = root, map[string]string{}, nil, nil
	for _, d := range inUse.lines() {
		for _, one := range single(d) {
			switch one.name {
			case "Environment":
				name, value, _ := strings.Cut(one.value, "=")
				as.Environment[name] = value
			case "EnvironmentFile":
				as.EnvironmentFiles = append(as.EnvironmentFiles, unquote(one.value))
			}
		}
	}
	env, err := f.service(&as).Environ()
	if err != nil { // it is away since the process was started
		env = environ.None
	}
	f.before, err = f.lookAtRedis(&as, env)
	return err
}
