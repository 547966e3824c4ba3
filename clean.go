package weir

import (
	"context"
	"fmt"
	"time"
)

// cleanTimeout bounds one cleaning.
const cleanTimeout = 5 * time.Second

// returnDirty finds out whether r can be lent on as it is, and has it cleaned if not. Its lease seq, of the time lent, has just ended, and
// nobody else holds it. Meanwhile r counts as being checked, so that nobody waits for it while another one is idle.
func (p *Pool[T]) returnDirty(r *resource[T], seq uint64, lent int64) {
	dirty, err := p.callDirty(r.value)
	p.mu.Lock()
	_, unfit := p.unfitLocked(r)
	switch {
	case err != nil:
		p.retireLocked(r, RetiredError, err)
		p.pumpLocked()
	case dirty && !unfit:
		now := p.clock.exact()
		h := r.holderOf(seq, now)
		h.Age = time.Duration(now - lent)
		r.seq += 2 // it is used: who held it before can't have it again as it was
		p.tasks.Go(func() { p.clean(r, h) })
		p.pumpLocked() // those who wait need not wait for it
	default:
		p.offerLocked(r)
	}
	p.mu.Unlock()
	if err != nil {
		p.logFailedCleaning(r.id, err)
	}
}

// clean runs in a goroutine of the pool. A Clean that does not keep to its deadline is left behind and costs the resource.
func (p *Pool[T]) clean(r *resource[T], h Holder) {
	ended := false // guarded by mu
	guard := p.guard(beyond(cleanTimeout), &ended, func() {
		p.cleanEnded(r, &ended, fmt.Errorf("weir: clean: %w: Factory.Clean ignores its deadline of %v", ErrTimeout, cleanTimeout))
	})
	ctx, cancel := context.WithTimeout(p.life, cleanTimeout)
	defer cancel()
	err := p.callClean(ctx, r.value, h)
	guard.Stop()
	p.cleanEnded(r, &ended, err)
}

func (p *Pool[T]) cleanEnded(r *resource[T], ended *bool, err error) {
	p.mu.Lock()
	if *ended {
		p.mu.Unlock()
		return
	}
	*ended = true
	if err == nil {
		p.offerLocked(r)
	} else {
		p.retireLocked(r, RetiredError, err)
	}
	p.pumpLocked()
	quiet := p.closed
	p.mu.Unlock()
	if err != nil && !quiet {
		p.logFailedCleaning(r.id, err)
	}
}

func (p *Pool[T]) logFailedCleaning(id uint64, err error) {
	p.opts.log.Warn("weir: cleaning failed; the resource is closed", "pool", p.opts.name, "resource", id, "err", err)
}

// callDirty asks whether a resource needs cleaning.
func (p *Pool[T]) callDirty(value T) (dirty bool, err error) {
	if p.factory.Dirty == nil {
		return true, nil
	}
	defer recovered("Dirty", &err)
	return p.factory.Dirty(value), nil
}

func (p *Pool[T]) callClean(ctx context.Context, value T, h Holder) (err error) {
	defer p.call()()
	defer recovered("Clean", &err)
	return p.factory.Clean(ctx, value, h)
}
