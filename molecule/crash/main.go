// Program crash tests that the role survives kill -9. On a throwaway host with a booted systemd and a real Sidekiq it runs the role and kills one of its
// modules before a system call that changes something, one call after the other. It checks after each kill that sudo works and that every file is the
// old one or the new one; that the next run of the role succeeds and the one after that changes nothing; and that Sidekiq runs and fetches jobs. It ends
// at the first fault. Run it in the project's directory after `make build`, with ansible-playbook in PATH:
//
//	go run ./molecule/crash [-points 15] [-suite trixie] [-keep]
//	go run ./molecule/crash -only systemd_sidekiq/change/7
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"
)

var modules = []string{"db_pool", "sudoers_entry", "systemd_sidekiq"}

type options struct {
	points int // 0: all
	only   string
	suite  string
	keep   bool
}

func main() {
	o, err := parseOptions()
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		err = crash(ctx, o)
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

func parseOptions() (o options, err error) {
	points := flag.String("points", "15", "number of kills, spread evenly, or all")
	flag.StringVar(&o.only, "only", "", "run only these kills, as MODULE[/SITUATION[/CALL]]")
	flag.StringVar(&o.suite, "suite", "trixie", "Debian suite")
	flag.BoolVar(&o.keep, "keep", false, "keep the host")
	flag.Parse()
	if *points != "all" {
		if o.points, err = strconv.Atoi(*points); err != nil || o.points < 1 {
			return o, fmt.Errorf("-points: value %q is not accepted; accepted: all, a number from 1", *points)
		}
	}
	return o, nil
}

func crash(ctx context.Context, o options) (err error) {
	l := &lab{options: o}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.start(ctx); err != nil {
		return err
	}
	rows, err := l.countCalls(ctx)
	if err != nil {
		return err
	}
	kills := choose(rows, o.points)
	if o.only != "" {
		if kills, err = find(rows, o.only); err != nil {
			return err
		}
	}
	for i, k := range kills {
		began := time.Now()
		call, err := l.try(ctx, k)
		if err != nil {
			return fmt.Errorf("killed at %s (%s): %w", k.path(), call, err)
		}
		fmt.Printf("%d of %d: %s, %s: %s; %.0f s\n", i+1, len(kills), k.path(), call, k.row.last, time.Since(began).Seconds())
	}
	fmt.Print("\n", table(o.suite, rows))
	return nil
}
