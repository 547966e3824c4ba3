package weir_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestBooksBalanceAtEveryMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 15 * time.Millisecond, checkTakes: 2 * time.Millisecond, closeTakes: 10 * time.Millisecond}
		m.onOpen = func(context.Context, int) error {
			if len(m.started())%5 == 0 {
				return errRefused
			}
			return nil
		}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMaxOpen(8), weir.WithMaxWait(30*time.Millisecond), weir.WithMaxLifetime(time.Second),
			weir.WithCheckWindow(50*time.Millisecond), weir.WithObserver(seen))
		end := time.Now().Add(10 * time.Second)
		var got, refused uint64
		var mu sync.Mutex // guards got and refused
		var all sync.WaitGroup
		for i := range 40 {
			dice := rand.New(rand.NewPCG(uint64(i), 1))
			all.Go(func() {
				for time.Now().Before(end) {
					l, err := p.Acquire(t.Context())
					mu.Lock()
					if err != nil {
						refused++
					} else {
						got++
					}
					mu.Unlock()
					if err != nil {
						continue
					}
					time.Sleep(time.Duration(dice.IntN(9)) * time.Millisecond)
					if dice.IntN(10) == 0 {
						l.Discard()
					}
					l.Release()
				}
			})
		}
		for time.Now().Before(end) {
			time.Sleep(3 * time.Millisecond)
			s := p.Stats()
			if s.Open != s.Idle+s.InUse+s.Checking+s.Closing || s.Open-s.Closing+s.Opening > s.MaxOpen {
				t.Fatalf("the books do not balance: %+v", s)
			}
		}
		all.Wait()
		time.Sleep(time.Second)
		s := p.Stats()
		if s.Acquired != got || s.Timeouts != refused || s.Wait.Count != got+refused || s.Use.Count > got {
			t.Errorf("acquired %d, timeouts %d, waits %d, uses %d; the callers counted %d and %d",
				s.Acquired, s.Timeouts, s.Wait.Count, s.Use.Count, got, refused)
		}
		var gone uint64
		for _, n := range s.Retired {
			gone += n
		}
		if s.Opened != gone+uint64(s.Open) || s.OpenTime.Count != s.Opened {
			t.Errorf("opened %d, retired %d, open %d", s.Opened, gone, s.Open)
		}
		if n := len(seen.of(weir.EventOpened)); uint64(n) != s.Opened {
			t.Errorf("%d opens told, %d counted", n, s.Opened)
		}
		if n := len(seen.of(weir.EventOpenFailed)); uint64(n) != s.OpenFails || n == 0 {
			t.Errorf("%d failed opens told, %d counted", n, s.OpenFails)
		}
		if n := len(seen.of(weir.EventRetired)); uint64(n) != gone || s.Retired[weir.RetiredLifetime] == 0 || s.Retired[weir.RetiredError] == 0 {
			t.Errorf("%d retirements told, %v counted", n, s.Retired)
		}
	})
}

func TestTimesAreMeasuredExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 40 * time.Millisecond}, weir.WithMaxOpen(1), weir.WithMaxWait(300*time.Millisecond))
		l := hold(t, p) // waits for 40 ms
		served := ask(t.Context(), p)
		time.Sleep(200 * time.Millisecond)
		l.Release()
		l = (<-served).lease               // waited for 200
		exhausted(t, ask(t.Context(), p))  // waits for 300
		time.Sleep(400 * time.Millisecond) // used for 700
		oldest := p.Stats().OldestLease
		l.Release()
		hold(t, p).Release() // waits for nothing, but for a check that takes none
		s := p.Stats()
		if s.Wait.Count != 4 || s.Wait.Sum != 540*time.Millisecond || s.Wait.Mean() != 135*time.Millisecond {
			t.Errorf("%d waits of %v, want 4 of 540ms, failures included", s.Wait.Count, s.Wait.Sum)
		}
		if s.Use.Count != 3 || s.Use.Sum != 900*time.Millisecond {
			t.Errorf("%d uses of %v, want 3 of 900ms", s.Use.Count, s.Use.Sum)
		}
		if s.OpenTime.Count != 1 || s.OpenTime.Sum != 40*time.Millisecond {
			t.Errorf("%d opens of %v, want 1 of 40ms", s.OpenTime.Count, s.OpenTime.Sum)
		}
		if oldest != 700*time.Millisecond {
			t.Errorf("the oldest lease was out for %v, want 700ms", oldest)
		}
		var n uint64
		for _, b := range s.Wait.Buckets {
			n += b
		}
		if bounds := weir.HistogramBounds(); n != 4 || len(bounds) != len(s.Wait.Buckets)-1 || !slices.IsSorted(bounds) {
			t.Errorf("buckets %v for bounds %v", s.Wait.Buckets, bounds)
		}
		if at := slices.Index(weir.HistogramBounds(), 500*time.Millisecond); s.Wait.Buckets[at] != 2 {
			t.Errorf("buckets %v, want 2 above 100ms, up to 500ms", s.Wait.Buckets)
		}
	})
}

func TestMeanOfNothingIsZero(t *testing.T) {
	if got := (weir.Histogram{}).Mean(); got != 0 {
		t.Errorf("mean is %v", got)
	}
}

func TestHistogramBoundsAreACopy(t *testing.T) {
	weir.HistogramBounds()[0] = time.Hour
	if weir.HistogramBounds()[0] == time.Hour {
		t.Error("a caller changed the pool's own bounds")
	}
}

func TestManyUsesAreSampledAndStandForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1), weir.WithoutCheck(weir.OnAcquire))
		const n = 10_000
		for i := range n {
			l := hold(t, p)
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			l.Release()
		}
		s := p.Stats()
		if s.Acquired != n || s.Use.Count < n-64 || s.Use.Count > n {
			t.Errorf("acquired %d, uses counted %d, want %d and at most 64 less", s.Acquired, s.Use.Count, n)
		}
		if s.Wait.Count != n || s.Wait.Sum != 0 || s.Waited != 0 {
			t.Errorf("%d waits of %v, %d had to, want %d of nothing", s.Wait.Count, s.Wait.Sum, s.Waited, n)
		}
	})
}

func TestEveryKindOfEventIsToldWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		m := &maker{}
		closing := errors.New("close failed")
		m.onClose = func(th *thing) error {
			if th.id == 1 {
				return closing
			}
			return nil
		}
		p := newPool(t, m, weir.WithObserver(seen), weir.WithMaxOpen(4), weir.WithCheckIdleEvery(5*time.Second),
			weir.WithMaxLifetime(10*time.Minute), weir.WithMaxLifetimeJitter(0), weir.WithIdleTimeout(time.Minute),
			weir.WithLeakThreshold(5*time.Second), weir.WithReclaimAfter(time.Minute))
		l := hold(t, p)
		l.Finish(weir.ErrBroken) // opened, checked, retired: error, close failed
		l = hold(t, p)
		time.Sleep(10 * time.Second) // leaked
		l.Release()                  // returned
		l.Release()                  // misused
		time.Sleep(20 * time.Second) // checked while idle
		l = hold(t, p)
		l.Finish(weir.ErrWrongRole) // demoted, retired: role
		hold(t, p).Release()
		time.Sleep(2 * time.Minute) // retired: idle
		l = hold(t, p)
		time.Sleep(2 * time.Minute) // retired: leaked
		hold(t, p).Release()
		p.EvictAll() // retired: evicted
		synctest.Wait()
		releaseAll(holdMany(t, p, 2))
		p.Resize(0, 1) // retired: resized
		l = hold(t, p)
		m.failOpens(errRefused)
		e, _ := exhausted(t, ask(t.Context(), p))
		if e.Opening != 0 {
			t.Error("an open beyond MaxOpen")
		}
		l.Discard()
		exhausted(t, ask(t.Context(), p)) // open failed
		m.failOpens(nil)
		time.Sleep(10 * time.Second)
		hold(t, p).Release()
		m.all()[len(m.all())-1].fall(errRefused)
		time.Sleep(10 * time.Second) // check failed
		for range 20 {
			hold(t, p).Release()
			time.Sleep(40 * time.Second)
		} // retired: lifetime
		hold(t, p).Release()
		if err := p.Close(t.Context()); err != nil { // retired: closed
			t.Error(err)
		}
		for k := weir.EventOpened; k <= weir.EventDemoted; k++ {
			if len(seen.of(k)) == 0 {
				t.Errorf("nothing %v was told", k)
			}
		}
		for r := range weir.Reason(weir.Reasons) {
			if len(retired(seen, r)) == 0 {
				t.Errorf("nothing retired as %v was told", r)
			}
		}
		moments := make(map[weir.Moment]int)
		for _, e := range seen.of(weir.EventChecked) {
			moments[e.Moment]++
		}
		s := p.Stats()
		for m := range weir.Moment(weir.Moments) {
			if moments[m] == 0 || uint64(moments[m]) != s.Checks[m]-s.CheckFails[m] {
				t.Errorf("%d passed checks on %v told, %d counted", moments[m], m, s.Checks[m]-s.CheckFails[m])
			}
		}
		if failed := seen.of(weir.EventCloseFailed); len(failed) != 1 || failed[0].Err != closing || failed[0].Resource != 1 {
			t.Errorf("close failures %+v", failed)
		}
		if broken := retired(seen, weir.RetiredError); !errors.Is(broken[0].Err, weir.ErrBroken) || broken[0].Pool != "test" {
			t.Errorf("event %+v, want the reason's error", broken[0])
		}
	})
}

// panicky is an observer that panics.
type panicky struct{}

func (panicky) Observe(weir.Event) { panic("observer is out of paper") }

func TestObserverThatPanicsHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, book := &recorder{}, &logbook{}
		p := newPool(t, &maker{}, weir.WithObserver(panicky{}), weir.WithObserver(seen), book.option())
		hold(t, p).Discard()
		hold(t, p).Release()
		synctest.Wait()
		if len(seen.of(weir.EventOpened)) != 2 || len(seen.of(weir.EventRetired)) != 1 {
			t.Error("the second observer missed something")
		}
		if got := book.with("an observer panicked"); len(got) != 5 {
			t.Errorf("logged %d lines, want one for each of 5 events: %q", len(got), got)
		}
	})
}

func TestObserverMayUseThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *weir.Pool[*thing]
		opened := make(chan int, 10)
		p = newPool(t, &maker{}, weir.WithObserver(observe(func(e weir.Event) {
			if e.Kind == weir.EventRetired && e.Reason == weir.RetiredError {
				opened <- p.Stats().Open
				hold(t, p).Release()
			}
		})))
		hold(t, p).Discard()
		synctest.Wait()
		if len(opened) != 1 {
			t.Errorf("%d retirements told, want 1: told under the lock, the observer would hang", len(opened))
		}
	})
}

type observe func(weir.Event)

func (f observe) Observe(e weir.Event) { f(e) }
