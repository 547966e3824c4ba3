package weirprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir"
)

// The names of the labels.
const (
	poolLabel     = "db_client_connection_pool_name"
	stateLabel    = "db_client_connection_state"
	dbLabel       = "db_name"
	ownStateLabel = "state"
	momentLabel   = "moment"
	reasonLabel   = "reason"
)

// A family is a metric with one value, or with one for each value of a label.
type family struct {
	name, help string
	kind       prometheus.ValueType
	label      string // "": there is one value
	read       func(*weir.Stats) []sample
	desc       *prometheus.Desc
}

type sample struct {
	label string
	value float64
}

type number interface{ ~int | ~uint64 | ~float64 }

func gauge[N number](name, help string, read func(*weir.Stats) N) family {
	return family{name: name, help: help, kind: prometheus.GaugeValue, read: single(read)}
}

func counter[N number](name, help string, read func(*weir.Stats) N) family {
	return family{name: name, help: help, kind: prometheus.CounterValue, read: single(read)}
}

func single[N number](read func(*weir.Stats) N) func(*weir.Stats) []sample {
	return func(s *weir.Stats) []sample { return []sample{{value: float64(read(s))}} }
}

// flag is a gauge that is 1 or 0.
func flag(name, help string, read func(*weir.Stats) bool) family {
	return gauge(name, help, func(s *weir.Stats) int {
		if read(s) {
			return 1
		}
		return 0
	})
}

func (f family) labelNames() []string {
	if f.label == "" {
		return nil
	}
	return []string{f.label}
}

func (f family) collect(s *weir.Stats, metrics chan<- prometheus.Metric) {
	for _, x := range f.read(s) {
		var values []string
		if f.label != "" {
			values = []string{x.label}
		}
		metrics <- prometheus.MustNewConstMetric(f.desc, f.kind, x.value, values...)
	}
}

// A histogram is a metric that counts durations.
type histogram struct {
	name, help string
	read       func(*weir.Stats) *weir.Histogram
	desc       *prometheus.Desc
}

func (h histogram) collect(s *weir.Stats, metrics chan<- prometheus.Metric) {
	from := h.read(s)
	counts := cumulate(from)
	buckets := make(map[float64]uint64, len(counts)-1)
	for i, bound := range weir.HistogramBounds() {
		buckets[bound.Seconds()] = counts[i]
	}
	metrics <- prometheus.MustNewConstHistogram(h.desc, counts[len(counts)-1], from.Sum.Seconds(), buckets)
}
