package weir

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// yieldEvery is how many hand-offs go by before a woken caller lets the others run once. Without it exact order starves
// holders on a busy scheduler: a woken goroutine runs in its waker's time slice, and those behind it in the run queue,
// who hold resources, wait for tens of milliseconds.
const yieldEvery = 32

// newWaiter makes a waiter for a caller who arrives now. It is called without mu where that is possible: a lock that many want
// must be held for as short as can be.
func (p *Pool[T]) newWaiter() *waiter[T] {
	w, _ := p.spares.Get().(*waiter[T])
	if w == nil {
		w = &waiter[T]{ready: make(chan struct{}, 1)}
	}
	w.since = p.clock.real()
	return w
}

// enqueueLocked lets w wait.
func (p *Pool[T]) enqueueLocked(w *waiter[T], now int64) {
	if p.queue.len == 0 {
		p.governor.reset(now)
		p.crowdLocked(waiting)
	}
	p.queue.insert(w)
	if p.opts.maxWait < NoLimit && !p.closed {
		p.limit.by(w.deadline(p.opts.maxWait), now)
	}
}

// dequeueLocked ends w's wait; the caller says how.
func (p *Pool[T]) dequeueLocked(w *waiter[T]) {
	p.queue.remove(w)
	if p.queue.len == 0 {
		p.crowdLocked(quiet)
	}
}

// joinLocked puts the caller into the queue, sees to it that something comes, unlocks and waits. w is nil unless it has been
// made already.
func (p *Pool[T]) joinLocked(ctx context.Context, w *waiter[T], ticket uint64, here, known *CallSite) (Lease[T], error) {
	if w == nil {
		w = p.newWaiter()
	}
	p.admitLocked()
	now := p.clock.moved(w.since)
	if err := p.turnedAwayLocked(now); err != nil {
		p.mu.Unlock()
		return Lease[T]{}, err
	}
	w.ticket = ticket
	w.comesFrom(here, known)
	p.enqueueLocked(w, now)
	p.stats.Waited++
	p.pumpLocked()
	p.mu.Unlock()
	return p.await(ctx, w)
}

func (p *Pool[T]) turnedAwayLocked(now int64) error {
	switch {
	case p.closed:
		return fmt.Errorf("weir: acquire: pool %q: %w", p.opts.name, ErrClosed)
	case p.brokenLocked():
		p.stats.Shed++
		return p.factsLocked(now).explain(LimitFailFast, 0)
	case p.opts.maxWaiters >= 0 && p.queue.len >= p.opts.maxWaiters && !p.idleInReachLocked():
		p.stats.Shed++
		p.growLocked()
		return p.factsLocked(now).explain(LimitMaxWaiters, 0)
	}
	return nil
}

// idleInReachLocked reports whether a caller would only wait for the check of a resource that is idle.
func (p *Pool[T]) idleInReachLocked() bool {
	return !p.paused && p.idleLocked() != nil && p.queue.len < p.lists[idle].len
}

// await waits until w is served, refused or gives up.
func (p *Pool[T]) await(ctx context.Context, w *waiter[T]) (Lease[T], error) {
	for {
		if err := p.stand(ctx, w); err != nil {
			return Lease[T]{}, err
		}
		if w.yield {
			runtime.Gosched()
		}
		if err := w.err; err != nil {
			p.spare(w)
			return Lease[T]{}, err
		}
		lease := w.lease()
		if p.factory.Probe == nil || p.probed(lease.r, lease.token, w) {
			p.spare(w)
			return lease, nil
		}
		p.rejoin(w)
	}
}

// stand waits until w is served or refused, or its caller gives up.
func (p *Pool[T]) stand(ctx context.Context, w *waiter[T]) error {
	done := ctx.Done()
	if done == nil { // which spares the price of a select
		<-w.ready
		return nil
	}
	select {
	case <-w.ready:
		return nil
	case <-done:
		return p.giveUp(ctx, w)
	}
}

