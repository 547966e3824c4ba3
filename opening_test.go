package weir_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestNoMoreThanMaxOpeningOpensRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(20), weir.WithMaxOpening(3))
		var all []<-chan answer
		for range 20 {
			all = append(all, ask(t.Context(), p))
		}
		var leases []lease
		for _, c := range all {
			leases = append(leases, served(t, c).lease)
		}
		releaseAll(leases)
		if got := m.most(); got != 3 {
			t.Errorf("%d opens ran at a time, want 3", got)
		}
	})
}

func TestOpensStopAtMaxOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(4))
		var all []<-chan answer
		for range 20 {
			all = append(all, ask(t.Context(), p))
		}
		for i, c := range all {
			if i >= 4 {
				exhausted(t, c)
				continue
			}
			defer served(t, c).lease.Release()
		}
		if got := len(m.started()); got != 4 {
			t.Errorf("%d opens, want 4", got)
		}
	})
}

func TestFailedOpensAreRetriedWithDoublingJitteredPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failOpens(errRefused)
		newPool(t, m, weir.WithMinIdle(1), weir.WithStartBackground(), weir.WithOpenBackoff(10*time.Millisecond, 200*time.Millisecond))
		time.Sleep(2 * time.Second)
		starts := m.started()
		if len(starts) < 10 {
			t.Fatalf("%d opens in 2s", len(starts))
		}
		pause, same := 10*time.Millisecond, 0
		for i := 1; i < len(starts); i++ {
			got := starts[i].Sub(starts[i-1])
			if got < pause/2 || got > pause {
				t.Errorf("pause %d was %v, want %v to %v", i, got, pause/2, pause)
			}
			if got == pause || got == pause/2 {
				same++
			}
			pause = min(2*pause, 200*time.Millisecond)
		}
		if same == len(starts)-1 {
			t.Error("no pause was jittered")
		}
	})
}

func TestWhileCallersWaitPausesAreAQuarterOfMaxWaitAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failOpens(errRefused)
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithStartBackground())
		time.Sleep(time.Minute) // the pauses have grown to seconds
		starts := m.started()
		if last := starts[len(starts)-1].Sub(starts[len(starts)-2]); last < 2*time.Second {
			t.Fatalf("the last pause was %v, want seconds: the test shows nothing", last)
		}
		m.failOpens(nil)
		for range 3 {
			got := served(t, ask(t.Context(), p))
			wantTook(t, got.took, 0, 250*time.Millisecond)
			got.lease.Release()
		}
	})
}

func TestOpensStartSlowlyAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(32), weir.WithMaxWait(10*time.Second), weir.WithOpenBackoff(time.Second, time.Second))
		m.failOpens(errRefused)
		var all []<-chan answer
		for range 32 {
			all = append(all, ask(t.Context(), p))
		}
		time.Sleep(150 * time.Millisecond)
		m.failOpens(nil)
		var leases []lease
		for _, c := range all {
			leases = append(leases, served(t, c).lease)
		}
		releaseAll(leases)
		var rounds []int
		var last time.Time
		for _, at := range m.started() {
			if at.Sub(last) >= 50*time.Millisecond {
				rounds, last = append(rounds, 0), at
			}
			rounds[len(rounds)-1]++
		}
		want := []int{32, 1, 2, 4, 8}
		for i, n := range want {
			if i >= len(rounds) || rounds[i] != n {
				t.Fatalf("opens started in rounds of %v, want %v and the rest", rounds, want)
			}
		}
	})
}

func TestConstructorThatPanicsIsAnErrorAndKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		panics := true
		m.onOpen = func(context.Context, int) error {
			if panics {
				m.mu.Lock()
				m.opening-- // the panic leaves open no chance to
				m.mu.Unlock()
				panic("no such host")
			}
			return nil
		}
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithMaxWait(100*time.Millisecond))
		e, _ := exhausted(t, ask(t.Context(), p))
		pe, ok := errors.AsType[*weir.PanicError](e)
		if !ok || pe.Func != "Open" || pe.Value != "no such host" || len(pe.Stack) == 0 {
			t.Errorf("got %v, want a PanicError of Open with its stack", e)
		}
		panics = false
		time.Sleep(6 * time.Second) // no open may see both
		served(t, ask(t.Context(), p)).lease.Release()
		if s := p.Stats(); s.Open != 1 || s.Opening != 0 {
			t.Errorf("open %d, opening %d, want 1, 0", s.Open, s.Opening)
		}
	})
}

