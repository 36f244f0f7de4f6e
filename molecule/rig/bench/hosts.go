package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/curationexperts/ansible-sidekiq/molecule/rig/lab"
)

var hostCounts = []int{1, 5, 20, 100}

func (b *bench) measureHosts(ctx context.Context, rounds int) error {
	all, err := b.startHosts(ctx, hostCounts[len(hostCounts)-1])
	if err != nil {
		return err
	}
	p := play{hosts: all, user: "root", env: lab.ModulePaths()}
	if p.book, err = b.rounds("fleet.yml", 1); err != nil {
		return err
	}
	if _, err := b.play(ctx, p); err != nil { // sends the binary to each host, and opens all connections
		return err
	}
	if p.book, err = b.rounds("fleet.yml", rounds+1); err != nil {
		return err
	}
	var times []map[string]samples
	for _, count := range hostCounts {
		p.hosts = all[:count]
		o, err := b.unchanged(ctx, p)
		if err != nil {
			return err
		}
		measured, err := o.times()
		if err != nil {
			return err
		}
		b.Say("%d hosts: raw %s, db_pool %s", count, measured["raw"], measured["db_pool"])
		times = append(times, measured)
	}
	b.addHosts(times)
	return nil
}

func (b *bench) addHosts(times []map[string]samples) {
	b.section("One task over many hosts, 20 at a time")
	for _, task := range []string{"raw", "db_pool"} {
		for i, count := range hostCounts {
			perHost := seconds(times[i][task].median().Seconds() / float64(count))
			compared := show(perHost) + " a host"
			if task != "raw" {
				compared += ", " + ratio(times[i][task].median(), times[i]["raw"].median()) + " × raw"
			}
			b.row(fmt.Sprintf("`%s`, hosts: %d", task, count), show(times[i][task].median()), compared)
		}
	}
}

const databaseYML = `production:
  adapter: postgresql
  database: demo
  pool: 5
`

// startHosts starts hosts with sshd only, four at a time.
func (b *bench) startHosts(ctx context.Context, count int) ([]host, error) {
	b.Say("starting %d hosts", count)
	image, err := lab.Image(ctx, "trixie", "ssh")
	if err != nil {
		return nil, err
	}
	all, errs := make([]host, count), make([]error, count)
	slots := make(chan struct{}, 4)
	var started sync.WaitGroup
	for i := range count {
		started.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			h, err := b.StartSSH(ctx, fmt.Sprint("host", i+1), image)
			if err == nil {
				_, err = h.RunWith(ctx, strings.NewReader(databaseYML), "tee", "/root/database.yml")
			}
			all[i], errs[i] = host{h, 22}, err
		})
	}
	started.Wait()
	return all, errors.Join(errs...)
}
