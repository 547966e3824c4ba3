package weir

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Pool lends resources of type T. Make one with [New]; all its methods may be called from any goroutine.
type Pool[T any] struct {
	factory  Factory[T]
	opts     options
	epoch    time.Time          // the zero of the pool's clock
	life     context.Context    // ends when the pool is closed: the parent of every check
	endLife  context.CancelFunc //
	tasks    sync.WaitGroup     // the goroutines of the pool
	sweepNow chan struct{}      // asks for a sweep before its time
	drained  chan struct{}      // closed when the pool is closed and holds nothing
	joined   chan struct{}      // closed when, after that, no goroutine of the pool runs
	running  atomic.Int64       // calls of the factory's functions that have not returned
	spares   sync.Pool          // of *waiter[T]
	crowd    atomic.Uint32      // who waits: see arrivals.go
	arrivals arrivals[T]

	mu         sync.Mutex // guards the fields below
	lists      [states]list[T]
	all        []*resource[T] // what is open and not closing, in no order
	queue      queue[T]
	opens      openings
	stats      Stats // the counters; the gauges are filled in by Stats
	maxOpen    int
	minIdle    int
	maxOpening int
	gen        uint64
	genWhy     Reason // why the generation moved last
	paused     bool
	closed     bool
	drainOK    bool       // drained is closed
	warming    chan error // while New waits: where to say that MinIdle is reached, or why not

	clock    clock
	limit    alarm // the next waiter's MaxWait
	look     alarm // the governor's next look
	governor governor
	tickets  uint64 // callers so far: the order of service
	handoffs uint64 // resources given to waiters so far
	handed   uint64 // of the leases in stats.Acquired, those that came after a wait
	ids      uint64
	untimed  uint32 // leases since the last timed one
	timedAt  int    // the clock tick in which that was

	shortUses uint64 // that were not timed, since the last timed one ended

	untimedWaits uint32 // the same for waits that ended with a resource
	waitTimedAt  int
	lastWait     int64

	doubts   uint64 // how often all resources came under suspicion
	disputed bool   // the last of these was about their role, and is not settled
	terms    uint64 // see terms.go
	probing  int    // idle checks under way
	cursor   int    // where in all the idle check goes on
	calm     lull
	dropped  []*resource[T]
	overhaul bool // the next sweep has to look at all resources
}

// New makes a pool and, unless told otherwise, waits until MinIdle resources are open. ctx bounds that wait only.
//
// It fails when an option or the factory is wrong, with all such errors joined, and as the start policy says: by default
// with the error of the first open that fails; with [WithStartWait] when time runs out or an error matches
// [ErrPermanent]; with [WithStartBackground] never. A pool that could not start is closed.
func New[T any](ctx context.Context, factory Factory[T], opts ...Option) (*Pool[T], error) {
	o, err := readOptions(opts)
	if err := errors.Join(factory.check(), err); err != nil {
		return nil, fmt.Errorf("weir: new: %w", err)
	}
	if ctx == nil {
		return nil, fmt.Errorf("weir: new: %w", ErrNilContext)
	}
	p := &Pool[T]{
		factory:     factory,
		opts:        o,
		epoch:       time.Now(),
		sweepNow:    make(chan struct{}, 1),
		drained:     make(chan struct{}),
		joined:      make(chan struct{}),
		maxOpen:     o.maxOpen,
		minIdle:     o.minIdle,
		timedAt:     -1, // so that the first lease is timed, and the first wait
		waitTimedAt: -1,
		terms:       1,
		maxOpening:  o.maxOpening,
	}
	p.limit.ring, p.look.ring = p.expire, p.lookAgain
	p.life, p.endLife = context.WithCancel(context.Background())
	p.mu.Lock() // the first tick waits until the clock knows its timer
	p.clock.start(p.epoch, p.tick)
	p.mu.Unlock()
	p.governor.openCap = math.MaxInt32
	p.tasks.Go(p.sweepLoop)
	if err := p.warmUp(ctx); err != nil {
		return nil, fmt.Errorf("weir: new: pool %q: %w", o.name, err)
	}
	return p, nil
}

