package weir

import (
	"math"
	"time"
)

// A waiter is a caller in the queue. Whoever takes it out, under mu, is the only one who sends on ready, and sets got or err
// before. It is kept small: there may be many.
type waiter[T any] struct {
	prev, next *waiter[T]
	ready      chan struct{} // holds one
	ticket     uint64
	since      int64        // arrival
	got        *resource[T] // lent to it
	err        error        // or why not
	from       *CallSite    // nil: not recorded
	token      *token       // of what it got, if from is set
	exactly    bool         // its use is to be timed
	queued     bool
	yield      bool
}

// lease is what w got. Nobody else changes a resource's seq while it is lent.
func (w *waiter[T]) lease() Lease[T] {
	return Lease[T]{r: w.got, seq: w.got.seq, token: w.token}
}

// deadline is when w's wait ends at the latest, or math.MaxInt64.
func (w *waiter[T]) deadline(maxWait time.Duration) int64 {
	if maxWait >= NoLimit-time.Duration(w.since) {
		return math.MaxInt64
	}
	return w.since + int64(maxWait)
}

// A queue holds the waiters by ticket, the first one in front.
type queue[T any] struct {
	front, back *waiter[T]
	len         int
}

// insert looks from the back: nearly always that is the place. Who stands behind came later, whatever the clocks said when each of
// them looked: so waits end in order.
func (q *queue[T]) insert(w *waiter[T]) {
	after := q.back
	for after != nil && after.ticket > w.ticket {
		after = after.prev
	}
	w.prev = after
	if after == nil {
		w.next, q.front = q.front, w
	} else {
		w.next, after.next = after.next, w
	}
	if w.next == nil {
		q.back = w
	} else {
		w.next.prev = w
		w.since = min(w.since, w.next.since)
	}
	if after != nil {
		w.since = max(w.since, after.since)
	}
	w.queued = true
	q.len++
}

func (q *queue[T]) remove(w *waiter[T]) {
	if w.prev == nil {
		q.front = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.back = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	q.len--
}
