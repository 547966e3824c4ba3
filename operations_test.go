package weir_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestResizeUpServesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(1))
		leases := []lease{hold(t, p)}
		var all []<-chan answer
		for range 9 {
			all = append(all, ask(t.Context(), p))
		}
		time.Sleep(200 * time.Millisecond)
		if err := p.Resize(0, 10); err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			got := served(t, c)
			wantTook(t, got.took, 300*time.Millisecond, 305*time.Millisecond)
			leases = append(leases, got.lease)
		}
		if m.most() != 9 {
			t.Errorf("%d opens ran at a time, want 9: MaxOpening follows MaxOpen unless given", m.most())
		}
		releaseAll(leases)
	})
}

func TestResizeKeepsAGivenMaxOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(2), weir.WithMaxOpening(2))
		if err := p.Resize(8, 8); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := p.Stats(); s.Idle != 8 || m.most() != 2 {
			t.Errorf("idle %d, %d opens at a time, want 8, 2", s.Idle, m.most())
		}
	})
}

func TestResizeDownClosesIdleNowAndBusyOnReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(10))
		busy := holdMany(t, p, 6)
		releaseAll(holdMany(t, p, 4))
		if err := p.Resize(0, 3); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 0 || s.InUse != 6 || s.MaxOpen != 3 {
			t.Errorf("idle %d, in use %d of %d, want 0, 6 of 3", s.Idle, s.InUse, s.MaxOpen)
		}
		for i, l := range busy {
			if !l.Valid() {
				t.Fatal("a lease was cut short")
			}
			l.Release()
			synctest.Wait()
			if s := p.Stats(); s.Open != max(5-i, 3) {
				t.Errorf("open %d after %d returns, want %d", s.Open, i+1, max(5-i, 3))
			}
		}
		if s := p.Stats(); s.Retired[weir.RetiredResized] != 7 || s.Idle != 3 {
			t.Errorf("%d retired, idle %d, want 7, 3", s.Retired[weir.RetiredResized], s.Idle)
		}
	})
}

func TestResizeDownAppliesToOpensUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 100 * time.Millisecond}, weir.WithMinIdle(5), weir.WithMaxOpen(5), weir.WithStartBackground())
		synctest.Wait()
		if err := p.Resize(1, 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := p.Stats(); s.Open != 2 {
			t.Errorf("open %d, want 2", s.Open)
		}
	})
}

func TestResizeUnderLoadLosesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 20 * time.Millisecond}, weir.WithMaxOpen(8), weir.WithMaxWait(10*time.Second))
		end := time.Now().Add(5 * time.Second)
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				for time.Now().Before(end) {
					l := hold(t, p)
					time.Sleep(3 * time.Millisecond)
					l.Release()
				}
			})
		}
		for i := 0; time.Now().Before(end); i++ {
			time.Sleep(50 * time.Millisecond)
			if err := p.Resize(i%3, []int{1, 16, 4}[i%3]+i%3); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		time.Sleep(time.Second)
		if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 || s.Open > s.MaxOpen {
			t.Errorf("in use %d, waiting %d, open %d of %d", s.InUse, s.Waiting, s.Open, s.MaxOpen)
		}
	})
}

func TestResizeToMoreMinIdleOpensThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithSweepEvery(time.Hour))
		if err := p.Resize(4, 10); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 4 || s.MinIdle != 4 {
			t.Errorf("idle %d of MinIdle %d, want 4 at once", s.Idle, s.MinIdle)
		}
	})
}

func TestResizeRefusesWhatNewWouldRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1))
		for _, c := range []struct {
			minIdle, maxOpen int
			want             string
		}{
			{0, 0, "weir: resize: WithMaxOpen: 0: limit is 1 to 2147483647"},
			{-1, 5, "weir: resize: WithMinIdle: -1: limit is 0 to 2147483647"},
			{6, 5, "weir: resize: WithMinIdle: 6: limit is MaxOpen, 5"},
		} {
			err := p.Resize(c.minIdle, c.maxOpen)
			if err == nil {
				t.Fatalf("Resize(%d, %d) succeeded", c.minIdle, c.maxOpen)
			}
			wantText(t, err, c.want)
		}
		if s := p.Stats(); s.MaxOpen != 10 || s.MinIdle != 1 {
			t.Errorf("MaxOpen %d, MinIdle %d, want nothing changed", s.MaxOpen, s.MinIdle)
		}
	})
}

func TestPauseStopsLendingAndResumeGoesOnInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithMaxWait(time.Hour), weir.WithCheckIdleEvery(time.Second))
		busy := hold(t, p)
		p.Pause()
		p.Pause()
		if s := p.Stats(); !s.Paused {
			t.Error("Stats does not say that the pool is paused")
		}
		first, second := ask(t.Context(), p), ask(t.Context(), p)
		if !busy.Valid() {
			t.Error("the pause ended a lease")
		}
		busy.Release()
		checks, opens := m.checked(), len(m.started())
		time.Sleep(time.Minute)
		if s := p.Stats(); s.Idle != 1 || s.Waiting != 2 || m.checked() != checks || len(m.started()) != opens {
			t.Errorf("idle %d, waiting %d, %d checks, %d opens; want 1, 2, none", s.Idle, s.Waiting, m.checked()-checks, len(m.started())-opens)
		}
		p.Resume()
		got := served(t, first)
		wantTook(t, got.took, time.Minute, time.Minute)
		if len(second) != 0 {
			t.Error("the order was lost")
		}
		got.lease.Release()
		served(t, second).lease.Release()
	})
}

func TestPausedCallersWaitForMaxWaitAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1))
		p.Pause()
		e, took := exhausted(t, ask(t.Context(), p))
		if took != time.Second || !e.Paused || e.Idle != 1 {
			t.Errorf("after %v: paused %v, idle %d", took, e.Paused, e.Idle)
		}
		p.Resume()
		hold(t, p).Release()
	})
}

func TestOpenThatEndsDuringAPauseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 100 * time.Millisecond})
		waiter := ask(t.Context(), p)
		p.Pause()
		time.Sleep(200 * time.Millisecond)
		if s := p.Stats(); s.Idle != 1 || s.Waiting != 1 {
			t.Errorf("idle %d, waiting %d, want 1, 1", s.Idle, s.Waiting)
		}
		p.Resume()
		got := served(t, waiter)
		wantTook(t, got.took, 200*time.Millisecond, 200*time.Millisecond)
		got.lease.Release()
	})
}

func TestEvictAllRetiresIdleBusyAndOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithMinIdle(4), weir.WithMaxOpen(5))
		busy := holdMany(t, p, 2)
		m.failChecks(func(_ context.Context, th *thing) error { return th.health() })
		waiters := []<-chan answer{ask(t.Context(), p), ask(t.Context(), p)}
		leases := []lease{served(t, waiters[0]).lease, served(t, waiters[1]).lease}
		late := ask(t.Context(), p)
		time.Sleep(10 * time.Millisecond)
		if s := p.Stats(); s.Opening != 1 {
			t.Fatalf("%d opens are under way, want 1", s.Opening)
		}
		leases[0].Release()
		got := served(t, late)
		releaseAll([]lease{leases[1], got.lease})
		p.EvictAll()
		synctest.Wait()
		if s := p.Stats(); s.Idle != 0 || s.InUse != 2 || s.Generation != 1 {
			t.Errorf("idle %d, in use %d, generation %d, want 0, 2, 1", s.Idle, s.InUse, s.Generation)
		}
		if !busy[0].Valid() {
			t.Error("a lease was cut short")
		}
		releaseAll(busy)
		time.Sleep(time.Second)
		for _, th := range m.all()[:5] {
			if th.closes() != 1 {
				t.Errorf("resource %d of the old generation was closed %d times", th.id, th.closes())
			}
		}
		if s := p.Stats(); s.Idle != 4 || s.Retired[weir.RetiredEvicted] != 5 {
			t.Errorf("idle %d, %d evicted, want MinIdle kept by 4 new ones, 5", s.Idle, s.Retired[weir.RetiredEvicted])
		}
	})
}

func TestEvictAllServesWaitersWithNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 10 * time.Millisecond}, weir.WithMaxOpen(1))
		busy := hold(t, p)
		waiter := ask(t.Context(), p)
		p.EvictAll()
		busy.Release()
		got := served(t, waiter)
		if got.lease.ID() == busy.ID() {
			t.Error("the evicted resource was lent on")
		}
		got.lease.Release()
		wantTook(t, got.took, 10*time.Millisecond, 10*time.Millisecond)
	})
}

func TestEvictRetiresWhatMatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(6), weir.WithMaxOpen(6))
		busy := holdMany(t, p, 3)
		even := func(th *thing) bool { return th.id%2 == 0 }
		if n := p.Evict(even); n != 3 {
			t.Errorf("%d evicted, want 3", n)
		}
		if n := p.Evict(even); n != 0 {
			t.Errorf("%d evicted once more, want 0", n)
		}
		releaseAll(busy)
		time.Sleep(2 * time.Second)
		for _, th := range m.all()[:6] {
			want := 0
			if even(th) {
				want = 1
			}
			if th.closes() != want {
				t.Errorf("resource %d was closed %d times, want %d", th.id, th.closes(), want)
			}
		}
		if n := p.Evict(func(th *thing) bool { return th.id <= 6 && even(th) }); n != 0 {
			t.Errorf("%d evicted again, want 0", n)
		}
		if s := p.Stats(); s.Retired[weir.RetiredEvicted] != 3 || s.Idle != 6 || s.Generation != 0 {
			t.Errorf("%d evicted, idle %d, generation %d, want 3, 6, 0", s.Retired[weir.RetiredEvicted], s.Idle, s.Generation)
		}
	})
}

func TestEvictReachesWhatIsUnderACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithCheckIdleEvery(time.Second))
		m.failChecks(func(ctx context.Context, _ *thing) error { return wait(ctx, 500*time.Millisecond) })
		time.Sleep(1100 * time.Millisecond)
		if n := p.Evict(func(*thing) bool { return true }); n != 1 || p.Stats().Checking != 1 {
			t.Errorf("%d evicted, %d under a check, want 1, 1", n, p.Stats().Checking)
		}
		time.Sleep(500 * time.Millisecond)
		if m.all()[0].closes() != 1 {
			t.Error("it passed its check and stayed")
		}
	})
}

func TestEvictWithoutAFunctionPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1))
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
			if s := p.Stats(); s.Idle != 1 {
				t.Errorf("idle %d, want 1", s.Idle)
			}
		}()
		p.Evict(nil)
	})
}
