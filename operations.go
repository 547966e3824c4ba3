package weir

import (
	"errors"
	"fmt"
)

// Resize changes MinIdle and MaxOpen of a running pool. Resources beyond a lower MaxOpen are closed at once when idle and
// when they come back when lent; nobody's lease is cut short. It fails, and changes nothing, when a value is out of its
// limits or the pool is closed.
func (p *Pool[T]) Resize(minIdle, maxOpen int) error {
	var o options
	err := errors.Join(WithMinIdle(minIdle).apply(&o), WithMaxOpen(maxOpen).apply(&o), checkSizes(minIdle, maxOpen))
	if err != nil {
		return fmt.Errorf("weir: resize: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("weir: resize: pool %q: %w", p.opts.name, ErrClosed)
	}
	p.minIdle, p.maxOpen = minIdle, maxOpen
	p.newTermsLocked()
	if p.opts.openAll {
		p.maxOpening = openAtOnce(maxOpen)
	}
	for r := p.lists[idle].back; r != nil && len(p.all) > maxOpen; r = p.lists[idle].back {
		p.retireLocked(r, RetiredResized, nil)
	}
	p.governor.filling = minIdle > 0
	p.pumpLocked()
	return nil
}

// Pause stops lending, opening and checking; leases that are out stay so. Callers wait, MaxWait at most. Pausing a paused
// pool does nothing.
func (p *Pool[T]) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = true
	p.newTermsLocked()
}

// Resume ends a pause: what came back meanwhile is lent to those who wait, in order.
func (p *Pool[T]) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = false
	p.governor.reset(p.clock.exact())
	p.governor.filling = p.minIdle > 0
	p.overhaul = true
	p.pumpLocked()
	p.nudgeLocked()
}

// EvictAll retires every resource that is open or being opened: idle ones now, lent ones when they come back. Callers who
// wait are served with new ones.
func (p *Pool[T]) EvictAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nextGenerationLocked(RetiredEvicted)
}

// Evict retires the resources for which match returns true, idle ones now, lent ones when they come back, and returns
// how many. match is called without a lock, and for lent resources while their holders use them. A nil match panics.
func (p *Pool[T]) Evict(match func(T) bool) int {
	if match == nil {
		panic("weir: Evict called with a nil function; EvictAll evicts everything")
	}
	p.mu.Lock()
	all := append([]*resource[T](nil), p.all...)
	p.mu.Unlock()
	var chosen []*resource[T]
	for _, r := range all {
		if match(r.value) {
			chosen = append(chosen, r)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	evicted := 0
	for _, r := range chosen {
		if r.state == closing || r.condemned {
			continue
		}
		evicted++
		r.condemned, r.reason = true, RetiredEvicted
		r.disown()
		if r.state == idle {
			p.retireLocked(r, RetiredEvicted, nil)
		}
	}
	p.pumpLocked()
	return evicted
}

// Reclaim takes back by force, and closes, the lent resources for which match returns true, and returns how many. Their leases are ended,
// as by [WithReclaimAfter]. match is called without a lock, while the holders use the resources. A nil match panics.
func (p *Pool[T]) Reclaim(match func(T) bool) int {
	if match == nil {
		panic("weir: Reclaim called with a nil function")
	}
	type loan struct {
		r   *resource[T]
		seq uint64
	}
	p.mu.Lock()
	var lent []loan
	for r := p.lists[inUse].front; r != nil; r = r.next {
		lent = append(lent, loan{r, r.seq})
	}
	p.mu.Unlock()
	var chosen []loan
	for _, l := range lent {
		if match(l.r.value) {
			chosen = append(chosen, l)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	reclaimed := 0
	for _, l := range chosen {
		if l.r.state != inUse || l.r.seq != l.seq || l.r.revoked.Load() {
			continue
		}
		reclaimed++
		l.r.revoked.Store(true)
		p.retireLocked(l.r, RetiredEvicted, nil)
	}
	p.pumpLocked()
	return reclaimed
}
