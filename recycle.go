package weir

import (
	"errors"
	"fmt"
	"time"
)

// endLocked ends r's lease; the caller says at once what becomes of r.
func (p *Pool[T]) endLocked(r *resource[T], tk *token, now int64) {
	p.usedLocked(r, now)
	r.seq++
	if tk != nil {
		r.token = tk
	}
}

// settleLocked does so and, if the lease had been reported as leaked, returns who it was.
func (p *Pool[T]) settleLocked(r *resource[T], tk *token) *Holder {
	if !r.leaked {
		p.endLocked(r, tk, p.clock.coarse())
		return nil
	}
	now := p.clock.exact()
	h := r.holder(now)
	p.endLocked(r, tk, now)
	r.leaked = false
	p.stats.LeaksReturned++
	return &h
}

// offerLocked finds the next place for r, which nobody holds: it is retired, lent to the first waiter, checked for the
// waiters, or idle.
func (p *Pool[T]) offerLocked(r *resource[T]) {
	if reason, unfit := p.unfitLocked(r); unfit {
		p.retireLocked(r, reason, nil)
		if p.queue.len > 0 {
			p.pumpLocked()
		}
		return
	}
	if p.queue.len > 0 && !p.paused && p.needsCheckLocked(r) {
		p.startCheckLocked(r, OnAcquire)
		return
	}
	p.placeLocked(r)
}

// acceptLocked does the same for a resource that has just been opened or has just passed its check.
func (p *Pool[T]) acceptLocked(r *resource[T]) {
	if reason, unfit := p.unfitLocked(r); unfit {
		p.retireLocked(r, reason, nil)
		return
	}
	if p.disputed && r.cleared < p.doubts {
		p.offerLocked(r) // the role came into doubt meanwhile: it must answer again
		return
	}
	p.placeLocked(r)
}

// placeLocked lends r, which is fit, to the first waiter or makes it idle.
func (p *Pool[T]) placeLocked(r *resource[T]) {
	if p.queue.len > 0 && !p.paused {
		p.handLocked(r)
		return
	}
	p.idleAgainLocked(r, p.clock.coarse())
}

func (p *Pool[T]) idleAgainLocked(r *resource[T], now int64) {
	p.lists[r.state].remove(r)
	r.state = idle
	p.lists[idle].pushFront(r)
	r.idleSince = now
}

// retireLocked takes r out for good. Close runs in a goroutine of the pool.
func (p *Pool[T]) retireLocked(r *resource[T], why Reason, err error) {
	last := len(p.all) - 1
	p.all[r.index] = p.all[last]
	p.all[r.index].index = r.index
	p.all[last] = nil
	p.all = p.all[:last]
	if r.state != inUse {
		p.nudgeLocked() // MinIdle may want another one
	}
	p.moveLocked(r, closing)
	p.agingLocked(r, false)
	r.disown()
	r.token = nil // what its cleanup refers to must not refer to it
	p.stats.Retired[why]++
	p.tasks.Go(func() { p.dispose(r, why, err) })
}

// dispose closes r. A Close that does not return in time counts as done, and as failed.
func (p *Pool[T]) dispose(r *resource[T], why Reason, cause error) {
	limit := p.opts.closeTimeout
	guard := p.guard(limit, &r.gone, func() {
		p.disposed(r, why, cause, fmt.Errorf("weir: close: %w: Factory.Close has not returned for %v", ErrTimeout, limit))
	})
	err := p.callClose(r.value)
	guard.Stop()
	p.disposed(r, why, cause, err)
}

func (p *Pool[T]) disposed(r *resource[T], why Reason, cause, err error) {
	p.mu.Lock()
	if r.gone {
		p.mu.Unlock()
		return
	}
	r.gone = true
	p.lists[closing].remove(r)
	age := time.Duration(p.clock.exact() - r.born)
	if err != nil {
		p.stats.CloseFails++
	}
	if p.opts.strictMax {
		p.pumpLocked()
	}
	p.drainLocked()
	p.mu.Unlock()
	if err != nil {
		p.opts.log.Warn("weir: closing failed", "pool", p.opts.name, "resource", r.id, "err", err)
		p.tell(Event{Kind: EventCloseFailed, Pool: p.opts.name, Resource: r.id, Err: err})
	}
	p.tell(Event{Kind: EventRetired, Pool: p.opts.name, Resource: r.id, Reason: why, Err: cause, Took: age})
}

// doubtLocked retires r because of an error that Classify takes for a demotion. The error may have another meaning, so the others
// are asked before they are lent again, and the first answer that confirms it moves the generation. Where the error is certain,
// or nobody asks, it moves now.
func (p *Pool[T]) doubtLocked(r *resource[T], err error) []Event {
	if errors.Is(err, ErrWrongRole) || p.factory.Check == nil || !p.opts.checks[OnAcquire] {
		return p.demoteLocked(r, err)
	}
	p.retireLocked(r, RetiredRole, err)
	if !p.disputed { // whoever was cleared since an older doubt must answer again
		p.disputed = true
		p.doubts++
		p.newTermsLocked()
	}
	p.nudgeLocked()
	return nil
}

// demoteLocked retires r because of its role, and moves the generation if r belongs to the present one: what was opened
// since somebody else noticed is not blamed.
func (p *Pool[T]) demoteLocked(r *resource[T], err error) []Event {
	p.retireLocked(r, RetiredRole, err)
	if r.gen != p.gen {
		return nil
	}
	return p.roleLostLocked(r.id, err)
}

// roleLostLocked moves the generation because what was opened so far leads to the wrong role.
func (p *Pool[T]) roleLostLocked(id uint64, err error) []Event {
	p.disputed = false
	p.nextGenerationLocked(RetiredRole)
	return []Event{{Kind: EventDemoted, Pool: p.opts.name, Resource: id, Err: err}}
}

// nextGenerationLocked condemns everything that is open or opening.
func (p *Pool[T]) nextGenerationLocked(why Reason) {
	p.gen++
	p.newTermsLocked()
	p.genWhy = why
	p.overhaul = true
	p.nudgeLocked()
}
