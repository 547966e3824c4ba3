package weir

import (
	"runtime"
	"time"
)

// sweepBatch bounds how many resources one hold of the lock looks at.
const sweepBatch = 64

func (p *Pool[T]) sweepLoop() {
	ticker := time.NewTicker(p.opts.sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.life.Done():
			return
		case <-ticker.C:
			p.sweep(true)
		case <-p.sweepNow:
			p.sweep(false)
		}
	}
}

// nudgeLocked asks for a sweep before its time.
func (p *Pool[T]) nudgeLocked() {
	select {
	case p.sweepNow <- struct{}{}:
	default:
	}
}

// sweep looks after everything that nobody's acquire or release brings about: idle resources that are too old, MinIdle,
// idle checks and, on its regular turn, idle times and leaks.
func (p *Pool[T]) sweep(regular bool) {
	p.sweepAges(regular)
	if regular {
		p.trim()
		p.findLeaks()
	}
	p.mu.Lock()
	if !p.closed && p.minIdle > 0 {
		p.governor.filling = true
	}
	p.pumpLocked()
	p.mu.Unlock()
	p.checkIdle()
}

// sweepAges retires idle resources that may not be lent any more, and counts those that soon may not. It walks
// downwards because retiring one moves the last, which has been looked at, into its place.
// It looks at them all, so it does so on its regular turn and after what concerns all, not whenever one is missing.
func (p *Pool[T]) sweepAges(regular bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !regular && !p.overhaul {
		return
	}
	p.overhaul = false
	now := p.clock.exact()
	ahead := 2*int64(p.opts.sweepEvery) + 2*p.governor.open.value // a sweep and an open may come late
	soon := now + min(ahead, int64(p.opts.maxLifetime/4))
	for i := len(p.all) - 1; i >= 0; i-- {
		r := p.all[i]
		if r.state == idle {
			if reason, unfit := p.unfitLocked(r); unfit {
				p.retireLocked(r, reason, nil)
			} else {
				p.agingLocked(r, r.expires <= soon)
			}
		}
		if i%sweepBatch == 0 && i > 0 {
			p.breatheLocked()
			i = min(i, len(p.all))
		}
	}
}

// agingLocked notes whether r counts as soon too old.
func (p *Pool[T]) agingLocked(r *resource[T], soon bool) {
	if r.aging == soon {
		return
	}
	r.aging = soon
	if soon {
		r.disown() // so that whoever lends it comes past here
		p.governor.aging++
	} else {
		p.governor.aging--
	}
}

// breatheLocked lets callers in between two batches. To unlock and lock again is not enough: who waits for mu would be too late.
func (p *Pool[T]) breatheLocked() {
	p.mu.Unlock()
	runtime.Gosched()
	p.mu.Lock()
}

// trim closes a tenth, at least one, of the idle resources beyond MinIdle that have been idle for too long.
func (p *Pool[T]) trim() {
	if p.opts.idleTimeout == NoLimit {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.exact()
	surplus := p.lists[idle].len - p.minIdle
	for n := min(surplus, max(surplus/10, 1), sweepBatch); n > 0; n-- {
		r := p.lists[idle].back
		if now-r.idleSince < int64(p.opts.idleTimeout) {
			return
		}
		p.retireLocked(r, RetiredIdle, nil)
	}
}

// checkIdle starts checks of idle resources that are due, a few at a time: a quarter of the idle ones, at most probeMost,
// and always one. The end of each brings the next.
func (p *Pool[T]) checkIdle() {
	const probeMost = 8
	if p.factory.Check == nil || !p.opts.checks[WhileIdle] {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.paused {
		return
	}
	now := p.clock.exact()
	most := min(max((p.lists[idle].len+p.probing)/4, 1), probeMost)
	for looked := 0; looked < len(p.all) && p.probing < most; looked++ {
		if looked%sweepBatch == sweepBatch-1 {
			p.breatheLocked()
			if p.closed || p.paused || len(p.all) == 0 {
				return
			}
		}
		p.cursor = (p.cursor + 1) % len(p.all)
		r := p.all[p.cursor]
		due := r.cleared < p.doubts || now-r.checked >= int64(p.opts.checkIdleEvery)
		if r.state == idle && due {
			p.probing++
			p.startCheckLocked(r, WhileIdle)
		}
	}
}
