package weir

import (
	"errors"
	"math"
	"math/rand/v2"
	"time"
)

// The governor decides how many opens run. Opening a resource often takes longer than waiting for one that is out, so it
// opens only for those waiters whom the returns, at the rate it sees or expects, would not serve by the time an
// open takes. It looks again whenever a caller arrives, an open or a check ends, and every governorTick while callers wait.
const (
	governorTick = 5 * time.Millisecond
	// openGuess is taken for the time of an open before the first one has been seen.
	openGuess = 100 * time.Millisecond
	// What is coming is not counted on for longer than this: a check that takes longer probably hangs.
	checkPatience = 50 * time.Millisecond
	// The same for an open: this, or four times what opens take, if that is more, but no more than half of MaxWait then.
	openPatience = 250 * time.Millisecond
	// leastPause is how long opens pause after a failure, whatever MaxWait says.
	leastPause = 10 * time.Millisecond
	// An open that failed sooner than this has failed at once: it was refused. While callers wait the pauses after such failures
	// double from refusedLeast to refusedMost.
	atOnce       = 100 * time.Millisecond
	refusedLeast = 5 * time.Millisecond
	refusedMost  = 100 * time.Millisecond
	// The youngest open gives way to a new one after this, or four times what opens take, when all that may run hang.
	scoutAfter = time.Second
)

type governor struct {
	use, open average // how long uses and opens take
	since     int64   // when the queue was last empty
	served    int     // by hand-over, since the last look
	looked    int64   // the last look
	rate      float64 // hand-overs per nanosecond, smoothed
	rated     bool    // rate means something

	failures int   // of opens in a row, those that ran at the same time counted once
	failed   int64 // when the last one was
	pause    int64 // how long to pause after it
	short    int64 // the same while callers wait, math.MaxInt64 if it did not fail at once
	openCap  int   // slow start: how many opens may run after a failure
	broken   bool  // the last open failed while nothing was open
	filling  bool  // MinIdle is to be reached
	aging    int   // idle resources that will soon be too old
}

// reset is called when the first caller joins an empty queue.
func (g *governor) reset(now int64) {
	g.since, g.looked, g.served, g.rate, g.rated = now, now, 0, 0, false
}

// measure updates the rate of returns, at a look.
func (g *governor) measure(now int64) {
	took := now - g.looked
	if took < int64(governorTick)/2 {
		return
	}
	rate := float64(g.served) / float64(took)
	if g.rated {
		rate = g.rate + (rate-g.rate)/4
	}
	g.rate, g.rated, g.served, g.looked = rate, true, 0, now
}

// unserved is how many of n waiters the returns of lent resources will not have served by the time an open takes. What
// uses took so far is trusted for twice that time, and never for more than a quarter of MaxWait; then it is what returns.
func (g *governor) unserved(n, lent int, now int64, maxWait time.Duration) int {
	if n <= 0 || lent == 0 {
		return max(n, 0)
	}
	open := int64(openGuess)
	if g.open.known {
		open = g.open.value
	}
	var rate float64
	switch elapsed := now - g.since; {
	case g.use.known && elapsed <= min(2*g.use.value, int64(maxWait/4)):
		rate = float64(lent) / float64(max(g.use.value, 1))
	case g.rated:
		rate = g.rate
	case open < int64(governorTick): // finding out would take longer than opening
		return n
	default:
		return 0
	}
	return max(n-int(min(rate*float64(open), float64(n))), 0)
}

// backOff is called for an open that failed and had started at that time.
func (g *governor) backOff(started, now int64, err error, o *options) {
	g.openCap = 1
	if g.failures > 0 && started < g.failed {
		return // it ran beside one that is counted
	}
	g.failures++
	g.failed, g.pause, g.short = now, jittered(doubled(o.backoffMin, o.backoffMax, g.failures)), math.MaxInt64
	if now-started < int64(atOnce) && !errors.Is(err, ErrPermanent) { // a wrong password tried often may lock the account
		g.short = jittered(doubled(refusedLeast, refusedMost, g.failures))
	}
}

// doubled is the nth pause of those that double from least to most.
func doubled(least, most time.Duration, n int) time.Duration {
	for ; n > 1 && least < most; n-- {
		if least > most/2 {
			return most
		}
		least *= 2
	}
	return least
}

// jittered takes up to half of a pause away, at random.
func jittered(pause time.Duration) int64 { return int64(pause/2 + rand.N(pause/2+1)) }

// opened is called for an open that succeeded and had taken that long.
func (g *governor) opened(took int64) {
	g.open.add(took)
	g.failures, g.broken = 0, false
	g.openCap = min(g.openCap+1, math.MaxInt32) // which doubles it when all that ran succeeded
}

// notBefore is when the next open may start.
func (g *governor) notBefore(waiting bool, o *options) int64 {
	if g.failures == 0 {
		return 0
	}
	if !waiting {
		return g.failed + g.pause
	}
	pause := min(g.pause, g.short)
	if o.maxWait != NoLimit {
		pause = min(pause, int64(max(o.maxWait/4, leastPause)))
	}
	return g.failed + pause
}

