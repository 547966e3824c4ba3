package weir

import "sync/atomic"

// Under load most callers arrive to find others waiting and nothing that could be done for them: they only have to be put at the
// end of the queue. They do so without the lock, on a stack from which whoever has the lock brings them over. That leaves the lock
// to those who return something.

// A crowd says, without the lock, what a caller who arrives now will find. It is a hint: it is written under mu, and who relies on
// it looks again afterwards.
const (
	quiet   uint32 = iota // nobody waits
	waiting               // somebody does
	packed                // somebody does, and only returns can help: who arrives may queue without the lock
)

// arrivals are callers who have queued without the lock, the last one on top.
type arrivals[T any] struct {
	top atomic.Pointer[waiter[T]]
}

func (a *arrivals[T]) push(w *waiter[T]) {
	for {
		w.next = a.top.Load()
		if a.top.CompareAndSwap(w.next, w) {
			return
		}
	}
}

// take empties the stack and returns the callers in order of arrival, linked by next.
func (a *arrivals[T]) take() *waiter[T] {
	var first *waiter[T]
	for w := a.top.Swap(nil); w != nil; {
		below := w.next
		w.next, first = first, w
		w = below
	}
	return first
}

// attendEvery bounds how many callers the stack grows to: about one in so many goes the way of the lock. The last digits of its
// arrival serve as the die.
const attendEvery = 64

// arrive queues a caller without the lock, if the pool is packed still when that is done.
func (p *Pool[T]) arrive(w *waiter[T], here, known *CallSite) {
	w.comesFrom(here, known)
	attend := w.since%attendEvery == 0
	p.arrivals.push(w)
	if p.crowd.Load() == packed && !attend {
		return
	}
	p.mu.Lock()
	p.admitLocked()
	if p.closed {
		p.refuseClosedLocked()
	} else {
		p.pumpLocked()
	}
	p.mu.Unlock()
}

func (w *waiter[T]) comesFrom(here, known *CallSite) {
	w.from, w.exactly = known, here != nil
	if here != nil {
		site := *here
		w.from = &site
	}
}

// admitLocked brings over who has queued without the lock.
func (p *Pool[T]) admitLocked() {
	if p.arrivals.top.Load() == nil {
		return
	}
	for w := p.arrivals.take(); w != nil; {
		next := w.next
		p.tickets++
		w.ticket = p.tickets
		p.stats.Waited++
		p.enqueueLocked(w, p.clock.moved(w.since))
		w = next
	}
}

// crowdLocked changes what callers who arrive are told. Who relied on what they were told before is admitted.
func (p *Pool[T]) crowdLocked(to uint32) {
	was := p.crowd.Load()
	if was == to {
		return
	}
	p.crowd.Store(to)
	if was == packed {
		p.admitLocked()
	}
}
