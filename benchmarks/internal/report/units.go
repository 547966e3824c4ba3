package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	timeUnit   = "ns/op"
	memoryUnit = "B/op"
	allocsUnit = "allocs/op"
	// refusedUnit counts callers who got an error.
	refusedUnit = "refused"
	// nsSuffix ends the units of metrics that are times.
	nsSuffix = "-ns"
	// waitPrefix begins those of a wait where the plain ones are those of a whole call.
	waitPrefix = "wait-"
)

// ranks are the metrics that speak of a distribution.
var ranks = []string{"p50", "p90", "p99", "p99.9", "max"}

// worstEnd has the units of which the worst round counts, and not the median: what is promised to each caller is broken by one
// round that breaks it.
var worstEnd = map[string]func(Spread) float64{
	"max-ns":          greatest,
	"wait-max-ns":     greatest,
	"longest-ns":      greatest,
	"max/min":         greatest,
	"max/median":      greatest,
	"goroutines-kept": greatest,
	"kept-B":          greatest,
	"dials-at-once":   greatest,
	"opens":           greatest,
	refusedUnit:       greatest,
	"served":          func(s Spread) float64 { return s.Min },
}

func greatest(s Spread) float64 { return s.Max }

// Counts is the value that stands for all rounds of a unit: the median, or the worst round where that is what counts.
func (s Spread) Counts(unit string) float64 {
	if end, ok := worstEnd[unit]; ok {
		return end(s)
	}
	return s.Median
}

func isTime(unit string) bool { return unit == timeUnit || strings.HasSuffix(unit, nsSuffix) }

// head is what a column of a unit is called among the units of its group: "p99-ns" is "p99 wait", or "p99 call" where the
// waits have columns of their own. It says so where the worst round is shown.
func head(unit string, all []string) string {
	name := plainHead(unit, all)
	if _, ok := worstEnd[unit]; ok {
		return strings.Replace(name, "max ", "longest ", 1) + " (worst round)"
	}
	return name
}

func plainHead(unit string, all []string) string {
	name, ok := strings.CutSuffix(unit, nsSuffix)
	if !ok {
		return strings.ReplaceAll(unit, "-", " ")
	}
	rank, wait := strings.CutPrefix(name, waitPrefix)
	switch {
	case wait:
		return rank + " wait"
	case !slices.Contains(ranks, name):
		return strings.ReplaceAll(name, "-", " ")
	case slices.Contains(all, waitPrefix+unit):
		return name + " call"
	}
	return name + " wait"
}

// place is where the column of a unit stands: what a workload says of itself, then the ranks in their order, then memory.
func place(unit string) int {
	name, isTime := strings.CutSuffix(unit, nsSuffix)
	if rank, wait := strings.CutPrefix(name, waitPrefix); isTime && slices.Contains(ranks, rank) {
		at := 1 + slices.Index(ranks, rank)
		if wait {
			at += len(ranks)
		}
		return at
	}
	if unit == memoryUnit || unit == allocsUnit {
		return 1 + 2*len(ranks)
	}
	return 0
}

// format writes a value of a unit.
func format(unit string, v float64) string {
	switch {
	case isTime(unit):
		return Duration(v)
	case unit == memoryUnit || unit == allocsUnit || math.Abs(v) >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// Duration writes nanoseconds with about three digits.
func Duration(ns float64) string {
	switch {
	case ns < 100:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 10_000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	}
	return time.Duration(ns).Round(10 * time.Microsecond).String()
}
