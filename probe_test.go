package weir_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestProbeLooksAtEachResourceThatIsLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		m := &maker{tune: func(f *weir.Factory[*thing]) {
			unchecked(f)
			f.Probe = func(*thing) error { looks++; return nil }
		}}
		p := newPool(t, m, weir.WithMinIdle(1))
		for range 100 {
			hold(t, p).Release()
		}
		if looks != 100 {
			t.Errorf("%d looks at 100 leases", looks)
		}
	})
}

func TestDeadResourceIsReplacedWithoutTheCallerNoticing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMinIdle(2), weir.WithMaxOpen(2), weir.WithObserver(seen))
		for _, th := range m.all() {
			th.fall(errRefused)
		}
		got := served(t, ask(t.Context(), p))
		if got.lease.Value().id != 3 {
			t.Errorf("resource %d was lent, want the new one", got.lease.Value().id)
		}
		got.lease.Release()
		s := p.Stats()
		if s.Acquired != 1 || s.CheckFails[weir.OnAcquire] != 2 || s.Checks[weir.OnAcquire] != 2 || s.Retired[weir.RetiredError] != 2 {
			t.Errorf("stats %+v", s)
		}
		if s.Wait.Count != 1 {
			t.Errorf("%d waits were counted for one caller", s.Wait.Count)
		}
		if failed := seen.of(weir.EventCheckFailed); len(failed) != 2 || failed[0].Moment != weir.OnAcquire || failed[0].Err != errRefused {
			t.Errorf("events %+v", failed)
		}
	})
}

func TestWhoGetsADeadResourceKeepsItsPlaceAndItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed}
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithMaxWait(500*time.Millisecond))
		only := hold(t, p)
		first, second := ask(t.Context(), p), ask(t.Context(), p)
		m.openTakes = 100 * time.Millisecond
		time.Sleep(200 * time.Millisecond)
		only.Value().fall(errRefused)
		only.Release()
		got := served(t, first)
		wantTook(t, got.took, 300*time.Millisecond, 300*time.Millisecond)
		if len(second) != 0 {
			t.Fatal("the second caller has its answer already")
		}
		got.lease.Value().fall(errRefused)
		m.failOpens(errRefused)
		got.lease.Release()
		e, took := exhausted(t, second)
		wantTook(t, took, 500*time.Millisecond, 500*time.Millisecond)
		if e.Waited != took || e.Limit != weir.LimitMaxWait {
			t.Errorf("waited %v by %v, want the whole of MaxWait", e.Waited, e.Limit)
		}
		if s := p.Stats(); s.Wait.Count != 3 || s.Waited != 3 || s.Timeouts != 1 {
			t.Errorf("%d waits, %d waited, %d timeouts, want 3, 3, 1", s.Wait.Count, s.Waited, s.Timeouts)
		}
		m.failOpens(nil)
	})
}

func TestWhoGetsADeadResourceStillHeedsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed}
		p := newPool(t, m, weir.WithMaxOpen(1))
		only := hold(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		waiter := ask(ctx, p)
		m.failOpens(errRefused)
		only.Value().fall(errRefused)
		only.Release()
		e, took := exhausted(t, waiter)
		wantTook(t, took, 300*time.Millisecond, 300*time.Millisecond)
		if e.Limit != weir.LimitContext {
			t.Errorf("limit is %v, want the context", e.Limit)
		}
	})
}

func TestProbeThatPanicsIsAFailedProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		m := &maker{tune: func(f *weir.Factory[*thing]) {
			f.Probe = func(th *thing) error {
				if th.id == 1 {
					panic(errRefused)
				}
				return nil
			}
		}}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithObserver(seen))
		hold(t, p).Release()
		failed := seen.of(weir.EventCheckFailed)
		if len(failed) != 1 {
			t.Fatalf("%d failed probes, want 1", len(failed))
		}
		if pe, ok := errors.AsType[*weir.PanicError](failed[0].Err); !ok || pe.Func != "Probe" {
			t.Errorf("error is %v, want a PanicError of Probe", failed[0].Err)
		}
	})
}

func TestProbeSavesTheRoundTripOfACheckOnWhatIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed, checkTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithCheckWindow(0))
		checks := m.checked()
		m.all()[0].fall(errRefused)
		hold(t, p).Release()
		if n := m.checked() - checks; n != 1 {
			t.Errorf("%d round trips, want only that of the new resource", n)
		}
	})
}

func TestWrongRoleSeenByProbeMovesTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed}
		p := newPool(t, m, weir.WithMinIdle(3), weir.WithMaxOpen(3))
		for _, th := range m.all() {
			th.fall(weir.ErrWrongRole)
		}
		leases := holdMany(t, p, 3)
		for _, l := range leases {
			if l.Value().id <= 3 {
				t.Errorf("resource %d of the old generation was lent", l.Value().id)
			}
		}
		if s := p.Stats(); s.Generation != 1 || s.Retired[weir.RetiredRole] != 3 {
			t.Errorf("generation %d, %d retired for their role, want 1, 3", s.Generation, s.Retired[weir.RetiredRole])
		}
		releaseAll(leases)
	})
}

func TestPoolClosedWhileACallerProbesRefusesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *weir.Pool[*thing]
		m := &maker{tune: func(f *weir.Factory[*thing]) {
			f.Probe = func(*thing) error {
				done, cancel := context.WithCancel(context.Background())
				cancel()
				p.Close(done) // takes everything back by force
				return errRefused
			}
		}}
		p = newPool(t, m, weir.WithMaxOpen(1))
		a := <-ask(t.Context(), p)
		wantIs(t, a.err, weir.ErrClosed)
	})
}

func TestNoCallerGetsWhatWasTakenBackDuringItsProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *weir.Pool[*thing]
		m := &maker{tune: func(f *weir.Factory[*thing]) {
			f.Probe = func(*thing) error {
				done, cancel := context.WithCancel(context.Background())
				cancel()
				p.Close(done)
				return nil
			}
		}}
		p = newPool(t, m, weir.WithMaxOpen(1))
		err := p.Do(t.Context(), func(context.Context, *thing) error {
			return errors.New("it ran")
		})
		wantIs(t, err, weir.ErrClosed)
		if n := m.all()[0].closes(); n != 1 {
			t.Errorf("the resource was closed %d times, want once, by force", n)
		}
	})
}
