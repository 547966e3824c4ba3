package weir_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestMaxWaitHoldsForWhoQueuedWithoutTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{}, weir.WithMaxWait(time.Second))
		aside := askAside(t.Context(), t, p)
		time.Sleep(900 * time.Millisecond)
		lent.Release() // nobody looked at who is aside until now
		lent = served(t, first).lease
		e, took := exhausted(t, aside)
		wantTook(t, took, time.Second, time.Second)
		if e.Waited != took || e.Limit != weir.LimitMaxWait {
			t.Errorf("the error says %v by %v, want %v by MaxWait", e.Waited, e.Limit, took)
		}
		lent.Release()
		audit(t, p)
	})
}

func TestMaxWaitHoldsBehindOneWhoseProbeFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases := deadBelow(t, 500*time.Millisecond, weir.WithMaxWait(time.Second))
		probing := ask(t.Context(), p)
		time.Sleep(5 * time.Millisecond)
		behind := ask(t.Context(), p)
		e, took := exhausted(t, behind)
		wantTook(t, took, time.Second, time.Second)
		if e.Waited != took {
			t.Errorf("the error says %v, it took %v", e.Waited, took)
		}
		exhausted(t, probing)
		leases[1].Release()
		audit(t, p)
	})
}

// Who finds a dead resource idle has looked at it before it queues: that is part of its wait, to a tick of the pool's clock.
func TestMaxWaitCountsTheLookAtADeadResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases := deadBelow(t, 500*time.Millisecond, weir.WithMaxWait(time.Second))
		_, took := exhausted(t, ask(t.Context(), p))
		wantTook(t, took, time.Second, time.Second+10*time.Millisecond)
		leases[1].Release()
		audit(t, p)
	})
}

// deadBelow makes a pool with two resources, the first idle and dead, which its probe takes so long to find out, the second lent.
// Nothing else can be opened.
func deadBelow(t *testing.T, look time.Duration, opts ...weir.Option) (*weir.Pool[*thing], []lease) {
	t.Helper()
	m := &maker{tune: func(f *weir.Factory[*thing]) {
		unchecked(f)
		f.Probe = func(th *thing) error {
			err := th.health()
			if err != nil {
				time.Sleep(look)
			}
			return err
		}
	}}
	p := newPool(t, m, append([]weir.Option{weir.WithMaxOpen(2)}, opts...)...)
	leases := holdMany(t, p, 2)
	leases[0].Value().fall(errRefused)
	leases[0].Release()
	m.failOpens(errRefused)
	return p, leases
}

func TestWhoFoundADeadResourceIdleKeepsThePlaceOfItsArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases := deadBelow(t, 100*time.Millisecond, weir.WithMaxWait(time.Minute))
		first := ask(t.Context(), p)
		time.Sleep(10 * time.Millisecond)
		second := ask(t.Context(), p)
		time.Sleep(time.Second)
		leases[1].Release()
		synctest.Wait()
		if len(first) != 1 || len(second) != 0 {
			t.Fatal("the second caller overtook the first")
		}
		served(t, first).lease.Release()
		served(t, second).lease.Release()
		audit(t, p)
	})
}

// Ten resources and twice as many callers as they can serve: no wait lasts for longer than MaxWait, and the books know all of it.
func TestMaxWaitHoldsUnderOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{tune: unchecked}, weir.WithMaxOpen(10), weir.WithMinIdle(10), weir.WithMaxWait(time.Second))
		time.Sleep(offBeat)
		var mu sync.Mutex // guards the fields below
		var sum, longest time.Duration
		failed := 0
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				start := time.Now()
				l, err := p.Acquire(t.Context())
				took := time.Since(start)
				mu.Lock()
				sum, longest = sum+took, max(longest, took)
				if err != nil {
					failed++
				}
				mu.Unlock()
				if err == nil {
					time.Sleep(700 * time.Millisecond)
					l.Release()
				}
			})
			time.Sleep(rand.N(70 * time.Millisecond))
		}
		all.Wait()
		if longest != time.Second || failed == 0 {
			t.Errorf("the longest wait was %v, %d failed, want MaxWait of 1s and some", longest, failed)
		}
		if got := p.Stats().Wait.Sum; got < sum*99/100 || got > sum*101/100 {
			t.Errorf("the books say %v of waiting, it was %v", got, sum)
		}
		audit(t, p)
	})
}

