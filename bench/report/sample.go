package report

import (
	"slices"
	"time"
)

// Samples are durations of the same thing.
type Samples []time.Duration

// At gives the quantile q (0 to 1) in milliseconds, 0 without samples.
func (s Samples) At(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	c := slices.Clone(s)
	slices.Sort(c)
	i := int(q*float64(len(c))+0.999999) - 1
	return float64(c[max(0, min(i, len(c)-1))]) / 1e6
}

// Median is the middle of some figures, of an even number the lower middle.
func Median(ns ...float64) float64 {
	if len(ns) == 0 {
		return 0
	}
	c := slices.Clone(ns)
	slices.Sort(c)
	return c[(len(c)-1)/2]
}