// rejoin puts a waiter back whose resource failed the probe: at its old place, with what is left of its time.
func (p *Pool[T]) rejoin(w *waiter[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.got = nil
	now := p.clock.exact()
	if p.closed {
		p.refuseLocked(w, fmt.Errorf("weir: acquire: pool %q: %w", p.opts.name, ErrClosed), now)
		return
	}
	p.enqueueLocked(w, now)
	p.pumpLocked()
}

// giveUp takes w out of the queue. If w was served at the same moment, what it got is passed on; if it was refused, that
// stands.
func (p *Pool[T]) giveUp(ctx context.Context, w *waiter[T]) error {
	p.mu.Lock()
	p.admitLocked()
	served := !w.queued
	if served {
		p.mu.Unlock()
		<-w.ready // whoever took it out of the queue is about to send
		if w.err != nil {
			return w.err
		}
		p.mu.Lock()
	}
	now := p.clock.exact()
	p.countContextLocked(ctx)
	var returned *Holder
	if !served {
		p.dequeueLocked(w)
		p.stats.Wait.observe(time.Duration(now-w.since), 1)
	} else {
		p.stats.Acquired--
		p.handed--
		if !w.got.revoked.Load() {
			w.got.timing = uncounted
			returned = p.settleLocked(w.got, w.lease().token)
			p.offerLocked(w.got)
		}
	}
	e := p.factsLocked(now).explain(LimitContext, now-w.since)
	e.ctxErr = ctx.Err()
	if cause := context.Cause(ctx); cause != e.ctxErr {
		e.ctxCause = cause
	}
	r := w.got
	p.growLocked()
	p.mu.Unlock()
	if returned != nil {
		p.returnedAfterAll(r, *returned)
	}
	p.spare(w)
	return e
}

// spare keeps w for the next caller who waits.
func (p *Pool[T]) spare(w *waiter[T]) {
	w.got, w.err, w.from, w.token, w.exactly, w.yield = nil, nil, nil, nil, false, false
	p.spares.Put(w)
}

// handLocked ends the first waiter's wait with r.
func (p *Pool[T]) handLocked(r *resource[T]) { p.giveLocked(r).ready <- struct{}{} }

// giveLocked does so, but leaves it to its caller to wake the waiter, which takes longer than all the rest: with mu let go.
func (p *Pool[T]) giveLocked(r *resource[T]) *waiter[T] {
	w := p.queue.front
	p.dequeueLocked(w)
	now := p.waitedLocked(r, w)
	p.agingLocked(r, false)
	w.token = p.lendLocked(r, now, nil, w.from, w.exactly).token
	w.got = r
	p.governor.served++
	p.handed++
	p.handoffs++
	w.yield = p.handoffs%yieldEvery == 0
	return w
}

// refuseLocked ends a wait with an error. w is not in the queue any more.
func (p *Pool[T]) refuseLocked(w *waiter[T], err error, now int64) {
	p.stats.Wait.observe(time.Duration(max(now-w.since, 0)), 1) // it may have come since now was read
	w.err = err
	w.ready <- struct{}{}
}

// refuseAllLocked ends every wait.
func (p *Pool[T]) refuseAllLocked(why func(w *waiter[T]) error) {
	now := p.clock.exact()
	for w := p.queue.front; w != nil; w = p.queue.front {
		p.dequeueLocked(w)
		p.refuseLocked(w, why(w), now)
	}
}

// expireBatch bounds how many waits one hold of the lock ends.
const expireBatch = 128

// expire ends the waits that have lasted for MaxWait. They end in order of arrival, so one alarm serves all.
func (p *Pool[T]) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit.rang()
	p.admitLocked()
	now := p.clock.exact()
	var f *facts
	for n := 0; n < expireBatch && p.queue.front != nil && p.queue.front.deadline(p.opts.maxWait) <= now; n++ {
		if f == nil {
			f = p.factsLocked(now)
		}
		w := p.queue.front
		p.dequeueLocked(w)
		p.stats.Timeouts++
		f.Waiting = p.queue.len
		p.refuseLocked(w, f.explain(LimitMaxWait, now-w.since), now)
	}
	if w := p.queue.front; w != nil && p.opts.maxWait < NoLimit {
		p.limit.by(w.deadline(p.opts.maxWait), now)
	}
	if f != nil {
		p.growLocked()
	}
}

func (p *Pool[T]) countContextLocked(ctx context.Context) {
	if ctx.Err() == context.DeadlineExceeded {
		p.stats.Timeouts++
		return
	}
	p.stats.Canceled++
}
