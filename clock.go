package weir

import "time"

// The pool reads the real clock where somebody waits, and otherwise lives by a coarse one that is moved every clockTick
// while the pool is in use and stands still, asleep, while it is not. Reading it costs nothing under mu.
const (
	clockTick  = 10 * time.Millisecond
	clockSleep = 4  // ticks without use after which the clock falls asleep
	timedEvery = 64 // at a high rate one lease, and one wait, in so many is timed exactly

	// A use this long is counted by itself. Shorter ones may be counted as being as long as one that was timed.
	longUse = 20 * time.Millisecond
)

// A timing says how the use of a resource is counted when it ends.
type timing uint8

const (
	untimed   timing = iota // lentAt is up to clockTick too early
	timed                   // lentAt is exact
	uncounted               // its caller never had it: it was no use
)

type clock struct {
	epoch time.Time
	now   int64 // nanoseconds since epoch, never backwards
	awake bool
	used  bool // since the last tick
	idle  int  // ticks without use
	ticks int  // so far, wake-ups included
	timer *time.Timer
}

func (c *clock) start(epoch time.Time, tick func()) {
	c.epoch, c.awake = epoch, true
	c.timer = time.AfterFunc(clockTick, tick)
}

// real reads the real clock. It needs no lock.
func (c *clock) real() int64 { return int64(time.Since(c.epoch)) }

// moved takes a reading over: the coarse clock moves along, and never back.
func (c *clock) moved(now int64) int64 {
	c.now = max(c.now, now)
	return c.now
}

// exact reads the real clock.
func (c *clock) exact() int64 { return c.moved(c.real()) }

// coarse returns the time to clockTick.
func (c *clock) coarse() int64 {
	c.used = true
	if c.awake {
		return c.now
	}
	return c.wake()
}

func (c *clock) wake() int64 {
	c.awake, c.idle = true, 0
	c.ticks++
	c.timer.Reset(clockTick)
	return c.exact()
}

func (p *Pool[T]) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.clock
	if p.drainOK {
		return
	}
	c.exact()
	c.ticks++
	if c.used {
		c.used, c.idle = false, 0
	} else if c.idle++; c.idle >= clockSleep {
		c.awake = false
		return
	}
	c.timer.Reset(clockTick)
}

// timeLocked notes when r was lent: exactly when the pool records its stack, for the first lease in a clock tick, and for
// one in timedEvery; else as exactly as its caller knows the time.
func (p *Pool[T]) timeLocked(r *resource[T], now int64, exactly bool) {
	r.lentAt, r.timing = now, untimed
	p.untimed++
	if exactly || p.untimed >= timedEvery || p.clock.ticks != p.timedAt {
		r.lentAt, r.timing = p.clock.exact(), timed
		p.untimed, p.timedAt = 0, p.clock.ticks
	}
}

// usedLocked counts the use that ends now, which the coarse clock says. It does without the exact time where that can't matter.
func (p *Pool[T]) usedLocked(r *resource[T], now int64) {
	if r.timing == untimed && now-r.lentAt < int64(longUse-clockTick) {
		p.shortUses++
		return
	}
	p.usedLongLocked(r)
}

// usedLongLocked counts a use that was timed or may have been long. A short one that was timed stands for those before it that were not.
func (p *Pool[T]) usedLongLocked(r *resource[T]) {
	took := p.clock.exact() - r.lentAt
	switch {
	case r.timing == uncounted:
	case r.timing == untimed && took < int64(longUse):
		p.shortUses++
	case r.timing == untimed:
		p.stats.Use.observe(time.Duration(took)-clockTick/2, 1)
	case took < int64(longUse):
		p.stats.Use.observe(time.Duration(took), p.shortUses+1)
		p.shortUses = 0
		p.governor.use.add(took)
	default:
		p.stats.Use.observe(time.Duration(took), 1)
		p.governor.use.add(took)
	}
}

// waitedLocked counts the wait that ends now with r, and returns the time. At a high rate only one wait in timedEvery is timed, and
// those that follow, from the same queue, count as being as long, as far as the coarse clock does not know better.
func (p *Pool[T]) waitedLocked(r *resource[T], w *waiter[T]) (now int64) {
	now = p.clock.coarse()
	p.untimedWaits++
	if p.untimedWaits >= timedEvery || p.clock.ticks != p.waitTimedAt {
		now = p.clock.exact()
		p.untimedWaits, p.waitTimedAt = 0, p.clock.ticks
		p.lastWait = now - w.since
	}
	least := now - w.since
	r.waited = min(max(p.lastWait, least), least+int64(clockTick))
	p.stats.Wait.observe(time.Duration(r.waited), 1)
	return now
}

// An average is a running mean that forgets: a new value counts one eighth.
type average struct {
	value int64
	known bool
}

func (a *average) add(v int64) {
	if !a.known {
		a.value, a.known = v, true
		return
	}
	a.value += (v - a.value) / 8
}

// An alarm is a timer that keeps the earliest of the times it is asked for. Its function ring must call rang under mu.
type alarm struct {
	ring  func()
	timer *time.Timer
	at    int64
	armed bool
}

func (a *alarm) by(at, now int64) {
	if a.armed && a.at <= at {
		return
	}
	a.at, a.armed = at, true
	d := time.Duration(max(at-now, 0))
	if a.timer == nil {
		a.timer = time.AfterFunc(d, a.ring)
		return
	}
	a.timer.Reset(d)
}

func (a *alarm) rang() { a.armed = false }

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.armed = false
}
