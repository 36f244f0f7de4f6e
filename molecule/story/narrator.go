package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A narrator prints what happens as it happens.
type narrator struct {
	out     io.Writer
	began   time.Time
	chapter int
}

// A chapter is a step of the story. Its error is what was not as it should be.
type chapter struct {
	title string
	tell  func(context.Context) error
}

func (n *narrator) say(format string, args ...any) { fmt.Fprintf(n.out, format+"\n", args...) }

// saw prints what was asked of a host, or seen on it, and the answer.
func (n *narrator) saw(what, format string, args ...any) {
	n.say("   %-34s %s", what, fmt.Sprintf(format, args...))
}

func (n *narrator) chapters(ctx context.Context, all []chapter) error {
	for _, c := range all {
		n.chapter++
		n.say("\n== %d. %s", n.chapter, c.title)
		began := time.Now()
		if err := c.tell(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		n.saw("time", "%s", short(time.Since(began)))
	}
	return nil
}

// short is a time as people say it: seconds, from two minutes on minutes as well.
func short(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// await asks until the answer is yes. What was in the way last is in the error.
func await(ctx context.Context, patience time.Duration, what string, asked func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		yes, err := asked()
		if yes {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s: %v", what, patience, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}
