package weir

import "time"

// HistogramBounds returns the upper bounds, inclusive, of a [Histogram]'s buckets but the last, which has none. They
// hold those that OpenTelemetry's conventions give for database calls, and two finer ones below.
func HistogramBounds() []time.Duration {
	bounds := histogramBounds
	return bounds[:]
}

var histogramBounds = [...]time.Duration{
	100 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	500 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second,
}

// A Histogram counts durations.
type Histogram struct {
	Count   uint64                           // how many in all
	Sum     time.Duration                    // of all
	Buckets [len(histogramBounds) + 1]uint64 // each duration in one, not cumulative; see [HistogramBounds]
}

// Mean is the average duration, or 0 when nothing was counted.
func (h Histogram) Mean() time.Duration {
	if h.Count == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Count)
}

func (h *Histogram) observe(d time.Duration, times uint64) {
	h.Count += times
	h.Sum += d * time.Duration(times)
	h.Buckets[bucket(d)] += times
}

// forget takes back one duration that was counted.
func (h *Histogram) forget(d time.Duration) {
	h.Count--
	h.Sum -= d
	h.Buckets[bucket(d)]--
}

func bucket(d time.Duration) int {
	i := 0
	for i < len(histogramBounds) && d > histogramBounds[i] {
		i++
	}
	return i
}
