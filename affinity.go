package weir

import (
	"context"
	"fmt"
)

// Some uses are cheaper, or only right, on the very resource they had before: it is in the state they need. A preference is weak, it
// only chooses among what could be lent anyway; to have the same one again is asked for at once or not at all.

// preferAmong is how many idle resources a preference looks at: those used last are the likeliest, and the lock is short.
const preferAmong = 8

// Label puts a label on the lease's resource: a number that says what it is good for, of the user's own making. The resource keeps
// it when the lease ends, until another holder changes it; 0, which each begins with, is none. [Pool.AcquirePreferring] looks
// for it. On a lease that has ended Label does nothing. It may be called from any goroutine.
func (l Lease[T]) Label(label uint64) {
	if l.r == nil {
		return
	}
	p := l.r.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.Valid() {
		l.r.label = label
	}
}

// AcquirePreferring is [Pool.Acquire] with a wish: among the eight idle resources used last, one with that label which can be lent
// as it is, fit and with no check due, is taken before all others. Of several it is the one used last.
//
// The wish costs nobody anything. It opens nothing, and makes no caller wait who could have had another resource. Who has to wait
// anyway is served in order of arrival with whatever comes first, and label does not matter. The same holds where every
// resource is checked before it is lent, with a check window of 0. A label of 0 wishes for nothing.
//
// It is made for layers that borrow for each call of theirs, and for them recording stacks is expensive: it records none itself. site is where the borrower
// stands, for errors and logs, or nil: the layer has recorded it, see [CallSite.Record], or knows it. The pool keeps the pointer, so
// the CallSite must not change any more.
func (p *Pool[T]) AcquirePreferring(ctx context.Context, label uint64, site *CallSite) (Lease[T], error) {
	if ctx == nil {
		return Lease[T]{}, fmt.Errorf("weir: acquire: %w", ErrNilContext)
	}
	if ctx.Err() != nil {
		return Lease[T]{}, p.tooLate(ctx)
	}
	if p.opts.leakAfter == 0 {
		site = nil
	}
	return p.acquire(ctx, nil, site, label)
}

// Trace records where its caller stands as the place where the lease was borrowed, if leak naming is on and nothing is recorded yet. It is
// for leases of [Pool.AcquirePreferring] that turn out to be kept. On a lease that has ended it does nothing.
func (l Lease[T]) Trace() {
	if l.r == nil || l.r.pool.opts.leakAfter == 0 || l.traced() {
		return
	}
	var here CallSite
	here.Record(1)
	p := l.r.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.Valid() {
		l.r.keepSite(&here, nil)
	}
}

func (l Lease[T]) traced() bool {
	p := l.r.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	return !l.Valid() || l.r.trace != nil && l.r.trace.sited == l.seq
}

// labelledLocked returns the idle resource with that label to be lent next, if one of the first few can be lent as it is. It
// leaves it in its list.
func (p *Pool[T]) labelledLocked(label uint64, now int64) *resource[T] {
	r := p.lists[idle].front
	for n := 0; r != nil && n < preferAmong; n++ {
		if r.label == label && p.lendableLocked(r, now) {
			return r
		}
		r = r.next
	}
	return nil
}

// lendableLocked reports whether r, which is idle, may be lent as it is to a caller who arrives now.
func (p *Pool[T]) lendableLocked(r *resource[T], now int64) bool {
	if p.paused || p.queue.len > 0 {
		return false
	}
	if p.vouchedLocked(r, now) {
		return true
	}
	if _, unfit := p.unfitLocked(r); unfit || p.needsCheckLocked(r) {
		return false
	}
	p.agingLocked(r, false)
	p.vouchLocked(r)
	return true
}

// Again lends the resource of a lease that has ended once more, at once, as it was left: when it is idle, fit, no check of it is due
// and nothing has used it since, neither another holder nor a check. It says false when that is not so, while the lease lasts,
// while somebody waits, whom it does not overtake, and when the pool is paused or closed. It never waits, opens or checks.
//
// A lease by Again is one like any other: it is probed, counted and named in the same way, and ends by itself; the old
// one stays ended. Again may be called from any goroutine, and more than once: one call at most succeeds. With a check window of 0
// and checks on acquire none ever does.
func (l Lease[T]) Again() (Lease[T], bool) {
	if l.r == nil {
		return Lease[T]{}, false
	}
	if l.r.pool.opts.leakAfter > 0 {
		var here CallSite
		here.Record(1)
		return l.again(&here)
	}
	return l.again(nil)
}

func (l Lease[T]) again(here *CallSite) (Lease[T], bool) {
	r := l.r
	p := r.pool
	p.mu.Lock()
	now := p.clock.coarse()
	if r.state != idle || r.seq != l.seq+1 || !p.lendableLocked(r, now) {
		p.mu.Unlock()
		return Lease[T]{}, false
	}
	lease := p.lendLocked(r, now, here, nil, here != nil)
	p.mu.Unlock()
	if p.factory.Probe == nil || p.probed(r, lease.token, nil) {
		return lease, true
	}
	return Lease[T]{}, false
}