// Acquire lends a resource that is fit to use: not too old, checked as the options say, of the current generation. When
// none is idle it waits, in order of arrival, for whichever comes first: a returned resource or a new one.
//
// The wait ends after MaxWait or with ctx, whichever is first, in an [*ExhaustedError] that tells which; so do MaxWaiters and
// FailFast, without a wait. It ends in [ErrClosed] when the pool is closed. A ctx that has ended before the call gives its own
// error and its cause, not an ExhaustedError. Once the lease is given ctx no longer matters to it.
func (p *Pool[T]) Acquire(ctx context.Context) (Lease[T], error) {
	if ctx == nil {
		return Lease[T]{}, fmt.Errorf("weir: acquire: %w", ErrNilContext)
	}
	if ctx.Err() != nil {
		return Lease[T]{}, p.tooLate(ctx)
	}
	if p.opts.leakAfter > 0 {
		var here CallSite
		here.Record(1)
		return p.acquire(ctx, &here, nil, 0)
	}
	return p.acquire(ctx, nil, nil, 0)
}

// acquire lends what is ready, or queues. here is where the caller stands, of which a copy is kept, or nil; known is the same, and is kept
// itself. label is what the caller prefers, or 0.
func (p *Pool[T]) acquire(ctx context.Context, here, known *CallSite, label uint64) (Lease[T], error) {
	var w *waiter[T]
	switch p.crowd.Load() {
	case waiting:
		w = p.newWaiter()
	case packed:
		w = p.newWaiter()
		p.arrive(w, here, known)
		return p.await(ctx, w)
	}
	p.mu.Lock()
	p.tickets++
	ticket := p.tickets
	now := p.clock.coarse()
	var r *resource[T]
	if label != 0 {
		r = p.labelledLocked(label, now)
	}
	if r == nil {
		r = p.readyLocked(now)
	}
	if r == nil {
		return p.joinLocked(ctx, w, ticket, here, known) // unlocks
	}
	lease := p.lendLocked(r, now, here, known, here != nil)
	p.mu.Unlock()
	if w != nil {
		p.spare(w)
	}
	if p.factory.Probe == nil || p.probed(r, lease.token, nil) {
		return lease, nil
	}
	w = p.newWaiter()
	w.since = min(w.since, now+int64(clockTick)) // it came no later than that
	p.mu.Lock()
	return p.joinLocked(ctx, w, ticket, here, known)
}

// TryAcquire lends a resource that is idle and needs no check, or says at once that there is none. It does not overtake
// callers who wait. When it finds nothing it gets an idle resource checked, or one opened, for whoever comes next.
// With a check window of 0 and checks on acquire it never finds anything.
func (p *Pool[T]) TryAcquire() (Lease[T], bool) {
	if p.opts.leakAfter > 0 {
		var here CallSite
		here.Record(1)
		return p.tryAcquire(&here)
	}
	return p.tryAcquire(nil)
}

func (p *Pool[T]) tryAcquire(here *CallSite) (Lease[T], bool) {
	for {
		p.mu.Lock()
		now := p.clock.coarse()
		r := p.readyLocked(now)
		if r == nil && p.queue.len == 0 {
			r = p.freshLocked()
		}
		if r == nil {
			p.prepareLocked()
			p.mu.Unlock()
			return Lease[T]{}, false
		}
		lease := p.lendLocked(r, now, here, nil, here != nil)
		p.mu.Unlock()
		if p.factory.Probe == nil || p.probed(r, lease.token, nil) {
			return lease, true
		}
	}
}

