package benchmarks

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// waits is what was seen of a crowd while it was watched.
type waits struct {
	ended   []time.Duration // how long each wait took, the shortest first
	longest time.Duration   // of these and of those that had not ended when the watch was over
	served  []int           // how often each goroutine was
	refused int
}

// A watch is a span of time in which the whole crowd is there. It ends before any of the goroutines does.
type watch struct {
	base   time.Time
	opened atomic.Int64 // when the first resources came back, after base; 0: not yet
	over   atomic.Int64 // when the watch ended, after base; 0: not yet
}

func (w *watch) now() time.Duration { return time.Since(w.base) }

// watch has the crowd use its resources for a while, with a look at the clock before and after each wait. What a wait took
// counts if it began and ended in the crowded state: a goroutine's first wait began while all queued up, and the one that
// it is in at the end goes on while the others leave.
func (c crowd) watch(length time.Duration) (waits, error) {
	w := &watch{base: time.Now().Add(-1)} // so that no instant of the watch is 0
	watched := make([]*member, c.size)
	faults := make(chan error, c.size)
	members, err := c.gather(c.size, func(i int) {
		m := new(member) // on the goroutine's own cache lines
		watched[i] = m
		if err := m.run(c, w); err != nil {
			faults <- err
		}
	})
	if err != nil {
		w.over.Store(1)
		return waits{}, err
	}
	w.opened.Store(int64(w.now()))
	members.letGo()
	<-time.After(length)
	w.over.Store(int64(w.now()))
	if err := await(members.gone, func() int64 { return 0 }); err != nil {
		return waits{}, err
	}
	return sumUp(watched), anyOf(faults)
}

// A member is one of a crowd that is watched.
type member struct {
	waits   []time.Duration
	longest time.Duration
	served  int
	refused int
}

func (m *member) run(c crowd, w *watch) error {
	var begun time.Duration
	work := func() {
		if m.note(w, begun) {
			m.served++
		}
		c.work()
	}
	for w.over.Load() == 0 {
		if begun = 0; w.opened.Load() > 0 {
			begun = w.now()
		}
		err := c.pool.Use(context.Background(), work)
		switch {
		case err == nil:
		case c.limited:
			m.refused++
			m.note(w, begun)
		default:
			return err
		}
	}
	return nil
}

// note takes down a wait that ends now, and says whether the watch still goes on. A wait that had not ended by then counts
// as one of at least that length: where somebody starves it is the only one that says so.
func (m *member) note(w *watch, begun time.Duration) bool {
	now, over := w.now(), time.Duration(w.over.Load())
	first := begun == 0
	if first {
		begun = time.Duration(w.opened.Load())
	}
	if over > 0 {
		m.longest = max(m.longest, over-begun)
		return false
	}
	if !first {
		m.waits = append(m.waits, now-begun)
	}
	m.longest = max(m.longest, now-begun)
	return true
}

func sumUp(members []*member) waits {
	var all waits
	for _, m := range members {
		all.ended = append(all.ended, m.waits...)
		all.longest = max(all.longest, m.longest)
		all.served = append(all.served, m.served)
		all.refused += m.refused
	}
	slices.Sort(all.ended)
	return all
}

// percentile returns the smallest of the sorted values that thousandths of them do not exceed.
func percentile(sorted []time.Duration, thousandths int) time.Duration {
	rank := (len(sorted)*thousandths + 999) / 1000
	return sorted[max(rank, 1)-1]
}

// fairness says how many times as often the luckiest goroutine was served as the unluckiest one. It is sound only if each
// was served so often on average that one use more or less makes no difference.
func (w waits) fairness() (ratio float64, sound bool) {
	total := 0
	for _, n := range w.served {
		total += n
	}
	ratio = float64(slices.Max(w.served)) / float64(max(slices.Min(w.served), 1))
	return ratio, total >= usesForRatio*len(w.served)
}

const (
	usesForRatio = 20   // of each goroutine, on average
	waitsForTail = 1000 // of which one is beyond the last percentile reported
)

// report adds to a line what the clock-free part can't say. What too few waits were seen for is left out.
func (w waits) report(b *testing.B) {
	if ratio, sound := w.fairness(); sound {
		b.ReportMetric(ratio, "max/min")
	}
	if len(w.ended) < waitsForTail {
		return
	}
	median := percentile(w.ended, 500)
	b.ReportMetric(float64(median), "p50-ns")
	b.ReportMetric(float64(percentile(w.ended, 990)), "p99-ns")
	b.ReportMetric(float64(percentile(w.ended, 999)), "p99.9-ns")
	b.ReportMetric(float64(w.longest), "max-ns")
	b.ReportMetric(float64(w.longest)/float64(max(median, 1)), "max/median")
}
