package sessionprom

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirpool/weir/mysqlpool"
)

const reasonLabel = "reason"

// A byReason has a value for each reason of a pin; that of NotPinned is not shown.
type byReason [mysqlpool.PinReasons]float64

// A family is a metric with one value, or with one for each reason of a pin: one of the two reads is set.
type family struct {
	name, help string
	kind       prometheus.ValueType
	read       func(*mysqlpool.SessionStats) float64
	readEach   func(*mysqlpool.SessionStats) byReason
	desc       *prometheus.Desc
}

type number interface{ ~int | ~uint64 }

func gauge[N number](name, help string, read func(*mysqlpool.SessionStats) N) family {
	return family{name: name, help: help, kind: prometheus.GaugeValue, read: asFloat(read)}
}

func counter[N number](name, help string, read func(*mysqlpool.SessionStats) N) family {
	return family{name: name, help: help, kind: prometheus.CounterValue, read: asFloat(read)}
}

func asFloat[N number](read func(*mysqlpool.SessionStats) N) func(*mysqlpool.SessionStats) float64 {
	return func(s *mysqlpool.SessionStats) float64 { return float64(read(s)) }
}

func (f family) labelNames() []string {
	if f.readEach == nil {
		return nil
	}
	return []string{reasonLabel}
}

func (f family) collect(s *mysqlpool.SessionStats, metrics chan<- prometheus.Metric) {
	if f.readEach == nil {
		metrics <- prometheus.MustNewConstMetric(f.desc, f.kind, f.read(s))
		return
	}
	for r, value := range f.readEach(s) {
		if reason := mysqlpool.PinReason(r); reason != mysqlpool.NotPinned {
			metrics <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labelOf(reason))
		}
	}
}

// labelOf writes a reason as label values are written: "user_variable".
func labelOf(r mysqlpool.PinReason) string { return strings.ReplaceAll(r.String(), " ", "_") }
