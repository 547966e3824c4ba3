package weir_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// Idle resources that will soon be too old count as gone already, so that their successors are there in time. What is lent is not
// idle: counted among them it would be replaced a second time, for ever. The audit compares the count with the resources.

// agingOptions let a sweep, every 6 s, count as soon too old what has less than 12 s to live.
func agingOptions(more ...weir.Option) []weir.Option {
	return append([]weir.Option{weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0), weir.WithSweepEvery(6 * time.Second),
		weir.WithMaxWait(weir.NoLimit), weir.WithoutCheck(weir.WhileIdle)}, more...)
}

// wantAging fails the test unless so many idle resources count as soon too old.
func wantAging(t *testing.T, p *weir.Pool[*thing], want int) {
	t.Helper()
	audit(t, p)
	if got := weir.Aging(p); got != want {
		t.Fatalf("%d count as soon too old, want %d", got, want)
	}
}

func TestAgingResourceThatIsLentCountsAsGoneNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{tune: unchecked}, agingOptions(weir.WithMinIdle(1), weir.WithMaxOpen(1))...)
		hold(t, p).Release()
		time.Sleep(55 * time.Second)
		wantAging(t, p, 1)
		l := hold(t, p)
		wantAging(t, p, 0)
		l.Release()
		wantAging(t, p, 0)
		time.Sleep(10 * time.Second)
		wantAging(t, p, 0)
		if s := p.Stats(); s.Opened != 2 || s.Idle != 1 {
			t.Errorf("%d opened and %d idle, want a successor", s.Opened, s.Idle)
		}
	})
}

func TestAgingResourceThatIsLentAfterItsCheckCountsAsGoneNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{checkTakes: time.Millisecond}
		p := newPool(t, m, agingOptions(weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithCheckWindow(0))...)
		time.Sleep(55 * time.Second)
		wantAging(t, p, 1)
		l := hold(t, p)
		wantAging(t, p, 0)
		l.Release()
	})
}

// TryAcquire passes over what needs a check.
func TestAgingResourceThatIsLentFromBelowCountsAsGoneNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		window := 54500 * time.Millisecond
		p := newPool(t, &maker{}, agingOptions(weir.WithMaxOpen(2), weir.WithCheckWindow(window), weir.WithIdleTimeout(weir.NoLimit))...)
		older := hold(t, p)
		time.Sleep(time.Second)
		younger := hold(t, p)
		younger.Release()
		older.Release()
		time.Sleep(window - time.Second + 100*time.Millisecond)
		wantAging(t, p, 2)
		l, ok := p.TryAcquire()
		if !ok || l.ID() != younger.ID() {
			t.Fatalf("lent resource %d, want the one below, which needs no check", l.ID())
		}
		wantAging(t, p, 1)
		l.Release()
		audit(t, p)
	})
}

// Callers, sweeps, sizes and ages for a quarter of an hour.
func TestAgingIsCountedRightThroughout(t *testing.T) {
	for _, window := range []time.Duration{500 * time.Millisecond, weir.NoLimit} {
		synctest.Test(t, func(t *testing.T) {
			m := &maker{checkTakes: time.Millisecond}
			p := newPool(t, m, agingOptions(weir.WithMinIdle(3), weir.WithMaxOpen(8), weir.WithCheckWindow(window))...)
			seen := 0
			for i := range 3000 {
				var leases []lease
				for range i % 5 {
					if l, ok := p.TryAcquire(); ok {
						leases = append(leases, l)
					}
				}
				audit(t, p)
				if i%3 == 0 && len(leases) > 0 {
					waiter := ask(t.Context(), p)
					leases[0].Release()
					leases[0] = served(t, waiter).lease
					audit(t, p)
				}
				time.Sleep(time.Duration(i%7) * 30 * time.Millisecond)
				releaseAll(leases)
				audit(t, p)
				seen = max(seen, weir.Aging(p))
				if i%130 == 0 {
					if err := p.Resize(i%3, 3+i%6); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Duration(i%11) * 20 * time.Millisecond)
			}
			if seen == 0 {
				t.Error("nothing ever grew old: the test shows nothing")
			}
		})
	}
}