func TestOpenThatIgnoresItsDeadlineIsLeftBehindAndItsValueClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.onOpen = func(_ context.Context, n int) error {
			if n == 1 {
				time.Sleep(time.Second)
			}
			return nil
		}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithOpenTimeout(100*time.Millisecond), weir.WithObserver(seen))
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 150*time.Millisecond, 200*time.Millisecond)
		failed := seen.of(weir.EventOpenFailed)
		if len(failed) != 1 {
			t.Fatalf("%d opens failed, want 1", len(failed))
		}
		wantIs(t, failed[0].Err, weir.ErrTimeout)
		wantText(t, failed[0].Err, "weir: open: weir: timed out: Factory.Open ignores its deadline of 100ms")
		time.Sleep(time.Second)
		synctest.Wait()
		late := m.all()[1] // the second to become ready
		if late == got.lease.Value() || late.closes() != 1 {
			t.Errorf("the late value was closed %d times, want once", late.closes())
		}
		got.lease.Release()
		if s := p.Stats(); s.Open != 1 || s.Opened != 1 {
			t.Errorf("open %d, opened %d, want 1, 1", s.Open, s.Opened)
		}
	})
}

func TestOpenIsBoundedByItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: time.Hour}
		p := newPool(t, m, weir.WithOpenTimeout(300*time.Millisecond))
		e, _ := exhausted(t, ask(t.Context(), p))
		wantIs(t, e.LastOpenError, context.DeadlineExceeded)
	})
}

func TestOpenWithoutALimitMayTakeAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: time.Hour}
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithOpenTimeout(weir.NoLimit), weir.WithMaxWait(weir.NoLimit),
			weir.WithMaxLifetime(weir.NoLimit),
			weir.WithCheckTimeout(weir.OnOpen, weir.NoLimit), weir.WithCheckTimeout(weir.OnAcquire, weir.NoLimit))
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, time.Hour, time.Hour)
		got.lease.Release()
		m.failChecks(func(ctx context.Context, _ *thing) error { return wait(ctx, time.Hour) })
		time.Sleep(time.Second)
		got = served(t, ask(t.Context(), p))
		wantTook(t, got.took, time.Hour, time.Hour)
		got.lease.Release()
		if s := p.Stats(); s.OpenFails != 0 || s.CheckFails[weir.OnAcquire] != 0 {
			t.Errorf("%d opens and %d checks failed", s.OpenFails, s.CheckFails[weir.OnAcquire])
		}
	})
}

func TestOpenThatHangsDoesNotHoldUpCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		m.onOpen = func(ctx context.Context, n int) error {
			if n == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		p := newPool(t, m, weir.WithMaxOpen(2))
		got := served(t, ask(t.Context(), p))
		got.lease.Release()
		wantTook(t, got.took, 260*time.Millisecond, 270*time.Millisecond)
	})
}

func TestNobodyWaitsNothingIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 50 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpening(1), weir.WithMaxOpen(20))
		ctx, cancel := context.WithCancel(t.Context())
		var all []<-chan answer
		for range 20 {
			all = append(all, ask(ctx, p))
		}
		time.Sleep(10 * time.Millisecond)
		cancel()
		for _, c := range all {
			exhausted(t, c)
		}
		time.Sleep(time.Minute)
		if n := len(m.started()); n != 1 {
			t.Errorf("%d opens, want only the one that ran when the callers left", n)
		}
	})
}

func TestNobodyWaitsFailedOpensAreNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 50 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxWait(100*time.Millisecond), weir.WithMaxOpen(1))
		m.failOpens(errRefused)
		exhausted(t, ask(t.Context(), p))
		time.Sleep(time.Second)
		n := len(m.started())
		time.Sleep(time.Hour)
		if again := len(m.started()); again != n {
			t.Errorf("%d opens while nobody wanted one", again-n)
		}
	})
}

