package weir_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestWaitersAreServedInOrderOfArrival(t *testing.T) {
	const callers = 1000
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(weir.NoLimit))
		first := hold(t, p)
		var order []int // written by whoever holds the only resource
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				l, err := p.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				time.Sleep(time.Millisecond)
				l.Release()
			})
			synctest.Wait()
		}
		if got := p.Stats().Waiting; got != callers {
			t.Fatalf("%d are waiting, want %d", got, callers)
		}
		first.Release()
		all.Wait()
		if len(order) != callers {
			t.Fatalf("%d were served, want %d", len(order), callers)
		}
		for i, who := range order {
			if who != i {
				t.Fatalf("caller %d was served at place %d", who, i)
			}
		}
	})
}

func TestOrderHoldsWhenSomeGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		first := hold(t, p)
		gone, leave := context.WithCancel(t.Context())
		var stay, left []<-chan answer
		for range 50 {
			left = append(left, ask(gone, p))
			stay = append(stay, ask(t.Context(), p))
		}
		leave()
		for _, a := range left {
			exhausted(t, a)
		}
		first.Release()
		for i, a := range stay {
			got := served(t, a)
			synctest.Wait()
			if waiting := p.Stats().Waiting; waiting != len(stay)-1-i {
				t.Fatalf("caller %d was served while %d wait, want %d", i, waiting, len(stay)-1-i)
			}
			got.lease.Release()
		}
	})
}

func TestReturnedResourceServesWhileAnOpenIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 300 * time.Millisecond}, weir.WithMaxOpen(2))
		first := hold(t, p)
		second := ask(t.Context(), p)
		time.Sleep(10 * time.Millisecond)
		if s := p.Stats(); s.Opening != 1 {
			t.Errorf("%d opens are under way, want 1: the test shows nothing", s.Opening)
		}
		first.Release()
		got := served(t, second)
		defer got.lease.Release()
		wantTook(t, got.took, 10*time.Millisecond, 10*time.Millisecond)
	})
}

func TestNewResourceServesBeforeALateReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 100 * time.Millisecond}, weir.WithMaxOpen(2))
		first := hold(t, p)
		defer first.Release()
		got := served(t, ask(t.Context(), p))
		defer got.lease.Release()
		wantTook(t, got.took, 100*time.Millisecond, 110*time.Millisecond)
	})
}

func TestFailedOpenDoesNotFailACallerWhomAReturnServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMaxOpen(2))
		first := hold(t, p)
		m.openTakes = 20 * time.Millisecond
		m.failOpens(errRefused)
		second := ask(t.Context(), p)
		time.Sleep(60 * time.Millisecond)
		first.Release()
		got := served(t, second)
		defer got.lease.Release()
		wantTook(t, got.took, 60*time.Millisecond, 60*time.Millisecond)
		if p.Stats().OpenFails == 0 {
			t.Error("no open failed: the test shows nothing")
		}
	})
}

func TestWhoReturnsAndRetakesDoesNotOvertakeAWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		mine := hold(t, p)
		for range 100 {
			other := ask(t.Context(), p)
			mine.Release()
			again := make(chan answer, 1)
			go func() {
				l, err := p.Acquire(t.Context())
				again <- answer{lease: l, err: err}
			}()
			got := served(t, other)
			synctest.Wait()
			if len(again) != 0 {
				t.Fatal("two hold the only resource")
			}
			got.lease.Release()
			mine = served(t, again).lease
		}
		mine.Release()
	})
}

func TestOneResourceGoesToAndFroWithoutLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		hold(t, p).Release()
		start := time.Now()
		var two sync.WaitGroup
		for range 2 {
			two.Go(func() {
				for range 1000 {
					l, err := p.Acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					time.Sleep(time.Millisecond)
					l.Release()
				}
			})
		}
		two.Wait()
		wantTook(t, time.Since(start), 2*time.Second, 2*time.Second)
	})
}

func TestCallerWhoGivesUpDoesNotEndTheOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m)
		got := 0
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			if l, err := p.Acquire(ctx); err == nil {
				got++
				l.Release()
			}
			cancel()
		}
		if got != 17 {
			t.Errorf("%d of 20 callers were served, want 17: all but those of the first 90 ms", got)
		}
		if n := len(m.started()); n != 1 {
			t.Errorf("%d opens, want 1", n)
		}
	})
}

func TestManyCallersWhoGiveUpLeaveIdleResourcesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 100 * time.Millisecond})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		var callers []<-chan answer
		for range 20 {
			callers = append(callers, ask(ctx, p))
		}
		for _, c := range callers {
			_, took := exhausted(t, c)
			wantTook(t, took, 30*time.Millisecond, 30*time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		if s := p.Stats(); s.Idle == 0 {
			t.Fatal("nothing is idle: the opens were ended with their callers")
		}
		got := served(t, ask(t.Context(), p))
		got.lease.Release()
		wantTook(t, got.took, 0, 0)
	})
}

