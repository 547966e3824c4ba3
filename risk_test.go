package weir_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// Each test here is a fault that a good pool of others has had; the comment names the risk.

// Risk: what comes back between a caller's look and its joining the queue is shelved while the caller sleeps (vitess #17662,
// #17675, #15745). In the bubble a stranded caller would cost time; nothing here may.
func TestReturnBetweenLookAndWaitIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithCheckWindow(time.Hour))
		borrow(t, p).Release()
		start := time.Now()
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for range 1000 {
					lease, err := p.Acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					runtime.Gosched()
					lease.Release()
				}
			})
		}
		callers.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("somebody slept for %v beside a free resource", took)
		}
		if p.Stats().Waited == 0 {
			t.Error("nobody waited: the test shows nothing")
		}
		audit(t, p)
	})
}

// Risk: a resource handed to a caller who leaves at that moment is lost, or blocks who returns it (vitess #20310, #20308).
func TestHandOffToLeavingCallersLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(weir.NoLimit))
		for range 300 {
			lease := borrow(t, p)
			ctx, cancel := context.WithCancel(t.Context())
			var callers sync.WaitGroup
			for range 5 {
				callers.Go(func() {
					if l, err := p.Acquire(ctx); err == nil {
						l.Release()
					}
				})
			}
			synctest.Wait()
			callers.Go(func() { borrow(t, p).Release() }) // who stays is served by what the others leave
			synctest.Wait()
			start := time.Now()
			callers.Go(cancel)
			callers.Go(lease.Release)
			callers.Wait()
			if took := time.Since(start); took != 0 {
				t.Fatalf("the hand-off took %v", took)
			}
			audit(t, p)
			if s := p.Stats(); s.Idle != 1 || s.InUse != 0 {
				t.Fatalf("idle %d, in use %d, want 1 and 0", s.Idle, s.InUse)
			}
		}
	})
}

// Risk: only waits that end well are measured, so an outage looks fast (vitess, the note on metrics of the same incident).
func TestWaitsThatFailAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(50*time.Millisecond))
		lease := borrow(t, p)
		before := p.Stats().Wait
		if _, err := p.Acquire(t.Context()); !errors.Is(err, weir.ErrExhausted) {
			t.Errorf("error %v, want exhausted", err)
		}
		after := p.Stats().Wait
		if after.Count != before.Count+1 || after.Sum-before.Sum != 50*time.Millisecond {
			t.Errorf("measured %d waits of %v, want one of 50ms", after.Count-before.Count, after.Sum-before.Sum)
		}
		lease.Release()
	})
}

// Risk: the refresh of an old idle resource keeps its place while it opens anew in the background, and callers wait behind
// it (vitess #20080, #20079).
func TestReplacementOfTheOldServesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(2), weir.WithMinIdle(2), weir.WithMaxLifetime(10*time.Second), weir.WithMaxLifetimeJitter(0))
		for range 50 {
			time.Sleep(990 * time.Millisecond)
			start := time.Now()
			lease := borrow(t, p)
			if took := time.Since(start); took > 100*time.Millisecond {
				t.Errorf("waited %v, want one open at most", took)
			}
			lease.Release()
			audit(t, p)
		}
		if p.Stats().Retired[weir.RetiredLifetime] < 6 {
			t.Error("hardly anything grew old: the test shows nothing")
		}
	})
}

// Risk: the sweep marks a resource while a caller takes it; both drop it, or none counts it (vitess #18967).
func TestResourcesThatExpireUnderCallersAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 8
		p := newPool(t, &maker{}, weir.WithMaxOpen(n), weir.WithMinIdle(n), weir.WithMaxLifetime(50*time.Millisecond),
			weir.WithMaxLifetimeJitter(0), weir.WithSweepEvery(10*time.Millisecond), weir.WithIdleTimeout(10*time.Millisecond))
		for range 100 {
			var callers sync.WaitGroup
			for range n {
				callers.Go(func() { borrow(t, p).Release() })
			}
			time.Sleep(10 * time.Millisecond) // every sweep meets callers
			callers.Wait()
			audit(t, p)
		}
		for range n {
			defer borrow(t, p).Release() // no place was lost
		}
	})
}

// Risk: after a Close that timed out the counters are wrong for ever, or the pool opens again (vitess #18202).
func TestLateReturnAfterForcedCloseIsCountedRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMaxOpen(3))
		leases := []weir.Lease[*thing]{borrow(t, p), borrow(t, p), borrow(t, p)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		leases[0].Release()
		var forced *weir.CloseError
		if err := p.Close(ctx); !errors.As(err, &forced) || forced.Forced != 2 {
			t.Errorf("Close: %v, want 2 closed by force", err)
		}
		for _, l := range leases[1:] {
			l.Release()
			audit(t, p)
		}
		if _, err := p.Acquire(t.Context()); !errors.Is(err, weir.ErrClosed) {
			t.Errorf("Acquire: %v, want ErrClosed", err)
		}
		if s := p.Stats(); s.Open != 0 || s.Misuses != 2 {
			t.Errorf("open %d, misuses %d, want 0 and 2", s.Open, s.Misuses)
		}
	})
}

