package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ms(values ...float64) (s samples) {
	for _, v := range values {
		s = append(s, time.Duration(v*float64(time.Millisecond)))
	}
	return s
}

func TestMedian(t *testing.T) {
	require.Equal(t, ms(3)[0], ms(9, 1, 3).median())
	require.Equal(t, ms(2.5)[0], ms(4, 1, 3, 2).median())
	require.Zero(t, samples{}.median())
	unsorted := ms(9, 1, 3)
	unsorted.median()
	require.Equal(t, ms(9, 1, 3), unsorted)
}

func TestQuantile(t *testing.T) {
	require.Equal(t, ms(2)[0], ms(1, 2, 3, 4, 5).quantile(0.25))
	require.Equal(t, ms(5)[0], ms(1, 2, 3, 4, 5).quantile(1))
	require.Equal(t, "3.0 ms (2.0 ms to 4.0 ms)", ms(1, 2, 3, 4, 5).spread())
}

func TestShow(t *testing.T) {
	for want, value := range map[string]float64{"7.4 ms": 7.4, "10 ms": 10, "999 ms": 999.4, "1.25 s": 1250, "31.50 s": 31500} {
		require.Equal(t, want, show(ms(value)[0]))
	}
}

func TestRatio(t *testing.T) {
	require.Equal(t, "1.14", ratio(114, 100))
	require.Equal(t, "12.5", ratio(125, 10))
	require.Equal(t, "?", ratio(1, 0))
}
