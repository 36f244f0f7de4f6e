package bench

import (
	"fmt"
	"time"

	"golang.org/x/perf/benchmath"
)

// samples are times in seconds, one for each round.
type samples []float64

func (s *samples) add(d time.Duration) { *s = append(*s, d.Seconds()) }

// median returns 0 if there are no samples.
func (s samples) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return seconds(s.summary().Center)
}

func (s samples) summary() benchmath.Summary {
	sample := benchmath.NewSample(append(samples{}, s...), &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Summary(sample, 0.95)
}

// String returns the median with its confidence interval, as benchstat prints it.
func (s samples) String() string {
	return show(s.median()) + " ± " + s.summary().PctRangeString()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// show formats a time with three significant digits, and milliseconds with at most one decimal.
func show(d time.Duration) string {
	switch ms := d.Seconds() * 1000; {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.2f s", ms/1000)
	}
}

// ratio formats a as a multiple of b.
func ratio(a, b time.Duration) string {
	switch r := a.Seconds() / b.Seconds(); {
	case b <= 0:
		return "?"
	case r < 10:
		return fmt.Sprintf("%.2f", r)
	default:
		return fmt.Sprintf("%.1f", r)
	}
}