// Do acquires a resource, runs fn with it and gives it back as fn's error demands, which it returns. When fn panics, or
// ends its goroutine, the resource is discarded.
func (p *Pool[T]) Do(ctx context.Context, fn func(context.Context, T) error) error {
	if fn == nil {
		return errors.New("weir: do: function is nil")
	}
	lease, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	finished := false
	defer func() {
		if !finished {
			lease.Discard()
		}
	}()
	err = fn(ctx, lease.r.value) // not Value: a Close by force just now is no fault of the caller's
	finished = true
	lease.Finish(err)
	return err
}

// readyLocked returns the idle resource to be lent next if it can be lent as it is. It leaves it in its list.
func (p *Pool[T]) readyLocked(now int64) *resource[T] {
	if r := p.lists[idle].front; r != nil && p.queue.len == 0 && p.vouchedLocked(r, now) {
		return r
	}
	return p.foundReadyLocked()
}

// foundReadyLocked does the same for a resource nobody vouches for.
func (p *Pool[T]) foundReadyLocked() *resource[T] {
	if p.closed || p.paused || p.queue.len > 0 {
		return nil
	}
	r := p.idleLocked()
	if r == nil || p.needsCheckLocked(r) {
		return nil
	}
	p.agingLocked(r, false)
	p.vouchLocked(r)
	return r
}

// freshLocked looks further down for an idle resource that needs no check.
func (p *Pool[T]) freshLocked() *resource[T] {
	if p.closed || p.paused || p.opts.checkWindow == 0 {
		return nil
	}
	r := p.lists[idle].front
	for n := 0; r != nil && n < sweepBatch; n++ {
		if _, unfit := p.unfitLocked(r); !unfit && !p.needsCheckLocked(r) {
			p.agingLocked(r, false)
			return r
		}
		r = r.next
	}
	return nil
}

// idleLocked returns the most recently used idle resource and retires those on top of it that may not be lent any more.
func (p *Pool[T]) idleLocked() *resource[T] {
	for {
		r := p.lists[idle].front
		if r == nil {
			return nil
		}
		reason, unfit := p.unfitLocked(r)
		if !unfit {
			return r
		}
		p.retireLocked(r, reason, nil)
	}
}

// lendLocked moves r to its new holder.
func (p *Pool[T]) lendLocked(r *resource[T], now int64, here, known *CallSite, exactly bool) Lease[T] {
	if free := &p.lists[idle]; r == free.front { // the usual case, and worth its lines
		free.popFront()
	} else {
		p.lists[r.state].remove(r)
	}
	r.state = inUse
	p.lists[inUse].pushBack(r)
	r.seq++
	p.stats.Acquired++
	p.timeLocked(r, now, exactly)
	lease := Lease[T]{r: r, seq: r.seq}
	if here != nil || known != nil {
		lease.token = r.takeToken()
		r.keepSite(here, known)
	}
	return lease
}

// moveLocked puts r at the end of the state's list, or at the front of the idle ones.
func (p *Pool[T]) moveLocked(r *resource[T], to state) {
	p.lists[r.state].remove(r)
	r.state = to
	if to == idle {
		p.lists[to].pushFront(r)
		return
	}
	p.lists[to].pushBack(r)
}

// prepareLocked sees to it that a later TryAcquire finds something.
func (p *Pool[T]) prepareLocked() {
	if p.closed || p.paused || p.queue.len > 0 || p.lists[checking].len > 0 {
		return
	}
	if r := p.idleLocked(); r != nil {
		if p.needsCheckLocked(r) {
			p.startCheckLocked(r, OnAcquire)
		}
		return
	}
	p.growLocked()
}

// openLocked counts what takes up a place under MaxOpen.
func (p *Pool[T]) openLocked() int {
	n := len(p.all)
	if p.opts.strictMax {
		n += p.lists[closing].len
	}
	return n
}

func (p *Pool[T]) tooLate(ctx context.Context) error {
	p.mu.Lock()
	p.countContextLocked(ctx)
	p.mu.Unlock()
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause != err {
		return fmt.Errorf("weir: acquire: %w: %w", err, cause)
	}
	return fmt.Errorf("weir: acquire: %w", err)
}
