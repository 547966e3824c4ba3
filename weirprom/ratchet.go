package weirprom

import (
	"sync"
	"time"

	"github.com/weirpool/weir"
)

// A cumulative holds, for each bucket of a histogram, how many durations are in it and in those below.
type cumulative [len(weir.Histogram{}.Buckets)]uint64

func cumulate(h *weir.Histogram) cumulative {
	var c cumulative
	var sum uint64
	for i, n := range h.Buckets {
		sum += n
		c[i] = sum
	}
	return c
}

// A ratchet keeps what Prometheus is told from going back. A pool counts a lease before it probes it, or before a caller
// who gives up has noticed it, and takes the count back when nobody gets it. Prometheus would take a counter that is
// smaller by one for one that began anew, and add all of it to the rate.
type ratchet struct {
	mu       sync.Mutex // guards the fields below
	acquired uint64
	waits    cumulative
	waited   time.Duration
}

// hold raises the counts of s that can go back to the most that was ever told.
func (r *ratchet) hold(s *weir.Stats) {
	now := cumulate(&s.Wait)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acquired = max(r.acquired, s.Acquired)
	r.waited = max(r.waited, s.Wait.Sum)
	var below uint64
	for i := range now {
		r.waits[i] = max(r.waits[i], now[i])
		s.Wait.Buckets[i] = r.waits[i] - below
		below = r.waits[i]
	}
	s.Acquired, s.Wait.Sum, s.Wait.Count = r.acquired, r.waited, below
}
