package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// fleetSizes are the numbers of hosts.
var fleetSizes = []int{1, 5, 20, 100}

// fleet has the times of one task over so many hosts.
type fleet struct {
	size  int
	times map[string]samples
}

func (l *lab) measureFleet(ctx context.Context, rounds int) ([]fleet, error) {
	image, err := l.image(ctx, "ssh")
	if err != nil {
		return nil, err
	}
	hosts, err := l.startFleet(ctx, image, fleetSizes[len(fleetSizes)-1])
	if err != nil {
		return nil, err
	}
	// In the first round each host gets the module, and every connection is opened.
	if _, err := l.playRounds(ctx, play{hosts: hosts, user: "root", env: l.modules()}, "tasks/fleet.yml", 1); err != nil {
		return nil, err
	}
	var all []fleet
	for _, size := range fleetSizes {
		o, err := l.playRounds(ctx, play{hosts: hosts[:size], user: "root", env: l.modules()}, "tasks/fleet.yml", rounds+1)
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
	hosts, errs := make([]host, size), make([]error, size)
	slots := make(chan struct{}, 4)
	var all sync.WaitGroup
	for i := range size {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			hosts[i], errs[i] = l.start(ctx, fmt.Sprint("host", i+1), image, "sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D")
			if errs[i] == nil {
				errs[i] = hosts[i].exec(ctx, strings.NewReader(database), "cat >/root/database.yml")
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return hosts, nil
}
