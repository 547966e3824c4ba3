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

// sweepAges retires idle resources that may not be lent any more, and counts those that soon may not. It looks at them all, so it does
// so on its regular turn and after what concerns all, not whenever one is missing. What it looks at first never changes, so that needs no
// lock; a list of thousands is walked without keeping callers out.
func (p *Pool[T]) sweepAges(regular bool) {
	var seen [4 * sweepBatch]*resource[T]
	p.mu.Lock()
	defer p.mu.Unlock()
	if !regular && !p.overhaul {
		return
	}
	p.overhaul = false
	now := p.clock.exact()
	ahead := 2*int64(p.opts.sweepEvery) + 2*p.governor.open.value // a sweep and an open may come late
	soon := now + min(ahead, int64(p.opts.maxLifetime/4))
	for end := len(p.all); end > 0; { // downwards: retiring one moves the last, which has been seen, into its place
		start := max(end-len(seen), 0)
		n := copy(seen[:], p.all[start:end])
		gen, crowded := p.gen, len(p.all) > p.maxOpen
		p.mu.Unlock()
		old := seen[:0]
		for _, r := range seen[:n] {
			if crowded || r.gen != gen || r.expires <= soon {
				old = append(old, r)
			}
		}
		p.mu.Lock()
		p.sweepOldLocked(old, soon)
		end = min(start, len(p.all))
	}
}

// sweepOldLocked looks closely at the few that are or will be too old, or lead where none should lead any more.
func (p *Pool[T]) sweepOldLocked(old []*resource[T], soon int64) {
	for i, r := range old {
		if i%sweepBatch == sweepBatch-1 {
			p.breatheLocked()
		}
		if r.state != idle {
			continue
		}
		if reason, unfit := p.unfitLocked(r); unfit {
			p.retireLocked(r, reason, nil)
		} else {
			p.agingLocked(r, r.expires <= soon)
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
// and always one. The end of each brings the next. When all have been looked at, it is known for how long none will be due.
func (p *Pool[T]) checkIdle() {
	const probeMost = 8
	if p.factory.Check == nil || !p.opts.checks[WhileIdle] {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.exact()
	if p.closed || p.paused || p.calm.doubts == p.doubts && now < p.calm.until {
		return
	}
	every := int64(p.opts.checkIdleEvery)
	calm := lull{until: now + every/4, doubts: p.doubts} // no longer: what moves in the list meanwhile may be missed
	most := min(max((p.lists[idle].len+p.probing)/4, 1), probeMost)
	for looked := 0; looked < len(p.all); looked++ {
		if p.probing >= most {
			return
		}
		if looked%sweepBatch == sweepBatch-1 {
			p.breatheLocked()
			if p.closed || p.paused || len(p.all) == 0 {
				return
			}
		}
		p.cursor = (p.cursor + 1) % len(p.all)
		r := p.all[p.cursor]
		switch due := r.cleared < p.doubts || now-r.checked >= every; {
		case !due:
			calm.until = min(calm.until, r.checked+every)
		case r.state == idle:
			p.probing++
			p.startCheckLocked(r, WhileIdle)
			calm.until = now
		default: // as soon as it comes back
			calm.until = now
		}
	}
	p.calm = calm
}

// A lull is a time in which no idle check is due, unless a doubt comes up.
type lull struct {
	until  int64
	doubts uint64
}
