package main

import (
	"fmt"
	"slices"
	"time"
)

// samples are the times of one thing, one for each round.
type samples []time.Duration

// quantile takes the sample at q of the way from the shortest to the longest, between two samples a part of both.
func (s samples) quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	place := q * float64(len(sorted)-1)
	low := int(place)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + time.Duration((place-float64(low))*float64(sorted[high]-sorted[low]))
}

func (s samples) median() time.Duration { return s.quantile(0.5) }

// spread is the median and, in brackets, where the middle half of the samples lies.
func (s samples) spread() string {
	return fmt.Sprintf("%s (%s to %s)", show(s.median()), show(s.quantile(0.25)), show(s.quantile(0.75)))
}

// show has three digits, or what a millisecond has.
func show(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.2f s", ms/1000)
	}
}

// ratio says how many times b a is.
func ratio(a, b time.Duration) string {
	if b <= 0 {
		return "?"
	}
	r := float64(a) / float64(b)
	if r < 10 {
		return fmt.Sprintf("%.2f", r)
	}
	return fmt.Sprintf("%.1f", r)
}
