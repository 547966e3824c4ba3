package weir

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// needsCheckLocked reports whether r must pass a check before it is lent.
func (p *Pool[T]) needsCheckLocked(r *resource[T]) bool {
	if p.factory.Check == nil || !p.opts.checks[OnAcquire] {
		return false
	}
	return r.cleared < p.doubts || p.clock.coarse()-r.checked >= int64(p.opts.checkWindow)
}

// unfitLocked tells why r may not be lent any more, whatever a check would say.
func (p *Pool[T]) unfitLocked(r *resource[T]) (Reason, bool) {
	switch {
	case p.closed:
		return RetiredClosed, true
	case r.condemned:
		return r.reason, true
	case r.gen != p.gen:
		return p.genWhy, true
	case len(p.all) > p.maxOpen:
		return RetiredResized, true
	case r.expires <= p.clock.coarse():
		return RetiredLifetime, true
	}
	return 0, false
}

// A trial is one check under way. Its end is told once, under mu.
type trial struct {
	moment  Moment
	started int64
	doubts  uint64 // the pool's, at that time
	ended   bool
}

func (p *Pool[T]) startCheckLocked(r *resource[T], m Moment) {
	t := &trial{moment: m, started: p.clock.exact(), doubts: p.doubts}
	p.moveLocked(r, checking)
	r.seq += 2 // it is used: who held it before can't have it again as it was
	r.lentAt = t.started
	p.tasks.Go(func() { p.check(r, t) })
}

// check examines r in a goroutine of the pool: nobody's wait is bound to it, and if it hangs it costs this resource.
func (p *Pool[T]) check(r *resource[T], t *trial) {
	limit := p.opts.checkTimeout[t.moment]
	guard := p.guard(beyond(limit), &t.ended, func() {
		p.checkEnded(r, t, fmt.Errorf("weir: check on %v: %w: Factory.Check ignores its deadline of %v", t.moment, ErrTimeout, limit))
	})
	ctx, cancel := context.WithTimeout(p.life, limit)
	defer cancel()
	err := p.examine(ctx, r.value)
	guard.Stop()
	p.checkEnded(r, t, err)
}

// examine looks before it asks: what is known to be dead costs no round trip.
func (p *Pool[T]) examine(ctx context.Context, value T) error {
	if p.factory.Probe != nil {
		if err := p.callProbe(value); err != nil {
			return err
		}
	}
	return p.callCheck(ctx, value)
}

func (p *Pool[T]) checkEnded(r *resource[T], t *trial, err error) {
	p.mu.Lock()
	if t.ended {
		p.mu.Unlock()
		return
	}
	t.ended = true
	now := p.clock.exact()
	p.stats.Checks[t.moment]++
	e := Event{Kind: EventChecked, Pool: p.opts.name, Resource: r.id, Moment: t.moment, Took: time.Duration(now - t.started)}
	news := []Event{e}
	if err == nil {
		r.checked, r.cleared = t.started, t.doubts // what happened while it ran it need not have seen
		p.disputed = p.disputed && t.doubts < p.doubts
		p.returnCheckedLocked(r)
	} else {
		news[0].Kind, news[0].Err = EventCheckFailed, err
		p.stats.CheckFails[t.moment]++
		news = append(news, p.failedCheckLocked(r, err)...)
	}
	if t.moment == WhileIdle {
		p.probing--
	}
	p.pumpLocked()
	quiet := p.closed
	p.mu.Unlock()
	if t.moment == WhileIdle {
		p.checkIdle() // the next one
	}
	if err != nil && !quiet {
		p.logFailedCheck(r.id, t.moment, err)
	}
	p.tell(news...)
}

// returnCheckedLocked lends r on, or puts it back where it came from: a check is no use, so it does not make r younger.
func (p *Pool[T]) returnCheckedLocked(r *resource[T]) {
	since := r.idleSince
	p.acceptLocked(r)
	if r.state == idle {
		p.lists[idle].remove(r)
		r.idleSince = since
		p.lists[idle].insertByIdle(r)
	}
}

