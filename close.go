package weir

import (
	"context"
	"fmt"
	"time"
)

// Close ends the pool. It stops lending immediately: callers that wait get [ErrClosed], opens and checks in progress are canceled, and
// idle resources are closed. Then Close waits until ctx ends for the leases that are out, except those known to be dropped. Resources
// that are still lent then are closed under their holders, and the [*CloseError] says how many. After ctx ends, a resource that does
// not close adds up to [WithCloseTimeout]. When Close returns no goroutine of the pool runs, except calls of the factory's functions
// that did not return in that time; the error counts them. Do not call Close from an observer or a function of the factory: it would
// wait for itself.
//
// A closed pool stays closed. Closing it again waits for the same end, or for ctx, and forces nothing more.
func (p *Pool[T]) Close(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("weir: close: %w", ErrNilContext)
	}
	first := p.shut()
	select {
	case <-p.drained:
		return p.join(&CloseError{Pool: p.opts.name, Cause: ErrTimeout})
	case <-ctx.Done():
	}
	select {
	case <-p.drained: // it was done before ctx was
		return p.join(&CloseError{Pool: p.opts.name, Cause: ErrTimeout})
	default:
	}
	if !first {
		return fmt.Errorf("weir: close: pool %q is still closing: %w", p.opts.name, context.Cause(ctx))
	}
	return p.join(p.force(context.Cause(ctx)))
}

// join waits for the goroutines of the pool, no longer than a Close of a resource may take, and returns e if it has something to
// tell.
func (p *Pool[T]) join(e *CloseError) error {
	late := time.NewTimer(beyond(beyond(p.opts.closeTimeout)))
	defer late.Stop()
	select {
	case <-p.joined:
	case <-late.C:
		e.Running = max(int(p.running.Load()), 1) // an observer, if no function of the factory
	}
	if e.Forced == 0 && e.Running == 0 {
		return nil
	}
	return e
}

// shut stops everything that can be stopped at once. It returns false when that was done before.
func (p *Pool[T]) shut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.closed = true
	p.newTermsLocked()
	p.endLife()
	for o := p.opens.front; o != nil; o = o.next {
		o.cancel(nil)
	}
	p.look.stop()
	p.limit.stop()
	p.refuseClosedLocked()
	for r := p.lists[idle].front; r != nil; r = p.lists[idle].front {
		p.retireLocked(r, RetiredClosed, nil)
	}
	var next *resource[T]
	for r := p.lists[inUse].front; r != nil; r = next {
		if next = r.next; r.dropped {
			p.takeBackLocked(r, errDropped)
		}
	}
	p.drainLocked()
	go func() {
		<-p.drained
		p.tasks.Wait()
		close(p.joined)
	}()
	return true
}

func (p *Pool[T]) refuseClosedLocked() {
	p.refuseAllLocked(func(*waiter[T]) error {
		return fmt.Errorf("weir: acquire: pool %q: %w", p.opts.name, ErrClosed)
	})
}

// drainLocked notices that a closed pool holds nothing any more.
func (p *Pool[T]) drainLocked() {
	if !p.closed || p.drainOK || len(p.all)+p.lists[closing].len+p.opens.len > 0 {
		return
	}
	p.drainOK = true
	p.clock.timer.Stop()
	close(p.drained)
}

// force closes what is still lent.
func (p *Pool[T]) force(cause error) *CloseError {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &CloseError{Pool: p.opts.name, Cause: cause}
	if holders := p.holdersLocked(p.clock.exact()); len(holders) > 0 {
		e.Holders = holders
	}
	for r := p.lists[inUse].front; r != nil; r = p.lists[inUse].front {
		e.Forced++
		p.usedLocked(r, p.clock.coarse())
		r.revoked.Store(true)
		p.retireLocked(r, RetiredClosed, nil)
	}
	return e
}
