package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/curationexperts/ansible-sidekiq/molecule/hosts"
)

// A crowd is many numbered jobs, enqueued one after the other on the host of their Redis until there are enough: see molecule/soak.rb.
type crowd struct {
	store hosts.Host
	phase string
	ended chan error
}

// enqueue begins a crowd of jobs of a class: rate each second, of up to so many seconds.
func enqueue(ctx context.Context, store hosts.Host, phase string, rate, longest int, class string) crowd {
	c := crowd{store: store, phase: phase, ended: make(chan error, 1)}
	go func() {
		_, err := store.Run(ctx, "ruby", "/usr/local/src/soak.rb", phase, strconv.Itoa(rate), strconv.Itoa(longest), class)
		c.ended <- err
	}()
	return c
}

// enough ends a crowd and returns how many jobs there were, all of them done. One that is not done after two minutes is lost. undone tells
// what is missing, "" for nothing.
func (c crowd) enough(ctx context.Context, undone func(context.Context, crowd, int) (string, error)) (int, error) {
	if _, err := redis(ctx, c.store, "SET", "soak:"+c.phase+":enough", "yes"); err != nil {
		return 0, err
	}
	if err := <-c.ended; err != nil {
		return 0, err
	}
	enqueued, err := redisNumber(ctx, c.store, "SCARD", "soak:"+c.phase+":enqueued")
	if err != nil {
		return 0, err
	}
	return enqueued, await(ctx, 2*time.Minute, fmt.Sprintf("all %d jobs done", enqueued), func() (bool, error) {
		missing, err := undone(ctx, c, enqueued)
		if err != nil {
			return false, err
		}
		return missing == "", errors.New(missing)
	})
}

func redis(ctx context.Context, store hosts.Host, args ...string) (string, error) {
	return store.Run(ctx, "redis-cli", append([]string{"--raw"}, args...)...)
}

// redisNumber is 0 for what is not there.
func redisNumber(ctx context.Context, store hosts.Host, args ...string) (int, error) {
	out, err := redis(ctx, store, args...)
	if err != nil || out == "" {
		return 0, err
	}
	return strconv.Atoi(out)
}