func TestWaitOfWhoQueuedWithoutTheLockIsCountedInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{tune: unchecked}, weir.WithMaxWait(weir.NoLimit))
		aside := askAside(t.Context(), t, p)
		before := p.Stats().Wait.Sum
		time.Sleep(time.Hour)
		lent.Release()
		a := served(t, first)
		time.Sleep(time.Second)
		a.lease.Release()
		b := served(t, aside)
		b.lease.Release()
		if got := p.Stats().Wait.Sum - before; got != a.took+b.took {
			t.Errorf("the books say %v of waiting, it was %v and %v", got, a.took, b.took)
		}
	})
}

// A wait that is not timed counts as long as the last that was, and no longer than it can have been.
func TestLongWaitIsNotCountedForTheShortOneBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{tune: unchecked}, weir.WithMaxWait(weir.NoLimit))
		before := p.Stats().Wait.Sum
		time.Sleep(time.Hour)
		second := ask(t.Context(), p)
		lent.Release()
		a := served(t, first)
		a.lease.Release()
		served(t, second).lease.Release()
		if got := p.Stats().Wait.Sum - before; got < a.took || got > a.took+10*time.Millisecond {
			t.Errorf("the books say %v of waiting, it was %v and nothing", got, a.took)
		}
	})
}

func TestWaitsAreTimedExactlyWhereTheyAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{tune: unchecked}, weir.WithMinIdle(1), weir.WithMaxOpen(1))
		sum := time.Duration(0)
		for i := range 20 {
			time.Sleep(17 * time.Millisecond)
			took := time.Duration(3+5*i) * time.Millisecond
			hold(t, p).Release()
			lent := hold(t, p) // this use is not timed: the wait must be for its own sake
			a := ask(t.Context(), p)
			time.Sleep(took)
			lent.Release()
			served(t, a).lease.Release()
			if sum += took; p.Stats().Wait.Sum != sum {
				t.Fatalf("the books say %v of waiting after %d waits, it was %v", p.Stats().Wait.Sum, i+1, sum)
			}
		}
	})
}

// Who is on the way when the pool closes may have read the clock later than Close did.
func TestNoWaitIsCountedAsLessThanNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{})
		wantIs(t, weir.RefuseLatecomer(p), weir.ErrClosed)
		if s := p.Stats(); s.Wait.Sum != 0 || s.Wait.Count != 1 {
			t.Errorf("%d waits of %v, want one of nothing", s.Wait.Count, s.Wait.Sum)
		}
	})
}

// Each of the two who wait is refused at Close; neither may set an alarm for its MaxWait, which nobody would wait for.
func TestNoAlarmIsLeftAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{}, weir.WithMaxWait(time.Hour))
		aside := askAside(t.Context(), t, p)
		ended := make(chan error, 1)
		go func() { ended <- p.Close(context.Background()) }()
		for _, a := range []<-chan answer{first, aside} {
			wantIs(t, (<-a).err, weir.ErrClosed)
		}
		audit(t, p)
		lent.Release()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		audit(t, p)
	})
}

// On a busy machine the alarm for MaxWait comes late, and many waits have lasted for long enough. They end in batches.
func TestManyWaitsThatAreOverdueEndInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(time.Second))
		lent := hold(t, p)
		var waits []<-chan answer
		for range 300 {
			waits = append(waits, ask(t.Context(), p))
		}
		if err := weir.ExpireLate(p, 2*time.Second); err != nil {
			t.Error(err)
		}
		for _, wait := range waits {
			exhausted(t, wait)
		}
		lent.Release()
		audit(t, p)
	})
}
