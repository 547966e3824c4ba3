package weir

import "errors"

// A Lease is the right to use one resource until [Lease.Release], [Lease.Discard] or [Lease.Finish]. It is a small value:
// copies are the same lease. A lease whose end has come is harmless: ending it again changes nothing, least of all for
// the resource's next holder. The zero Lease is one whose end has come.
//
// Ending a lease is safe from any goroutine at any time. Value and Valid are for its holder: calling them while another goroutine
// ends the lease is a race, which the race detector reports.
type Lease[T any] struct {
	r     *resource[T]
	seq   uint64
	token *token
}

var (
	errEndedTwice  = errors.New("weir: lease was ended a second time")
	errEndedForced = errors.New("weir: lease was ended after its resource had been taken back by force")
)

// Value returns the resource. It panics when the lease has ended: what it would return belongs to somebody else.
func (l Lease[T]) Value() T {
	if !l.Valid() {
		panic("weir: Lease.Value called after the lease ended")
	}
	return l.r.value
}

// Valid reports whether the lease still holds its resource. It turns false by itself only where the pool takes resources
// back by force: [WithReclaimAfter] and [Pool.Close].
func (l Lease[T]) Valid() bool {
	return l.r != nil && l.r.seq == l.seq && !l.r.revoked.Load()
}

// ID is the number of the resource, counted from 1 in its pool, or 0 for the zero Lease.
func (l Lease[T]) ID() uint64 {
	if l.r == nil {
		return 0
	}
	return l.r.id
}

// Release gives the resource back. After [Lease.Discard] it does nothing, so that it can be deferred.
func (l Lease[T]) Release() {
	r := l.r
	if r == nil {
		return
	}
	p := r.pool
	if p.factory.Clean != nil {
		l.end(Keep, nil)
		return
	}
	p.mu.Lock()
	now := p.clock.coarse()
	if r.seq == l.seq && p.vouchedLocked(r, now) { // then it is neither taken back nor reported as leaked
		p.endLocked(r, l.token, now)
		if p.queue.len == 0 || p.paused {
			p.idleAgainLocked(r, now)
			p.mu.Unlock()
			return
		}
		w := p.giveLocked(r)
		p.mu.Unlock()
		w.ready <- struct{}{}
		return
	}
	p.mu.Unlock()
	l.end(Keep, nil)
}

// Discard gives the resource back as broken: it is closed, in the background, and never lent again.
func (l Lease[T]) Discard() { l.end(Discard, nil) }

// Finish gives the resource back as err, the error of its last use, demands: see [Factory.Classify].
func (l Lease[T]) Finish(err error) {
	if l.r == nil {
		return
	}
	p := l.r.pool
	l.end(p.factory.verdict(err, p.opts.log), err)
}

// Note says what the holder uses the resource for. It is shown where the lease is: in an [ExhaustedError], in the log of leaks, as
// [Holder].Note. A later note takes the place of an earlier one, "" takes it back, and it goes when the lease ends. The
// pool keeps the string and no copy of it: give it one of a few constants rather than one made for each lease. On a lease that
// has ended Note does nothing. It may be called from any goroutine.
func (l Lease[T]) Note(note string) {
	r := l.r
	if r == nil {
		return
	}
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	if !l.Valid() {
		return
	}
	if r.trace == nil {
		r.trace = new(trace)
	}
	r.trace.note, r.trace.noted = note, l.seq
}

func (l Lease[T]) end(v Verdict, err error) {
	r := l.r
	if r == nil {
		return
	}
	p := r.pool
	p.mu.Lock()
	if r.seq != l.seq || r.revoked.Load() {
		misused := p.staleLocked(l)
		p.mu.Unlock()
		if misused != nil {
			p.misuse(r, misused)
		}
		return
	}
	returned := p.settleLocked(r, l.token)
	var news []Event
	cleans, lent := v == Keep && p.factory.Clean != nil, r.lentAt
	switch v {
	case Keep:
		if cleans {
			p.moveLocked(r, checking)
			r.lentAt = p.clock.coarse()
		} else {
			p.offerLocked(r)
		}
	case Demoted:
		r.discarded = true
		news = p.doubtLocked(r, err)
		p.pumpLocked()
	default: // Discard, or a verdict that nobody knows
		r.discarded = true
		p.retireLocked(r, RetiredError, err)
		p.pumpLocked()
	}
	p.mu.Unlock()
	if cleans {
		p.returnDirty(r, l.seq, lent)
	}
	if returned != nil {
		p.returnedAfterAll(r, *returned)
	}
	p.tell(news...)
}

// staleLocked returns what is wrong with ending l, or nil: ending a lease once more after Discard is no fault.
func (p *Pool[T]) staleLocked(l Lease[T]) error {
	if l.r.revoked.Load() {
		p.stats.Misuses++
		return errEndedForced
	}
	if l.r.discarded && l.r.seq == l.seq+1 {
		return nil
	}
	p.stats.Misuses++
	return errEndedTwice
}
