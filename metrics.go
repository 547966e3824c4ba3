package weir

import (
	"fmt"
	"time"
)

// Stats is a picture of a pool at one moment, taken under one lock in constant time. Acquired and Wait count a lease from the moment
// the pool gives it, and take it back when a probe fails or its caller has just left: they can fall by as many as that.
type Stats struct {
	Name       string
	MaxOpen    int
	MinIdle    int
	Generation uint64
	Paused     bool
	Closed     bool // Close was called

	// Resources. Open = Idle + InUse + Checking + Closing. What is Opening is not open yet.
	Open, Idle, InUse, Checking, Closing, Opening int
	// Waiting is the number of callers in the queue now.
	Waiting int
	// OldestLease is the age of the longest lease that is out now, to 10 ms (exact with [WithLeakThreshold]).
	OldestLease time.Duration

	Acquired  uint64 // leases given, with and without a wait
	Waited    uint64 // calls that had to wait, whatever came of it; their times are in Wait
	Timeouts  uint64 // calls ended by MaxWait or by the deadline of their context
	Canceled  uint64 // calls ended by the cancellation of their context
	Shed      uint64 // calls turned away by MaxWaiters or FailFast
	Opened    uint64 // opens that succeeded, the check on open included
	OpenFails uint64 // opens that failed
	// LastOpenError is why the last open failed, or nil when one succeeded since.
	LastOpenError error

	Checks     [Moments]uint64 // checks that ended, by [Moment]
	CheckFails [Moments]uint64 // of those, the failed ones; a failed Probe counts at OnAcquire in both
	Retired    [Reasons]uint64 // resources taken out for good, by [Reason]
	CloseFails uint64          // Close of a resource failed or did not return in time

	Leaks         uint64 // leases reported as leaked
	LeaksReturned uint64 // of those, the ones that came back after all
	Misuses       uint64 // second releases, and releases of what was taken back by force

	// Wait is the time callers waited, those who got nothing included; who did not wait counts as zero.
	// Use is the time leases were out. A lease that is out for longer than 20 ms is counted by itself, to 10 ms. Of shorter ones at a
	// high rate one in 64 is timed and stands for its neighbors, and so is one wait in 64.
	// OpenTime is the time of successful opens.
	Wait, Use, OpenTime Histogram
}

// A Moment is an occasion on which a resource is checked.
type Moment uint8

const (
	OnOpen    Moment = iota // when it was opened
	OnAcquire               // when a caller wants it
	WhileIdle               // periodically while nobody does
	// Moments is the number of moments.
	Moments = iota
)

// String returns "open", "acquire" or "idle".
func (m Moment) String() string {
	switch m {
	case OnOpen:
		return "open"
	case OnAcquire:
		return "acquire"
	case WhileIdle:
		return "idle"
	}
	return fmt.Sprintf("moment(%d)", uint8(m))
}

// A Reason is why a resource was retired.
type Reason uint8

const (
	RetiredLifetime Reason = iota // older than MaxLifetime
	RetiredIdle                   // idle for longer than IdleTimeout, beyond MinIdle
	RetiredError                  // discarded by its user, or failed a check
	RetiredRole                   // leads to a server with the wrong role
	RetiredEvicted                // [Pool.Evict] or [Pool.EvictAll]
	RetiredResized                // beyond a MaxOpen that was lowered
	RetiredClosed                 // the pool was closed
	RetiredLeaked                 // taken back after ReclaimAfter, or dropped and found so by Close
	// Reasons is the number of reasons.
	Reasons = iota
)

// String returns the reason as one lower-case word.
func (r Reason) String() string {
	names := [Reasons]string{"lifetime", "idle", "error", "role", "evicted", "resized", "closed", "leaked"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// An EventKind says what happened.
type EventKind uint8

const (
	EventOpened      EventKind = iota + 1 // a resource was opened and, unless told otherwise, passed its check; Took is set
	EventOpenFailed                       // opening failed; Err and Took are set
	EventChecked                          // a check passed; Moment and Took are set
	EventCheckFailed                      // a check or probe failed; Moment and Err are set, Took for a check
	EventRetired                          // a resource was closed; Reason is set, Err where there was one, Took is its age
	EventCloseFailed                      // Close failed; Err is set
	EventLeaked                           // a lease is out for longer than LeakThreshold, or was dropped (Err says so); Holder and Took are set
	EventReturned                         // a lease that had been reported as leaked came back; Holder and Took are set
	EventMisused                          // a lease was ended twice, or after it was taken back; Err says how, Holder where
	EventDemoted                          // the generation moved because of a wrong role; Err is set
)

// String returns the kind as one or two lower-case words.
func (k EventKind) String() string {
	names := [...]string{"opened", "open failed", "checked", "check failed", "retired", "close failed", "leaked", "returned", "misused", "demoted"}
	if k >= 1 && int(k) <= len(names) {
		return names[k-1]
	}
	return fmt.Sprintf("event(%d)", uint8(k))
}

// An Event is something that happened to a resource. Only the fields its kind names are set.
type Event struct {
	Kind     EventKind
	Pool     string // the pool's name
	Resource uint64 // the resource's number, counted from 1; 0 when there is none yet
	Moment   Moment
	Reason   Reason
	Err      error
	Took     time.Duration
	Holder   Holder
}

// An Observer is told of every [Event]. It is called without any lock held, from several goroutines at once, mostly the
// pool's own, and should return soon. A panic in it is logged and goes no further.
type Observer interface {
	Observe(Event)
}

// Stats returns a picture of the pool. It is cheap enough to be taken often.
func (p *Pool[T]) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.admitLocked()
	s := p.stats
	s.Name, s.MaxOpen, s.MinIdle = p.opts.name, p.maxOpen, p.minIdle
	s.Generation, s.Paused, s.Closed = p.gen, p.paused, p.closed
	s.Idle, s.InUse, s.Checking, s.Closing = p.lists[idle].len, p.lists[inUse].len, p.lists[checking].len, p.lists[closing].len
	s.Open = s.Idle + s.InUse + s.Checking + s.Closing
	s.Opening, s.Waiting = p.opens.len, p.queue.len
	if r := p.lists[inUse].front; r != nil {
		s.OldestLease = time.Duration(p.clock.exact() - r.lentAt)
	}
	atOnce := s.Acquired - p.handed
	s.Wait.Count += atOnce
	s.Wait.Buckets[0] += atOnce
	return s
}

// tell passes events to the observers. It is never called under mu.
func (p *Pool[T]) tell(events ...Event) {
	for _, o := range p.opts.observers {
		for _, e := range events {
			p.notify(o, e)
		}
	}
}

func (p *Pool[T]) notify(o Observer, e Event) {
	defer func() {
		if x := recover(); x != nil {
			p.opts.log.Error("weir: an observer panicked", "pool", p.opts.name, "event", e.Kind.String(), "panic", fmt.Sprint(x))
		}
	}()
	o.Observe(e)
}
