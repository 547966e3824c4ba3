package weir

import (
	"context"
	"runtime"
	"time"
)

// Stacked counts the callers who have queued without the lock and were not brought over yet. Nobody may arrive meanwhile.
func Stacked[T any](p *Pool[T]) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for w := p.arrivals.top.Load(); w != nil; w = w.next {
		n++
	}
	return n
}

// Unpack tells callers who arrive to come with the lock, as if more than returns could help now. The next caller who does finds
// out what is so.
func Unpack[T any](p *Pool[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crowdLocked(waiting)
}

// Pack tells callers who arrive to queue without the lock.
func Pack[T any](p *Pool[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crowdLocked(packed)
}

// AcquirePacked acquires like a caller who was told that the pool is packed, which may not be so any more.
func AcquirePacked[T any](ctx context.Context, p *Pool[T]) (Lease[T], error) {
	w := p.newWaiter()
	p.arrive(w, nil, nil)
	return p.await(ctx, w)
}

// LeaveServed waits like a caller who is served, does not get to run until meanwhile has returned, and finds then that ctx has
// ended.
func LeaveServed[T any](ctx context.Context, p *Pool[T], meanwhile func()) error {
	w := p.newWaiter()
	p.arrive(w, new(CallSite), nil)
	meanwhile()
	return p.giveUp(ctx, w)
}

// RefuseLatecomer ends the waits of all as Close does, when one of them arrived after Close read the clock.
func RefuseLatecomer[T any](p *Pool[T]) error {
	p.mu.Lock()
	now := p.clock.exact()
	w := p.newWaiter()
	w.since = now + 1
	p.stats.Waited++
	p.refuseLocked(w, ErrClosed, now)
	p.mu.Unlock()
	_, err := p.await(context.Background(), w)
	return err
}

// Ours reports whether a frame of that function, in that file, is left out at the inner end of a borrower's stack.
func Ours(function, file string) bool {
	return ours(runtime.Frame{Function: function, File: file})
}

// Dependency reports whether a source file belongs to a module that the program uses.
func Dependency(file string) bool { return dependency(file) }

// Aging counts the idle resources that are known to be too old soon.
func Aging[T any](p *Pool[T]) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.governor.aging
}

// ExpireLate ends the waits that have lasted for MaxWait as if the alarm had come late, up to a batch of them, and audits.
func ExpireLate[T any](p *Pool[T], late time.Duration) error {
	p.mu.Lock()
	p.clock.epoch = p.clock.epoch.Add(-late)
	p.mu.Unlock()
	p.expire()
	return Audit(p)
}