// pumpLocked is called when something may have changed for those who wait: it gives them what is idle, gets checked what
// must be checked first, and opens what is missing.
func (p *Pool[T]) pumpLocked() {
	p.admitLocked()
	if p.closed || p.paused {
		return
	}
	for p.queue.len > 0 {
		r := p.idleLocked()
		if r == nil {
			break
		}
		if !p.needsCheckLocked(r) {
			p.handLocked(r)
			continue
		}
		if p.checksComingLocked(p.clock.exact()) >= p.queue.len {
			if r = p.freshLocked(); r == nil { // nobody waits for a check beside one that needs none
				break
			}
			p.handLocked(r)
			continue
		}
		p.startCheckLocked(r, OnAcquire)
	}
	p.governLocked()
}

// governLocked starts opens and sees to the next look.
func (p *Pool[T]) governLocked() {
	g := &p.governor
	room := p.maxOpen - p.openLocked() - p.opens.len
	if room <= 0 && p.lists[idle].len+p.opens.len == 0 { // the usual case under load: returns alone can help
		if p.queue.len > 0 && p.opts.maxWaiters < 0 {
			p.crowdLocked(packed)
		}
		return
	}
	if p.queue.len > 0 {
		p.crowdLocked(waiting)
	}
	if p.queue.len == 0 && !g.filling && !p.brokenLocked() {
		return
	}
	now := p.clock.exact()
	fresh := p.opensComingLocked(now)
	want := max(p.wantedLocked(now, fresh), p.missingLocked())
	if p.brokenLocked() {
		want = max(1-p.opens.len, 0) // one attempt at a time finds out
	}
	start := g.notBefore(p.queue.len > 0, &p.opts)
	if now >= start {
		n := min(want, room, g.openCap-fresh, p.maxOpening-p.opens.len)
		for range n {
			p.startOpenLocked(now)
		}
	}
	if want > 0 && fresh == 0 && min(room, p.maxOpening-p.opens.len) <= 0 {
		p.scoutLocked(now)
	}
	switch {
	case now < start && want > 0:
		p.look.by(start, now)
	case p.queue.len > 0 && (room > 0 || p.lists[idle].len > 0):
		p.look.by(now+int64(governorTick), now)
	}
}

// scoutLocked is called when opens that can't be counted on take every place. An open that fell into a black hole hangs until
// its deadline although the way may be free again; so one of them at a time gives way to an attempt that finds out. The others
// go on: a server that is only slow serves by those.
func (p *Pool[T]) scoutLocked(now int64) {
	if p.opens.len < 2 || p.opens.givingWay > 0 {
		return
	}
	youngest := p.opens.back
	due := youngest.started + max(int64(scoutAfter), 4*p.governor.open.value)
	if now < due {
		p.look.by(due, now)
		return
	}
	p.opens.giveWay(youngest)
}

// growLocked is called when callers leave empty-handed. Waits that end before the governor sees a reason to open must not keep
// the pool small for ever: one open at a time is started.
func (p *Pool[T]) growLocked() {
	if p.closed || p.paused || p.lists[idle].len+p.opens.len > 0 || p.openLocked() >= p.maxOpen {
		return
	}
	if now := p.clock.exact(); now >= p.governor.notBefore(true, &p.opts) {
		p.startOpenLocked(now)
	}
}

// wantedLocked is how many opens those who wait need, beyond what is coming.
func (p *Pool[T]) wantedLocked(now int64, opening int) int {
	checks := p.checksComingLocked(now)
	if checks < p.lists[checking].len {
		checks = 0 // one hangs: those under way may lead to the same place
	}
	return p.governor.unserved(p.queue.len-opening-checks, p.lists[inUse].len, now, p.opts.maxWait)
}

// missingLocked is how many opens MinIdle needs, while it is to be reached. Resources that will soon be too old count as
// gone, so that their successors are there before.
func (p *Pool[T]) missingLocked() int {
	g := &p.governor
	if !g.filling {
		return 0
	}
	missing := p.minIdle - p.lists[idle].len - p.lists[checking].len - p.opens.len + g.aging
	if missing <= 0 && p.opens.len == 0 {
		g.filling = false
	}
	return max(missing, 0)
}

func (p *Pool[T]) lookAgain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look.rang()
	p.governor.measure(p.clock.exact())
	p.pumpLocked()
}

// opensComingLocked counts the opens that have not run for so long that they can't be counted on.
func (p *Pool[T]) opensComingLocked(now int64) int {
	patience := max(int64(openPatience), min(4*p.governor.open.value, int64(p.opts.maxWait/2)))
	n := p.opens.len
	for o := p.opens.front; o != nil; o = o.next {
		if now-o.started < patience {
			break
		}
		n--
	}
	return n
}

// checksComingLocked does the same for checks; resources under a check have its start in lentAt.
func (p *Pool[T]) checksComingLocked(now int64) int {
	n := 0
	for r := p.lists[checking].back; r != nil && now-r.lentAt < int64(checkPatience); r = r.prev {
		n++
	}
	return n
}

// brokenLocked reports that callers are to fail fast.
func (p *Pool[T]) brokenLocked() bool {
	return p.opts.failFast && p.governor.broken && len(p.all) == 0
}