// failedCheckLocked retires r. What was last checked before is under suspicion: the failure may be that of the server or
// of the way to it.
func (p *Pool[T]) failedCheckLocked(r *resource[T], err error) []Event {
	if errors.Is(err, ErrWrongRole) {
		return p.demoteLocked(r, err)
	}
	p.retireLocked(r, RetiredError, err)
	p.suspectLocked(r)
	return nil
}

// suspectLocked makes all resources be checked before they are lent again, because r failed. If r itself was under suspicion its
// failure is no news: those that have been cleared since stay so.
func (p *Pool[T]) suspectLocked(r *resource[T]) {
	if r.cleared == p.doubts {
		p.doubts++
		p.newTermsLocked()
	}
	p.nudgeLocked()
}

// probed looks at what was just lent. When it is dead the lease is over and the caller must go on looking.
// tk is the lease's token, w the caller's place in the queue, if it had one.
func (p *Pool[T]) probed(r *resource[T], tk *token, w *waiter[T]) bool {
	err := p.callProbe(r.value)
	if err == nil && !r.revoked.Load() {
		return true
	}
	p.foundDead(r, tk, w, err)
	return false
}

// foundDead ends a lease, before its caller had it, because of what the probe said, or because it was taken back meanwhile.
func (p *Pool[T]) foundDead(r *resource[T], tk *token, w *waiter[T], err error) {
	p.mu.Lock()
	p.unlendLocked(r, w)
	if r.revoked.Load() {
		p.mu.Unlock()
		return
	}
	p.stats.Checks[OnAcquire]++
	p.stats.CheckFails[OnAcquire]++
	r.timing = uncounted
	p.settleLocked(r, tk)
	news := []Event{{Kind: EventCheckFailed, Pool: p.opts.name, Resource: r.id, Moment: OnAcquire, Err: err}}
	if errors.Is(err, ErrWrongRole) {
		news = append(news, p.demoteLocked(r, err)...)
	} else {
		p.retireLocked(r, RetiredError, err)
	}
	p.pumpLocked()
	p.mu.Unlock()
	p.logFailedCheck(r.id, OnAcquire, err)
	p.tell(news...)
}

// unlendLocked takes a lease that never reached its caller out of the counts.
func (p *Pool[T]) unlendLocked(r *resource[T], w *waiter[T]) {
	p.stats.Acquired--
	if w != nil {
		p.handed--
		p.stats.Wait.forget(time.Duration(r.waited))
	}
}

// checkOnOpen checks a value that is not in the books yet, within the deadline of its opening and its own. If it hangs the open
// has failed, and the value is closed under the check.
func (p *Pool[T]) checkOnOpen(ctx context.Context, o *opening, value T) ([]Event, error) {
	limit := p.opts.checkTimeout[OnOpen]
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, max(time.Until(end), 0))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	started := time.Now()
	guard := p.guard(beyond(limit), &o.checked, func() {
		err := fmt.Errorf("weir: check on open: %w: Factory.Check ignores its deadline of %v", ErrTimeout, limit)
		var none T
		p.openEnded(o, none, err, p.checkedOnOpen(o, started, err)) // unless the open as a whole was given up on before
		p.closeOpened(o, value)
	})
	err := p.callCheck(ctx, value)
	p.mu.Lock()
	o.checked = true
	p.mu.Unlock()
	guard.Stop()
	news := p.checkedOnOpen(o, started, err)
	if err != nil {
		return news, fmt.Errorf("check on open: %w", err)
	}
	return news, nil
}

// checkedOnOpen counts a check on open and returns what is to be told of it, which waits until nobody waits for that.
func (p *Pool[T]) checkedOnOpen(o *opening, started time.Time, err error) []Event {
	e := Event{Kind: EventChecked, Pool: p.opts.name, Moment: OnOpen, Took: time.Since(started), Err: err}
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.ended {
		return nil
	}
	p.stats.Checks[OnOpen]++
	if err != nil {
		e.Kind = EventCheckFailed
		p.stats.CheckFails[OnOpen]++
	}
	return []Event{e}
}

func (p *Pool[T]) logFailedCheck(id uint64, m Moment, err error) {
	p.opts.log.Warn("weir: check failed", "pool", p.opts.name, "resource", id, "moment", m.String(), "err", err)
}
