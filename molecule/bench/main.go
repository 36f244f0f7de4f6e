package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	rounds := flag.Int("rounds", 15, "rounds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	wd, _ := os.Getwd()
	l, err := newLab(ctx, wd)
	if err != nil {
		say("%v", err)
		return
	}
	defer func() {
		if err := l.close(); err != nil {
			say("%v", err)
		}
	}()
	if err := func() error {
		image, err := l.image(ctx, "python")
		if err != nil {
			return err
		}
		h, err := l.start(ctx, "target", image)
		if err != nil {
			return err
		}
		if err := l.deploy(ctx, h); err != nil {
			return err
		}
		times, err := l.measureTasks(ctx, h, *rounds)
		if err != nil {
			return err
		}
		for _, s := range single {
			t := times[s.task]
			say("%-45s %-30s %s x ssh  %s x raw", s.label, t.spread(), ratio(t.median(), times["ssh"].median()), ratio(t.median(), times["raw"].median()))
		}
		return nil
	}(); err != nil {
		say("%v", err)
	}
}