func TestWhenAllBreakAtOnceAllAreServedAfterOneOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 100 * time.Millisecond}, weir.WithMinIdle(10), weir.WithMaxOpen(10))
		for _, l := range holdMany(t, p, 10) {
			start := time.Now()
			l.Discard()
			wantTook(t, time.Since(start), 0, 0)
		}
		var all []<-chan answer
		for range 10 {
			all = append(all, ask(t.Context(), p))
		}
		for _, c := range all {
			got := served(t, c)
			defer got.lease.Release()
			wantTook(t, got.took, 0, 110*time.Millisecond)
		}
	})
}

func TestFailFastRefusesAtOnceWhileNothingOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 50 * time.Millisecond}
		p := newPool(t, m, weir.WithFailFast())
		m.failOpens(errRefused)
		var all []<-chan answer
		for range 5 {
			all = append(all, ask(t.Context(), p))
		}
		for _, c := range all {
			e, took := exhausted(t, c)
			if took != 50*time.Millisecond || e.Limit != weir.LimitFailFast {
				t.Errorf("limit %v after %v, want FailFast after 50ms, when the first open failed", e.Limit, took)
			}
			wantIs(t, e, errRefused)
		}
		for range 20 {
			time.Sleep(30 * time.Millisecond)
			e, took := exhausted(t, ask(t.Context(), p))
			if took != 0 || e.Limit != weir.LimitFailFast {
				t.Errorf("a newcomer: limit %v after %v, want FailFast at once", e.Limit, took)
			}
			if s := p.Stats(); s.Opening > 1 {
				t.Fatalf("%d opens are tried, want one at a time", s.Opening)
			}
		}
		m.failOpens(nil)
		time.Sleep(6 * time.Second)
		served(t, ask(t.Context(), p)).lease.Release()
		if s := p.Stats(); s.Shed != 25 {
			t.Errorf("shed %d, want 25", s.Shed)
		}
	})
}

func TestFailFastRecoversWithoutACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithFailFast())
		m.failOpens(errRefused)
		exhausted(t, ask(t.Context(), p))
		time.Sleep(time.Hour)
		m.failOpens(nil)
		time.Sleep(6 * time.Second)
		if s := p.Stats(); s.Idle != 1 || s.LastOpenError != nil {
			t.Errorf("idle %d, last error %v, want the probe's resource and none", s.Idle, s.LastOpenError)
		}
	})
}

func TestFailFastDoesNotApplyWhileSomethingIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithFailFast(), weir.WithMaxOpen(2))
		only := hold(t, p)
		m.failOpens(errRefused)
		waiter := ask(t.Context(), p)
		time.Sleep(500 * time.Millisecond)
		only.Release()
		got := served(t, waiter)
		got.lease.Release()
		wantTook(t, got.took, 500*time.Millisecond, 500*time.Millisecond)
	})
}

// Opens that fell into a black hole take every place until their deadline; when the way is free again, one of them has given
// way to an attempt that finds out.
func TestHangingOpensGiveWayToOneThatFindsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		healed := time.Now().Add(2500 * time.Millisecond)
		m.onOpen = func(ctx context.Context, _ int) error {
			if time.Now().Before(healed) {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		p := newPool(t, m, weir.WithMaxOpen(4), weir.WithOpenTimeout(time.Minute), weir.WithStartBackground())
		for time.Now().Before(healed) {
			var all []<-chan answer
			for range 8 {
				all = append(all, ask(t.Context(), p))
			}
			for _, c := range all {
				if a := <-c; a.err == nil {
					a.lease.Release()
				}
			}
		}
		start := time.Now()
		var err error
		for range 3 {
			var l lease
			if l, err = p.Acquire(t.Context()); err == nil {
				l.Release()
				break
			}
		}
		if took := time.Since(start); err != nil || took > 1500*time.Millisecond {
			t.Errorf("served %v after the way was free (%v), want at most 1.5s", took, err)
		}
		if got := m.most(); got > 4 {
			t.Errorf("%d opens ran at a time, MaxOpen is 4", got)
		}
	})
}
