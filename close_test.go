package weir_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestCloseFailsWaitersAtOnceAndWaitsForHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMaxOpen(2))
		busy := holdMany(t, p, 2)
		waiter := ask(t.Context(), p)
		closed := make(chan error, 1)
		start := time.Now()
		go func() { closed <- p.Close(context.Background()) }()
		a := <-waiter
		wantIs(t, a.err, weir.ErrClosed)
		wantText(t, a.err, `weir: acquire: pool "test": weir: pool is closed`)
		wantTook(t, a.took, 0, 0)
		time.Sleep(300 * time.Millisecond)
		if len(closed) != 0 || !busy[0].Valid() {
			t.Fatal("Close did not wait for the holders")
		}
		if s := p.Stats(); !s.Closed || s.InUse != 2 {
			t.Errorf("closed %v, in use %d, want true, 2", s.Closed, s.InUse)
		}
		releaseAll(busy)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		wantTook(t, time.Since(start), 300*time.Millisecond, 300*time.Millisecond)
		if s := p.Stats(); s.Retired[weir.RetiredClosed] != 2 || s.Misuses != 0 {
			t.Errorf("%d retired, %d misuses, want 2, 0", s.Retired[weir.RetiredClosed], s.Misuses)
		}
	})
}

func TestCloseForcesWhenItsContextEndsAndSaysHowMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithLeakThreshold(time.Hour))
		leases := holdMany(t, p, 7)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := p.Close(ctx)
		wantTook(t, time.Since(start), 100*time.Millisecond, 100*time.Millisecond)
		e, ok := errors.AsType[*weir.CloseError](err)
		if !ok || e.Forced != 7 || e.Running != 0 || len(e.Holders) != 5 || e.Pool != "test" {
			t.Fatalf("got %+v, want 7 forced, 5 holders named", err)
		}
		wantIs(t, err, context.DeadlineExceeded)
		if e.Holders[0].Age != 100*time.Millisecond || e.Holders[0].Site() == "" {
			t.Errorf("holder %v, want its age and site", e.Holders[0])
		}
		for _, l := range leases {
			if l.Valid() {
				t.Error("a lease is still valid")
			}
			l.Release()
		}
		if s := p.Stats(); s.Misuses != 7 || s.Retired[weir.RetiredClosed] != 7 || s.Open != 0 {
			t.Errorf("%d late returns, %d retired, open %d, want 7, 7, 0", s.Misuses, s.Retired[weir.RetiredClosed], s.Open)
		}
	})
}

func TestClosingAgainWaitsForTheSameEndAndForcesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		l := hold(t, p)
		closed := make(chan error, 1)
		go func() { closed <- p.Close(context.Background()) }()
		synctest.Wait()
		err := closeNow(p)
		wantIs(t, err, context.Canceled)
		wantText(t, err, `weir: close: pool "test" is still closing: context canceled`)
		if !l.Valid() {
			t.Error("the second Close took the lease back")
		}
		l.Release()
		for range 3 {
			if err := p.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestCloseCancelsOpensAndChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(3), weir.WithCheckIdleEvery(time.Second))
		m.failChecks(func(ctx context.Context, _ *thing) error { return wait(ctx, time.Hour) })
		m.openTakes = time.Hour
		time.Sleep(1100 * time.Millisecond)
		waiter := ask(t.Context(), p)
		time.Sleep(100 * time.Millisecond)
		if s := p.Stats(); s.Checking != 1 || s.Opening == 0 {
			t.Fatalf("checking %d, opening %d, want both: the test shows nothing", s.Checking, s.Opening)
		}
		start := time.Now()
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		wantTook(t, time.Since(start), 0, 0)
		wantIs(t, (<-waiter).err, weir.ErrClosed)
		if th := m.all()[0]; th.closes() != 1 {
			t.Errorf("what was under a check was closed %d times, want once", th.closes())
		}
	})
}

func TestOpenThatEndsAfterCloseIsClosedAndNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.onOpen = func(context.Context, int) error { time.Sleep(time.Second); return nil }
		p := newPool(t, m)
		waiter := ask(t.Context(), p)
		start := time.Now()
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		wantTook(t, time.Since(start), time.Second, time.Second)
		wantIs(t, (<-waiter).err, weir.ErrClosed)
		if s := p.Stats(); s.Open != 0 || s.Idle != 0 || s.Opening != 0 {
			t.Errorf("open %d, idle %d, opening %d, want 0", s.Open, s.Idle, s.Opening)
		}
	})
}

func TestNothingStartsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(2), weir.WithMaxOpen(4), weir.WithLeakThreshold(time.Second), weir.WithFailFast())
		late := hold(t, p)
		p.Pause()
		p.Resume()
		closed := make(chan error, 1)
		go func() { closed <- p.Close(context.Background()) }()
		synctest.Wait()
		opens := len(m.started())
		_, err := p.Acquire(t.Context())
		wantIs(t, err, weir.ErrClosed)
		if errors.Is(err, weir.ErrExhausted) {
			t.Error("a closed pool is called exhausted")
		}
		if _, ok := p.TryAcquire(); ok {
			t.Error("TryAcquire got something")
		}
		wantIs(t, p.Do(t.Context(), func(context.Context, *thing) error { return nil }), weir.ErrClosed)
		err = p.Resize(4, 4)
		wantIs(t, err, weir.ErrClosed)
		wantText(t, err, `weir: resize: pool "test": weir: pool is closed`)
		p.EvictAll()
		p.Evict(func(*thing) bool { return true })
		p.Pause()
		p.Resume()
		late.Release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if n := len(m.started()) - opens; n != 0 {
			t.Errorf("%d opens after Close", n)
		}
	})
}

