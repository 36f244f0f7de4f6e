package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// fleetSizes are the numbers of hosts.
var fleetSizes = []int{1, 5, 20, 100}

// fleet has the times of one task over so many hosts.
type fleet struct {
	size  int
	times map[string]samples
}

func (l *lab) measureFleet(ctx context.Context, rounds int) ([]fleet, error) {
	image, err := hosts.Image(ctx, "trixie", "ssh")
	if err != nil {
		return nil, err
	}
	machines, err := l.startFleet(ctx, image, fleetSizes[len(fleetSizes)-1])
	if err != nil {
		return nil, err
	}
	// In the first round each host gets the module, and every connection is opened.
	if _, err := l.playRounds(ctx, play{hosts: machines, user: "root", env: l.modules()}, "tasks/fleet.yml", 1); err != nil {
		return nil, err
	}
	var all []fleet
	for _, size := range fleetSizes {
		o, err := l.playRounds(ctx, play{hosts: machines[:size], user: "root", env: l.modules()}, "tasks/fleet.yml", rounds+1)
		if err != nil {
			return nil, err
		}
		if o.changed() > 0 {
			return nil, fmt.Errorf("%d tasks had something to change", o.changed())
		}
		times, err := o.byTask()
		if err != nil {
			return nil, err
		}
		for name := range times {
			times[name] = times[name][1:]
		}
		say("%d hosts: raw %s, db_pool %s", size, times["raw"].spread(), times["db_pool"].spread())
		all = append(all, fleet{size, times})
	}
	return all, nil
}

const database = `production:
  adapter: postgresql
  database: demo
  pool: 5
`

// startFleet starts hosts with sshd and nothing else, a few at a time.
func (l *lab) startFleet(ctx context.Context, image string, size int) ([]host, error) {
	say("starting %d hosts", size)
	all, errs := make([]host, size), make([]error, size)
	slots := make(chan struct{}, 4)
	var started sync.WaitGroup
	for i := range size {
		started.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			h, err := hosts.StartSSH(ctx, fmt.Sprint(prefix, "host", i+1), image, l.publicKey)
			l.keep(h)
			if err == nil {
				_, err = h.RunWith(ctx, strings.NewReader(database), "tee", "/root/database.yml")
			}
			all[i], errs[i] = host{h, 22}, err
		})
	}
	started.Wait()
	return all, errors.Join(errs...)
}
