// Program story tells the whole story of a Rails application's Sidekiq on throwaway hosts, with nothing mocked: an application in a git
// repository, Capistrano that knows of Sidekiq, the role on a host where nothing was ever deployed, the first deployment and the next
// ones, /sidekiq/busy in a browser, the faults of everyday life with the time until Sidekiq beats again, and several hosts in turn. It prints
// each step with what was seen, and ends at the first that is not as it should be. Run it in the project's folder after `make build`:
//
//	go run ./molecule/story [-parts guide,fleet,scenarios] [-suite trixie] [-readme README.md] [-picture .github/images/busy.png] [-keep] [-short]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// A part is a story of its own, with hosts of its own.
type part struct {
	name string
	tell func(context.Context, *narrator, options) error
}

var parts = []part{{"guide", tellGuide}, {"fleet", tellFleet}, {"scenarios", tellScenarios}}

type options struct {
	suite   string
	readme  string // "" leaves it as it is
	picture string // "" keeps none
	keep    bool
	short   bool
}

func main() {
	var o options
	only := flag.String("parts", "guide,fleet,scenarios", "which parts, parted by commas")
	flag.StringVar(&o.suite, "suite", "trixie", "suite of Debian that the hosts are")
	flag.StringVar(&o.readme, "readme", "", "file whose table of faults is written anew")
	flag.StringVar(&o.picture, "picture", "", "file for the picture of /sidekiq/busy")
	flag.BoolVar(&o.keep, "keep", false, "leave the hosts")
	flag.BoolVar(&o.short, "short", false, "the guide without browser and faults, as make test has it: two minutes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := tell(ctx, strings.Split(*only, ","), o)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "story:", err)
		os.Exit(1)
	}
}

func tell(ctx context.Context, names []string, o options) error {
	for _, name := range names {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			return fmt.Errorf("-parts: %q is none; accepted: guide, fleet, scenarios", name)
		}
	}
	n := &narrator{out: os.Stdout, began: time.Now()}
	for _, p := range parts {
		if !slices.Contains(names, p.name) {
			continue
		}
		if err := p.tell(ctx, n, o); err != nil {
			return err
		}
	}
	n.say("\nThe story went well, in %s.", short(time.Since(n.began)))
	return nil
}
