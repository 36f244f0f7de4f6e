package systemdsidekiq

import (
	"fmt"
	"strconv"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/connections"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/databaseyml"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/environ"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// note is the text of a unit's poolNote: its process, and the pool that it runs with.
func (p pool) note(u *unit) string { return fmt.Sprintf("%s %d", u.identity(), max(p.size, p.raised)) }

// pool is that of the first database.yml that exists.
func (g *gatherer) pool(workers []*unit, s sidekiq.Service, env environ.Environ) (pool, error) {
	for _, file := range g.DatabaseYML {
		text, err := g.files.ReadIfThere(file)
		if err != nil {
			return pool{}, err
		}
		if text != nil {
			return g.poolOf(file, text, workers, s, env), nil
		}
	}
	return pool{}, nil
}

func (g *gatherer) poolOf(file string, databaseYML []byte, workers []*unit, s sidekiq.Service, env environ.Environ) pool {
	p := pool{file: file}
	required, err := connections.Wanted{}, error(nil)
	if g.DatabasePool != "" {
		required, p.variables, err = g.poolVariables(databaseYML, workers, s)
	}
	if err != nil {
		g.missAfterDeploy(fmt.Errorf("%s: %w", file, err))
		return p
	}
	p.size = connections.Smallest(s, environ.Overlay(env, p.variables), databaseYML, g.Databases)
	// Another module raises it, which in check mode has not done so yet.
	if p.size > 0 && !required.Guessed && p.size < required.Size {
		p.raised = required.Size
		g.warn("%s gives %d connections, and %d are wanted (%s); db_pool raises that, and then a worker that was started with fewer is restarted", file, p.size, required.Size, required.By)
	}
	return p
}

// poolVariables are the variables of the unit for a pool that ERB computes; none while the number of threads is only guessed, which RAILS_MAX_THREADS
// would set. required is zero where option database_pool gives the size.
func (g *gatherer) poolVariables(databaseYML []byte, workers []*unit, s sidekiq.Service) (required connections.Wanted, variables map[string]string, err error) {
	request := databaseyml.Request{Environment: g.RailsEnv, Databases: g.Databases}
	var processes []sidekiq.ProcessOptions
	var threads []sidekiq.Threads
	for _, u := range workers {
		if g.DatabasePool == poolAuto && u.threadsFault != nil {
			return required, nil, u.threadsFault
		}
		processes, threads = append(processes, g.withConfigPath(*u.process)), append(threads, u.threads)
	}
	if g.DatabasePool == poolAuto {
		if required = connections.Largest(threads, g.Headroom); required.Guessed {
			return required, nil, nil
		}
		request.Size = required.Size
	} else if request.Size, err = strconv.Atoi(g.DatabasePool); err != nil {
		return required, nil, err
	}
	variables, err = connections.Variables(s, processes, g.Headroom, required, databaseYML, request)
	return required, variables, err
}

// notePool notes the pool with which a process was started. Until db_pool has raised it, that is not the pool of the file.
func (p *planner) notePool(u *unit) error {
	if p.pool.size == 0 || p.pool.raised > 0 || !p.restartsOn("database") {
		return nil
	}
	return p.note(u.name, poolNote, p.pool.note(u))
}