// Risk: the decisions to open and to close are taken apart, so something opens after Close returned (vitess #21189).
func TestNothingOpensAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			m := &maker{openTakes: time.Millisecond}
			p := newPool(t, m, weir.WithMaxOpen(4))
			var callers sync.WaitGroup
			for range 8 {
				callers.Go(func() {
					if l, err := p.Acquire(t.Context()); err == nil {
						l.Release()
					}
				})
			}
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			begun := len(m.started())
			callers.Wait()
			time.Sleep(time.Second)
			if now := len(m.started()); now != begun {
				t.Fatalf("%d opens began after Close", now-begun)
			}
			audit(t, p)
		}
	})
}

// Risk: what comes back old is closed, and callers who wait in a quiet pool are stranded (vitess #20187).
func TestWaitersAreServedWhenTheStaleComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithMaxWait(time.Second))
		lease := borrow(t, p)
		p.EvictAll()
		served := make(chan time.Duration, 1)
		go func() {
			start := time.Now()
			l, err := p.Acquire(t.Context())
			if err != nil {
				t.Error(err)
			}
			served <- time.Since(start)
			if l.Value().id != 2 {
				t.Errorf("lent resource %d, want the new one", l.Value().id)
			}
			l.Release()
		}()
		synctest.Wait()
		lease.Release()
		if took := <-served; took != 10*time.Millisecond {
			t.Errorf("served after %v, want 10ms, the time of one open", took)
		}
		audit(t, p)
	})
}

// Risk: while a pool shrinks or drains its waiters pass resources on for ever, and background opens hold up Close (vitess #20122).
func TestShrinkingIsNotHeldUpByWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 400 * time.Millisecond}, weir.WithMaxOpen(4), weir.WithMaxWait(weir.NoLimit))
		var callers sync.WaitGroup
		for range 12 {
			callers.Go(func() {
				l, err := p.Acquire(t.Context())
				if err != nil && !errors.Is(err, weir.ErrClosed) {
					t.Error(err)
				}
				time.Sleep(time.Second)
				l.Release()
			})
		}
		time.Sleep(600 * time.Millisecond)
		if err := p.Resize(0, 1); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second) // every lease has ended once
		audit(t, p)
		if s := p.Stats(); s.Open != 1 || s.Waiting == 0 {
			t.Errorf("open %d, waiting %d, want 1 and some", s.Open, s.Waiting)
		}
		start := time.Now()
		p.Pause()
		p.EvictAll()
		p.Resume()
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("Close took %v, want the one lease at most", took)
		}
		callers.Wait()
	})
}

// Risk: with the most recent first the rest idles out all at once, and the next spike opens everything anew (vitess #17757,
// #17818, #17819).
func TestIdleOnesGoAFewAtATimeAndStopAtMinIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, least = 40, 10
		p := newPool(t, &maker{}, weir.WithMaxOpen(most), weir.WithMinIdle(least), weir.WithIdleTimeout(5*time.Second), weir.WithSweepEvery(time.Second))
		var leases []weir.Lease[*thing]
		for range most {
			leases = append(leases, borrow(t, p))
		}
		for _, l := range leases {
			l.Release()
		}
		last := most
		for range 120 {
			borrow(t, p).Release() // quiet traffic
			time.Sleep(time.Second)
			audit(t, p)
			open := p.Stats().Open
			if gone := last - open; gone > max((last-least)/10, 1) {
				t.Errorf("%d of %d went in one sweep", gone, last)
			}
			last = open
		}
		if last != least {
			t.Errorf("%d left, want MinIdle, %d", last, least)
		}
	})
}

// Risk: a caller waits for checks that are under way, and may hang, beside a resource that needs none.
func TestNobodyWaitsForACheckBesideALendableResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMaxOpen(3), weir.WithCheckWindow(100*time.Millisecond))
		hung, stale := borrow(t, p), borrow(t, p)
		time.Sleep(90 * time.Millisecond)
		fresh := borrow(t, p)
		fresh.Release()
		stale.Release()
		hung.Release() // on top
		time.Sleep(50 * time.Millisecond)
		m.failChecks(func(ctx context.Context, _ *thing) error { <-ctx.Done(); return ctx.Err() })
		start := time.Now()
		first, ok := p.TryAcquire()
		if !ok || first.ID() != fresh.ID() {
			t.Errorf("TryAcquire: %t, resource %d, want %d, which needs no check", ok, first.ID(), fresh.ID())
		}
		p.TryAcquire() // starts a check, which hangs
		first.Release()
		stale = borrow(t, p)
		audit(t, p)
		if took := time.Since(start); took != 0 || stale.ID() != fresh.ID() {
			t.Errorf("lent resource %d after %v, want %d at once", stale.ID(), took, fresh.ID())
		}
		stale.Release()
	})
}

// Risk: waits that end before the governor looks, or that may not begin, never make an open start, and the pool stays small.
func TestPoolGrowsForCallersWhoCannotWait(t *testing.T) {
	for name, opt := range map[string]weir.Option{"short": weir.WithMaxWait(time.Millisecond), "none": weir.WithMaxWaiters(0)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, &maker{openTakes: 20 * time.Millisecond}, weir.WithMaxOpen(3), opt)
				for range 100 {
					if lease, err := p.Acquire(t.Context()); err == nil {
						defer lease.Release()
					}
					time.Sleep(time.Millisecond)
				}
				if got := p.Stats().InUse; got != 3 {
					t.Errorf("%d lent, want all 3", got)
				}
				audit(t, p)
			})
		})
	}
}