func TestCloseReportsCallsThatDoNotReturn(t *testing.T) {
	for name, hang := range map[string]func(m *maker, until <-chan struct{}){
		"Close": func(m *maker, until <-chan struct{}) {
			m.onClose = func(*thing) error { <-until; return nil }
		},
		"Check": func(m *maker, until <-chan struct{}) {
			m.failChecks(func(context.Context, *thing) error { <-until; return nil })
		},
		"Open": func(m *maker, until <-chan struct{}) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.onOpen = func(context.Context, int) error { <-until; return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				until := make(chan struct{})
				p := newPool(t, m, weir.WithMaxOpen(2), weir.WithCloseTimeout(time.Second), weir.WithOpenTimeout(time.Second))
				defer close(until) // before the pool is closed once more, which waits for it
				hold(t, p).Release()
				time.Sleep(time.Second)
				hang(m, until)
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				waiting, leave := context.WithTimeout(t.Context(), 90*time.Millisecond)
				defer leave()
				if name == "Open" {
					defer hold(t, p).Release()
				}
				waiter := ask(waiting, p)
				time.Sleep(80 * time.Millisecond)
				start := time.Now()
				err := p.Close(ctx)
				e, ok := errors.AsType[*weir.CloseError](err)
				want := 1
				if name == "Check" {
					want = 2 // that of the resource opened instead hangs too
				}
				if !ok || e.Running != want {
					t.Fatalf("got %v, want %d calls still running", err, want)
				}
				wantTook(t, time.Since(start), time.Second, 2*time.Second)
				a := <-waiter
				a.lease.Release()
			})
		})
	}
}

func TestCloseWithoutACloseLimitWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{closeTakes: time.Hour}
		p := newPool(t, m, weir.WithCloseTimeout(weir.NoLimit))
		hold(t, p)
		err := closeNow(p)
		e, ok := errors.AsType[*weir.CloseError](err)
		if !ok || e.Forced != 1 || e.Running != 0 {
			t.Errorf("got %v, want one forced and none running, for its Close has ended", err)
		}
		if s := p.Stats(); s.CloseFails != 0 {
			t.Errorf("%d closes failed", s.CloseFails)
		}
	})
}

func TestForceThatFindsEverythingBackReportsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{closeTakes: 300 * time.Millisecond}
		p := newPool(t, m, weir.WithMinIdle(3))
		start := time.Now()
		if err := closeNow(p); err != nil {
			t.Error(err)
		}
		wantTook(t, time.Since(start), 300*time.Millisecond, 300*time.Millisecond)
	})
}

func TestServedCancelledAndForcedAtOnceIsClosedOnce(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			m := &maker{}
			p := newPool(t, m, weir.WithMaxOpen(2))
			both := holdMany(t, p, 2)
			ctx, cancel := context.WithCancel(t.Context())
			waiter := ask(ctx, p)
			cancel()
			both[0].Release()
			closeNow(p) // how many it had to force depends on who was first
			if a := <-waiter; a.err == nil {
				a.lease.Release()
			}
		})
	}
}

func TestPoolWithEverythingOnLeavesNothingRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which panics if a goroutine is left
		m := &maker{tune: probed, openTakes: 10 * time.Millisecond, checkTakes: time.Millisecond, closeTakes: time.Millisecond}
		p, err := weir.New(t.Context(), m.factory(), weir.WithMinIdle(4), weir.WithCheckIdleEvery(time.Second), weir.WithObserver(&recorder{}),
			weir.WithLeakThreshold(time.Second), weir.WithReclaimAfter(2*time.Second), weir.WithMaxLifetime(5*time.Second), quiet())
		if err != nil {
			t.Fatal(err)
		}
		hold(t, p)
		for range 100 {
			l := hold(t, p)
			time.Sleep(100 * time.Millisecond)
			l.Release()
		}
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		for _, th := range m.all() {
			if th.closes() != 1 {
				t.Errorf("resource %d was closed %d times", th.id, th.closes())
			}
		}
	})
}

func TestCancelledAndClosedAtOnceIsCountedAsWhatTheCallerHears(t *testing.T) {
	refused := 0
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, &maker{}, weir.WithMaxOpen(1))
			hold(t, p)
			ctx, cancel := context.WithCancel(t.Context())
			waiter := ask(ctx, p)
			cancel()
			closeNow(p)
			err, cancelled := (<-waiter).err, uint64(0)
			switch {
			case errors.Is(err, context.Canceled):
				cancelled = 1
			case errors.Is(err, weir.ErrClosed):
				refused++
			default:
				t.Errorf("got %v", err)
			}
			if s := p.Stats(); s.Canceled != cancelled || s.Wait.Count != 2 {
				t.Errorf("cancelled %d, waits %d, want %d, 2, for %v", s.Canceled, s.Wait.Count, cancelled, err)
			}
		})
	}
	if refused == 0 {
		t.Error("none was refused by the closing: the test shows nothing")
	}
}
