package systemdsidekiq

import (
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// redisOf is the Redis of a process with these variables.
func (g *gatherer) redisOf(env environ.Environ, appRoot string) (sidekiq.Client, error) {
	found, err := sidekiq.FindRedis(g.RedisURL, env, appRoot, g.RailsEnv, g.files.ReadIfThere)
	if err != nil {
		return sidekiq.Client{}, err
	}
	return sidekiq.NewClient(found, g.RedisNamespace, env), nil
}

// redisInUse is the Redis of the process that runs, by what its unit says; otherwise where there is no unit.
func (g *gatherer) redisInUse(s service, root string, otherwise sidekiq.Client) (sidekiq.Client, error) {
	for _, u := range append(s.workers(), s.main()) {
		if u.installed.Path == "" {
			continue
		}
		service := g.sidekiqService(sidekiq.Version{})
		service.Environment.Variables, service.Environment.EnvironmentFiles = u.installed.Environment()
		env, err := service.Environ()
		if err != nil { // a file was removed since the process was started
			env = environ.None
		}
		return g.redisOf(env, root)
	}
	return otherwise, nil
}

// mainProcess is the one that systemd watches.
func mainProcess(u *unit) sidekiq.MainProcess {
	started, _ := u.state.Started() // zero where it is not known
	return sidekiq.MainProcess{PID: u.state.MainPID, Started: started}
}
