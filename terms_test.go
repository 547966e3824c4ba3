package weir_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// The usual release asks only whether what was found fit still is. Each test here is a change that must not be missed by it.

// wantReplaced releases a lease and asks, in one order or the other, and fails the test when the same resource is lent again.
func wantReplaced(t *testing.T, p *weir.Pool[*thing], l lease, askFirst bool) {
	t.Helper()
	var a <-chan answer
	if askFirst {
		a = ask(t.Context(), p)
		l.Release()
	} else {
		l.Release()
		a = ask(t.Context(), p)
	}
	got := served(t, a)
	if got.lease.ID() == l.ID() {
		t.Errorf("resource %d was lent again, asked before it came back: %t", l.ID(), askFirst)
	}
	got.lease.Release()
	audit(t, p)
}

func TestResourceThatGrewOldWhileLentIsReplaced(t *testing.T) {
	for _, age := range []time.Duration{time.Minute, time.Hour} { // to the very moment, too
		for _, askFirst := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, &maker{tune: unchecked}, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithMaxWait(weir.NoLimit),
					weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0))
				l := hold(t, p)
				time.Sleep(age)
				wantReplaced(t, p, l, askFirst)
			})
		}
	}
}

func TestResourceEvictedWhileLentIsReplaced(t *testing.T) {
	evictions := map[string]func(p *weir.Pool[*thing]){
		"one": func(p *weir.Pool[*thing]) { p.Evict(func(*thing) bool { return true }) },
		"all": (*weir.Pool[*thing]).EvictAll,
	}
	for name, evict := range evictions {
		for _, askFirst := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPool(t, &maker{tune: unchecked}, weir.WithMinIdle(1), weir.WithMaxOpen(1))
					l := hold(t, p)
					evict(p)
					wantReplaced(t, p, l, askFirst)
				})
			})
		}
	}
}

func TestResourceBeyondALoweredMaxOpenIsClosedWhenItComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{tune: unchecked}, weir.WithMinIdle(2), weir.WithMaxOpen(2))
		leases := holdMany(t, p, 2)
		if err := p.Resize(0, 1); err != nil {
			t.Fatal(err)
		}
		leases[0].Release()
		audit(t, p)
		if s := p.Stats(); s.Open != 1 || s.Idle != 0 {
			t.Errorf("%d are open and %d idle, want 1 and 0", s.Open, s.Idle)
		}
		leases[1].Release()
	})
}

func TestResourceLentDuringADisputeAnswersBeforeItIsLentOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: suspicious}
		p := newPool(t, m, weir.WithMinIdle(2), weir.WithMaxOpen(2), weir.WithCheckWindow(time.Hour), weir.WithoutCheck(weir.WhileIdle))
		leases := holdMany(t, p, 2)
		waiter := ask(t.Context(), p)
		m.failOpens(errRefused)
		leases[1].Finish(errReadOnly)
		synctest.Wait()
		before := m.checked()
		leases[0].Release()
		served(t, waiter).lease.Release()
		if m.checked() == before {
			t.Error("it was lent on without an answer to the doubt")
		}
	})
}

func TestCheckIsDueForWhoWaitsOnceItsWindowHasEnded(t *testing.T) {
	for _, lentFor := range []time.Duration{time.Second, time.Minute} { // to the very moment, too
		synctest.Test(t, func(t *testing.T) {
			m := &maker{}
			p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithCheckWindow(time.Second),
				weir.WithoutCheck(weir.WhileIdle), weir.WithMaxWait(weir.NoLimit))
			l := hold(t, p)
			time.Sleep(lentFor)
			waiter := ask(t.Context(), p)
			before := m.checked()
			l.Release()
			served(t, waiter).lease.Release()
			if n := m.checked() - before; n != 1 {
				t.Errorf("%d checks after %v, want 1", n, lentFor)
			}
		})
	}
}

func TestLeaseReportedAsLeakedIsToldOfWhenItComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		p := newPool(t, &maker{tune: unchecked}, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Second),
			weir.WithSweepEvery(time.Second), weir.WithObserver(seen))
		l := hold(t, p)
		time.Sleep(10 * time.Second)
		l.Release()
		audit(t, p)
		if n := len(seen.of(weir.EventReturned)); n != 1 || p.Stats().LeaksReturned != 1 {
			t.Errorf("told %d times of the return, %d are counted, want 1 and 1", n, p.Stats().LeaksReturned)
		}
	})
}

func TestWhatComesBackDuringAPauseIsNotLentOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{tune: unchecked}, weir.WithMaxWait(weir.NoLimit))
		aside := askAside(t.Context(), t, p)
		p.Pause()
		lent.Release()
		synctest.Wait()
		if len(first)+len(aside) != 0 {
			t.Error("a paused pool lent what came back")
		}
		p.Resume()
		served(t, first).lease.Release()
		served(t, aside).lease.Release()
		audit(t, p)
	})
}

// What grew too old during a long pause is replaced at its end, not when the next sweep comes or somebody wants it.
func TestResumeReplacesWhatGrewOldMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(2), weir.WithMaxOpen(2), weir.WithSweepEvery(time.Hour),
			weir.WithMaxLifetime(time.Minute), weir.WithoutCheck(weir.WhileIdle))
		p.Pause()
		time.Sleep(10 * time.Minute)
		p.Resume()
		audit(t, p)
		if s := p.Stats(); s.Retired[weir.RetiredLifetime] != 2 || s.Idle != 2 {
			t.Errorf("%d retired for their age and %d idle, want 2 and 2", s.Retired[weir.RetiredLifetime], s.Idle)
		}
	})
}
