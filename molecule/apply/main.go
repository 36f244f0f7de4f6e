// Program apply shows `sidekiq-role apply` and `verify` on three throwaway hosts with a booted systemd and a real Sidekiq each, of which one
// gets a release that does not start. What they print is compared with what the hosts themselves say. It ends at the first thing that is
// not as it should be. Run it in the project's folder after `make build`:
//
//	go run ./molecule/apply [-suite trixie] [-picture .github/images/apply.svg] [-readme README.md] [-keep]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

type options struct {
	suite   string
	picture string // "" keeps none
	readme  string // the document that gets what verify shows; "": none
	keep    bool
}

func main() {
	var o options
	flag.StringVar(&o.suite, "suite", "trixie", "suite of Debian that the hosts are")
	flag.StringVar(&o.picture, "picture", "", "file for the picture of apply at a terminal")
	flag.StringVar(&o.readme, "readme", "", "document that gets what verify shows of a change by hand")
	flag.BoolVar(&o.keep, "keep", false, "leave the hosts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	began := time.Now()
	err := show(ctx, o)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apply:", err)
		os.Exit(1)
	}
	fmt.Printf("\nAll as it should be, in %.0f s.\n", time.Since(began).Seconds())
}

// show starts the hosts, plays all scenes and removes the hosts.
func show(ctx context.Context, o options) error {
	f, err := newFleet(o)
	if err != nil {
		return err
	}
	defer f.stop()
	for i, s := range f.scenes() {
		fmt.Printf("\n== %d. %s\n", i+1, s.title)
		began := time.Now()
		if err := s.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		saw("time", "%.1f s", time.Since(began).Seconds())
	}
	return nil
}

// saw prints what was looked at, and what was seen, after it was found right.
func saw(what, format string, args ...any) {
	fmt.Printf("  ok   %-32s %s\n", what, fmt.Sprintf(format, args...))
}
