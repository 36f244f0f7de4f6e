package systemdsidekiq

import (
	"errors"
	"os"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/proc"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/systemd"
)

// redisServer is the Redis of the service. The zero value is one that is not known.
type redisServer struct {
	sidekiq.Found
	hostname string                // in heartbeats of this host
	open     func() (store, error) // makes a connection
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

// redisServer finds it by the environment of a process.
func (g *gatherer) redisServer(env environ.Environ, appRoot string) (redisServer, error) {
	found, err := sidekiq.FindRedis(g.RedisURL, env, appRoot, g.RailsEnv, g.files.ReadIfThere)
	if err != nil {
		return redisServer{}, err
	}
	return redisServer{found, hostname(env), func() (store, error) {
		r, err := sidekiq.Open(found.URL, g.RedisNamespace)
		if err != nil {
			return nil, err // a nil *Redis would be a store
		}
		return r, nil
	}}, nil
}

// hostname is as Sidekiq takes it (lib/sidekiq/component.rb), "" where the host has none.
func hostname(env environ.Environ) string {
	if dyno, isSet := env("DYNO"); isSet {
		return dyno
	}
	name, _ := os.Hostname() // without one no heartbeat is this host's
	return name
}

// redisInUse is the Redis of the process that runs, by what its unit says; the zero value where there is no unit.
func (g *gatherer) redisInUse(s service, root string) (redisServer, error) {
	workers := s.workers()
	if len(workers) == 0 {
		return redisServer{}, nil
	}
	installed := workers[0].installed
	if installed.Path == "" {
		installed = s.main().installed
	}
	if installed.Path == "" {
		return redisServer{}, nil
	}
	service := g.sidekiqService(sidekiq.Version{})
	service.Environment.Variables, service.Environment.EnvironmentFiles = installed.Environment()
	env, err := service.Environ()
	if err != nil { // a file was removed since the process was started
		env = environ.None
	}
	return g.redisServer(env, root)
}

// ask asks Redis on a new connection: between two questions seconds pass.
func (s redisServer) ask(question func(store) error) error {
	if s.open == nil {
		return errNoHeartbeat
	}
	r, err := s.open()
	if err != nil {
		return err
	}
	return errors.Join(question(r), r.Close())
}

// faults are why Redis does not suit Sidekiq, if it answers.
func (s redisServer) faults(v sidekiq.Version) []string {
	var server sidekiq.Server
	if s.ask(func(r store) (err error) { server, err = r.Server(); return err }) != nil {
		return nil
	}
	return server.Faults(v)
}

// hasSidekiq reports whether a Sidekiq has ever used this Redis.
func (s redisServer) hasSidekiq() (used bool, err error) {
	err = s.ask(func(r store) error { used, err = r.HasSidekiq(); return err })
	return used, err
}

// heartbeatTimeout is how long a heartbeat may take: Sidekiq writes one when it starts, then every 5 seconds, since 7.0 every 10.
const heartbeatTimeout = 12 * time.Second

var errNoHeartbeat = errors.New("no such heartbeat of this process is in Redis")

// heartbeat is that of a unit's process now. The error is that of Redis or errNoHeartbeat.
func (s redisServer) heartbeat(unit systemd.State) (sidekiq.Process, error) {
	return s.awaitHeartbeat(unit, 0, func(sidekiq.Process) bool { return true })
}

// firstHeartbeat waits for it: a process that was just started has none.
func (s redisServer) firstHeartbeat(unit systemd.State) (sidekiq.Process, error) {
	return s.awaitHeartbeat(unit, heartbeatTimeout, func(sidekiq.Process) bool { return true })
}

// awaitHeartbeat waits for a heartbeat of the unit's process that fulfils a condition. The error is that of Redis or errNoHeartbeat; when time
// runs out the last heartbeat is returned as well.
func (s redisServer) awaitHeartbeat(unit systemd.State, timeout time.Duration, condition func(sidekiq.Process) bool) (last sidekiq.Process, err error) {
	for end := time.Now().Add(timeout); ; time.Sleep(500 * time.Millisecond) {
		var processes []sidekiq.Process
		err := s.ask(func(r store) (err error) {
			processes, err = r.Processes()
			return err
		})
		if err != nil {
			return last, err
		}
		for _, p := range processes {
			if p.Hostname != s.hostname || !proc.IsDescendant(p.PID, unit.MainPID) || !isOfProcess(p, unit) {
				continue
			}
			if last = p; condition(p) {
				return last, nil
			}
		}
		if time.Now().After(end) {
			return last, errNoHeartbeat
		}
	}
}

// isOfProcess tells a heartbeat from that of an earlier process with the same number, which stays in Redis for a minute.
func isOfProcess(p sidekiq.Process, unit systemd.State) bool {
	start, isKnown := unit.Started()
	return !isKnown || !p.StartedAt.Before(start.Add(-time.Second))
}