func TestTenThousandShortWaitsAllReturnAndLoseNothing(t *testing.T) {
	const callers, resources = 10_000, 10
	for _, hold := range []time.Duration{time.Millisecond, time.Second} {
		t.Run(hold.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, &maker{}, weir.WithMaxOpen(resources), weir.WithMinIdle(resources), weir.WithMaxWait(5*time.Millisecond))
				held := holdMany(t, p, resources)
				var got, refused atomic.Uint64
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						start := time.Now()
						l, err := p.Acquire(t.Context())
						if err != nil {
							refused.Add(1)
							wantIs(t, err, weir.ErrExhausted)
							wantTook(t, time.Since(start), 5*time.Millisecond, 5*time.Millisecond)
							return
						}
						got.Add(1)
						time.Sleep(time.Millisecond)
						l.Release()
					})
				}
				time.Sleep(hold)
				releaseAll(held)
				all.Wait()
				s := p.Stats()
				if got.Load()+refused.Load() != callers || s.Timeouts != refused.Load() || s.Waiting != 0 {
					t.Errorf("%d served, %d refused, %d counted as timeouts, %d waiting", got.Load(), refused.Load(), s.Timeouts, s.Waiting)
				}
				if s.Idle != resources || s.InUse != 0 {
					t.Errorf("idle %d, in use %d, want all %d idle", s.Idle, s.InUse, resources)
				}
				if served := got.Load(); (hold == time.Millisecond) != (served > 0) {
					t.Errorf("%d were served of those who waited for resources held for %v", served, hold)
				}
				releaseAll(holdMany(t, p, resources))
			})
		})
	}
}

func TestServedAndCancelledAtOncePassesTheResourceOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		mine := hold(t, p)
		kept, passed := 0, 0
		for i := range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			first := ask(ctx, p)
			second := ask(t.Context(), p)
			if i%2 == 0 {
				mine.Release()
				cancel()
			} else {
				cancel()
				mine.Release()
			}
			a := <-first
			if a.err == nil {
				kept++
				a.lease.Release()
			} else {
				passed++
				wantIs(t, a.err, context.Canceled)
			}
			got := served(t, second)
			wantTook(t, got.took, 0, 0)
			mine = got.lease
		}
		mine.Release()
		if kept == 0 || passed == 0 {
			t.Errorf("%d kept it, %d passed it on, want some of both: the test shows nothing", kept, passed)
		}
		t.Logf("%d kept it, %d passed it on", kept, passed)
		s := p.Stats()
		if want := uint64(1 + 200 + kept); s.Acquired != want || s.Canceled != uint64(passed) {
			t.Errorf("acquired %d, cancelled %d, want %d, %d", s.Acquired, s.Canceled, want, passed)
		}
		if want := uint64(1 + 400); s.Wait.Count != want {
			t.Errorf("%d waits were counted, want %d", s.Wait.Count, want)
		}
	})
}

func TestServedAndCancelledAtOnceLeavesTheResourceIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{tune: unchecked}, weir.WithMaxOpen(1))
		first := hold(t, p)
		mine, passed := first, 0
		for i := range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			caller := ask(ctx, p)
			cancel()
			mine.Release()
			if a := <-caller; a.err == nil {
				a.lease.Release()
			} else {
				passed++
			}
			synctest.Wait()
			if s := p.Stats(); s.Idle != 1 || s.Open != 1 {
				t.Fatalf("round %d: idle %d, open %d, want it back and idle", i, s.Idle, s.Open)
			}
			mine = hold(t, p)
		}
		mine.Release()
		if mine.ID() != first.ID() || passed == 0 {
			t.Errorf("resource %d is lent after %d cancelled calls, want %d after some", mine.ID(), passed, first.ID())
		}
	})
}

func TestSequentialUseOpensOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(50))
		for range 200 {
			l := hold(t, p)
			time.Sleep(3 * time.Millisecond)
			l.Release()
		}
		if n := len(m.started()); n != 1 {
			t.Errorf("%d opens, want 1", n)
		}
	})
}

func TestWaiterOutlivesAFailedReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMaxOpen(1))
		only := hold(t, p)
		waiter := ask(t.Context(), p)
		m.failOpens(errRefused)
		only.Discard()
		time.Sleep(20 * time.Millisecond)
		m.failOpens(nil)
		got := served(t, waiter)
		defer got.lease.Release()
		wantTook(t, got.took, 20*time.Millisecond, 100*time.Millisecond)
		if p.Stats().OpenFails == 0 {
			t.Error("no open failed: the test shows nothing")
		}
	})
}

func TestTryAcquireNeverWaitsAndNeverOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 50 * time.Millisecond}, weir.WithMaxOpen(1))
		if _, ok := p.TryAcquire(); ok {
			t.Fatal("an empty pool lent something")
		}
		time.Sleep(60 * time.Millisecond)
		l, ok := p.TryAcquire()
		if !ok {
			t.Fatal("the first try had one opened, yet the second got nothing")
		}
		if _, ok := p.TryAcquire(); ok {
			t.Fatal("the only resource was lent twice")
		}
		waiter := ask(t.Context(), p)
		l.Release()
		if _, ok := p.TryAcquire(); ok {
			t.Fatal("TryAcquire overtook a waiter")
		}
		served(t, waiter).lease.Release()
		time.Sleep(time.Second) // the check has grown old
		if _, ok := p.TryAcquire(); ok {
			t.Fatal("an unchecked resource was lent")
		}
		synctest.Wait()
		l, ok = p.TryAcquire()
		if !ok {
			t.Fatal("the failed try had it checked, yet the next got nothing")
		}
		l.Release()
		p.Pause()
		if _, ok := p.TryAcquire(); ok {
			t.Error("a paused pool lent something")
		}
		p.Resume()
	})
}

func TestTryAcquirePassesOverDeadResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed}
		p := newPool(t, m, weir.WithMinIdle(3))
		for _, th := range m.all() {
			th.fall(errRefused)
		}
		m.all()[1].fall(nil)
		l, ok := p.TryAcquire()
		if !ok || l.Value().id != 2 {
			t.Fatalf("got %v, want the one that is alive", ok)
		}
		l.Release()
	})
}
