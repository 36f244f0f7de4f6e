// Package dashboard reads from Redis what Sidekiq's Web UI shows on its dashboard and on /busy, and warns of what is wrong.
//
// # Decisions
//
// A Redis that does not answer is an error. Everything else that is wrong is a warning: the caller decides what to do about it.
//
// What Redis does not hold is not guessed. It does not hold since when a process is quiet, so the warning only has since when it runs.
//
// Arguments of jobs are left out: they may name people.
package dashboard

import (
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq"
)

// Dashboard is what a Redis held when it was read. Read makes it.
type Dashboard struct {
	readAt        time.Time
	place, source string // of the Redis, and of its URL
	hostname      string // in heartbeats of this host
	server        sidekiq.Server
	processes     []process
	overview      sidekiq.Overview
	isUsed        bool // Sidekiq has used the Redis before

	release release         // of this host; zero: not known
	version sidekiq.Version // of the application
	unknown []string        // what could not be read, and why
}

type process struct {
	sidekiq.Process
	jobs []sidekiq.Job
}

// release is the link to the release of an application.
type release struct {
	link string
	made time.Time
}

// Read reads the dashboard over one connection. c.Open must be set.
func Read(c sidekiq.Client) (*Dashboard, error) {
	redis, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer redis.Close() // everything was read
	d := &Dashboard{place: c.Place(), source: c.Source, hostname: c.Hostname}
	if d.processes, err = readProcesses(redis); err != nil {
		return nil, err
	}
	if d.overview, err = redis.Overview(); err != nil {
		return nil, err
	}
	if d.isUsed, err = redis.HasSidekiq(); err != nil {
		return nil, err
	}
	if d.server, err = redis.Server(); err != nil {
		d.unknown = append(d.unknown, fmt.Sprintf("whether this Redis fits is not known: %v", err))
	}
	d.readAt = time.Now()
	return d, nil
}

func readProcesses(redis sidekiq.Store) ([]process, error) {
	processes, err := redis.Processes()
	if err != nil {
		return nil, err
	}
	var all []process
	for _, p := range processes {
		jobs, err := redis.Jobs(p.Identity)
		if err != nil {
			return nil, err
		}
		all = append(all, process{p, jobs})
	}
	return all, nil
}

// CompareVersion makes Warnings check that Redis is new enough for the application's version of Sidekiq.
func (d *Dashboard) CompareVersion(v sidekiq.Version) { d.version = v }

// CompareRelease makes Warnings check that the processes of this host are newer than the release at appRoot. Only a link has the time of the release:
// each deploy creates it again. The time of a directory changes with its entries.
func (d *Dashboard) CompareRelease(appRoot string) {
	info, err := os.Lstat(appRoot)
	switch {
	case err != nil:
		d.unknown = append(d.unknown, fmt.Sprintf("option %q: whether processes are older than the release is not known: %v", "app_root", err))
	case info.Mode()&fs.ModeSymlink != 0:
		d.release = release{appRoot, info.ModTime()}
	}
}
