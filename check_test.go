package weir_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestFailedCheckOnOpenIsAFailedOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failChecks(func(_ context.Context, th *thing) error {
			if th.id == 1 {
				return errRefused
			}
			return nil
		})
		seen := &recorder{}
		p := newPool(t, m, weir.WithObserver(seen))
		l := hold(t, p)
		defer l.Release()
		if l.Value().id != 2 || m.all()[0].closes() != 1 {
			t.Errorf("resource %d was lent, the unfit one closed %d times; want 2, once", l.Value().id, m.all()[0].closes())
		}
		s := p.Stats()
		if s.OpenFails != 1 || s.Opened != 1 || s.Checks[weir.OnOpen] != 2 || s.CheckFails[weir.OnOpen] != 1 {
			t.Errorf("stats %+v", s)
		}
		synctest.Wait()
		failed := seen.of(weir.EventOpenFailed)
		if len(failed) != 1 {
			t.Fatalf("%d failed opens, want 1", len(failed))
		}
		wantText(t, failed[0].Err, "check on open: connection refused")
	})
}

func TestCheckOnOpenHasItsOwnTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{checkTakes: time.Hour}
		p := newPool(t, m, weir.WithCheckTimeout(weir.OnOpen, 200*time.Millisecond))
		e, _ := exhausted(t, ask(t.Context(), p))
		wantIs(t, e.LastOpenError, context.DeadlineExceeded)
		first := p.Stats().OpenTime
		if n := len(m.started()); n < 3 || first.Count != 0 {
			t.Errorf("%d opens in 1s, %d of them good; each may take 200ms, and none is", n, first.Count)
		}
	})
}

func TestChecksCanBeLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(2), weir.WithCheckWindow(0), weir.WithoutCheck(weir.OnOpen),
			weir.WithoutCheck(weir.OnAcquire), weir.WithoutCheck(weir.WhileIdle))
		for range 100 {
			l := hold(t, p)
			time.Sleep(10 * time.Second)
			l.Release()
		}
		if n := m.checked(); n != 0 {
			t.Errorf("%d checks, want none", n)
		}
	})
}

func TestResourceIsLentUncheckedInsideTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{checkTakes: time.Millisecond}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1))
		for range 48 {
			hold(t, p).Release()
			time.Sleep(10 * time.Millisecond)
		}
		if n := m.checked(); n != 1 {
			t.Errorf("%d checks inside the window, want the one on open", n)
		}
		time.Sleep(30 * time.Millisecond)
		got := served(t, ask(t.Context(), p))
		got.lease.Release()
		wantTook(t, got.took, time.Millisecond, time.Millisecond)
		if n := m.checked(); n != 2 {
			t.Errorf("%d checks after the window, want one more", n)
		}
	})
}

func TestWindowOfZeroChecksEveryTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithCheckWindow(0))
		for range 100 {
			hold(t, p).Release()
		}
		if s := p.Stats(); s.Checks[weir.OnAcquire] != 100 {
			t.Errorf("%d checks for 100 acquires", s.Checks[weir.OnAcquire])
		}
	})
}

func TestBusyResourceIsCheckedOncePerWindow(t *testing.T) {
	for _, callers := range []int{1, 4} {
		t.Run(fmt.Sprint(callers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1))
				var all sync.WaitGroup
				end := time.Now().Add(10 * time.Second)
				for range callers {
					all.Go(func() {
						for time.Now().Before(end) {
							l := hold(t, p)
							time.Sleep(7 * time.Millisecond)
							l.Release()
						}
					})
				}
				all.Wait()
				if n := p.Stats().Checks[weir.OnAcquire]; n < 18 || n > 20 {
					t.Errorf("%d checks in 10s, want one each 500ms", n)
				}
			})
		})
	}
}

func TestIdleChecksReachAllAndLeaveMostLendable(t *testing.T) {
	for _, size := range []int{4, 8, 40} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{checkTakes: 100 * time.Millisecond}
				p := newPool(t, m, weir.WithMinIdle(size), weir.WithMaxOpen(size), weir.WithCheckIdleEvery(10*time.Second))
				counts := make(map[int]int)
				m.failChecks(func(_ context.Context, th *thing) error {
					m.mu.Lock()
					defer m.mu.Unlock()
					counts[th.id]++
					return nil
				})
				most := min(max(size/4, 1), 8)
				for range 6000 {
					time.Sleep(10 * time.Millisecond)
					if s := p.Stats(); s.Checking > most || s.Idle+s.Checking != size {
						t.Fatalf("idle %d, checking %d of %d, want at most %d under a check", s.Idle, s.Checking, size, most)
					}
				}
				m.mu.Lock()
				defer m.mu.Unlock()
				for id := range size {
					if n := counts[id+1]; n < 4 || n > 6 {
						t.Errorf("resource %d was checked %d times in a minute, want about 5", id+1, n)
					}
				}
			})
		})
	}
}

func TestBorrowerTakesWhatIsNotUnderACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(2), weir.WithMaxOpen(2), weir.WithCheckIdleEvery(time.Second), weir.WithCheckWindow(time.Minute))
		m.failChecks(func(ctx context.Context, _ *thing) error { return wait(ctx, 900*time.Millisecond) })
		time.Sleep(1100 * time.Millisecond)
		if s := p.Stats(); s.Checking != 1 {
			t.Fatalf("%d checks run, want 1", s.Checking)
		}
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 0, 0)
		got.lease.Release()
	})
}

func TestResourceUnderAnIdleCheckServesAWaiterWhenItPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithCheckIdleEvery(time.Second))
		m.failChecks(func(ctx context.Context, _ *thing) error { return wait(ctx, 300*time.Millisecond) })
		time.Sleep(1100 * time.Millisecond)
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 200*time.Millisecond, 200*time.Millisecond)
		got.lease.Release()
	})
}

func TestHangingCheckCostsOneResourceAndNotTheCaller(t *testing.T) {
	heeds := func(ctx context.Context, _ *thing) error { <-ctx.Done(); return ctx.Err() }
	ignores := func(context.Context, *thing) error { time.Sleep(3 * time.Second); return nil }
	for _, c := range []struct {
		name          string
		hangs         func(context.Context, *thing) error
		idle, maxOpen int
		least, most   time.Duration // of the caller's wait
		gone          time.Duration // when the resource is given up
	}{
		{"heeds its deadline, another is idle", heeds, 2, 2, 50 * time.Millisecond, 55 * time.Millisecond, 500 * time.Millisecond},
		{"ignores it, another is idle", ignores, 2, 2, 50 * time.Millisecond, 55 * time.Millisecond, 550 * time.Millisecond},
		{"heeds its deadline, room for a new one", heeds, 1, 2, 70 * time.Millisecond, 75 * time.Millisecond, 500 * time.Millisecond},
		{"ignores it, room for a new one", ignores, 1, 2, 70 * time.Millisecond, 75 * time.Millisecond, 550 * time.Millisecond},
		{"heeds its deadline, no room", heeds, 1, 1, 520 * time.Millisecond, 520 * time.Millisecond, 500 * time.Millisecond},
		{"ignores it, no room", ignores, 1, 1, 570 * time.Millisecond, 570 * time.Millisecond, 550 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				seen := &recorder{}
				p := newPool(t, m, weir.WithMinIdle(c.idle), weir.WithMaxOpen(c.maxOpen), weir.WithObserver(seen), weir.WithSweepEvery(time.Hour))
				time.Sleep(time.Second) // past the window
				m.openTakes = 20 * time.Millisecond
				first := true
				m.failChecks(func(ctx context.Context, th *thing) error {
					m.mu.Lock()
					hang := first
					first = false
					m.mu.Unlock()
					if hang {
						return c.hangs(ctx, th)
					}
					return nil
				})
				start := time.Now()
				got := served(t, ask(t.Context(), p))
				wantTook(t, got.took, c.least, c.most)
				time.Sleep(c.gone - time.Since(start) + time.Millisecond)
				failed := seen.of(weir.EventCheckFailed)
				if len(failed) != 1 || failed[0].Moment != weir.OnAcquire || failed[0].Took != c.gone {
					t.Fatalf("failed checks %+v, want one on acquire after %v", failed, c.gone)
				}
				if s := p.Stats(); s.Checking != 0 || s.Retired[weir.RetiredError] != 1 {
					t.Errorf("checking %d, retired for errors %d, want 0, 1", s.Checking, s.Retired[weir.RetiredError])
				}
				got.lease.Release()
			})
		})
	}
}

func TestCheckThatPanicsIsAFailedCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		book := &logbook{}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMinIdle(1), book.option(), weir.WithObserver(seen))
		m.failChecks(func(_ context.Context, th *thing) error {
			if th.id == 1 {
				panic("nil map")
			}
			return nil
		})
		time.Sleep(time.Second)
		l := hold(t, p)
		defer l.Release()
		if l.Value().id == 1 {
			t.Error("the resource whose check panicked was lent")
		}
		synctest.Wait()
		failed := seen.of(weir.EventCheckFailed)
		if len(failed) != 1 {
			t.Fatalf("%d failed checks, want 1", len(failed))
		}
		if pe, ok := errors.AsType[*weir.PanicError](failed[0].Err); !ok || pe.Func != "Check" {
			t.Errorf("error is %v, want a PanicError of Check", failed[0].Err)
		}
		if got := book.with("weir: check failed"); len(got) != 1 {
			t.Errorf("logged %q, want one line", got)
		}
	})
}

func TestAfterAFailedCheckOthersAreUnderSuspicion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(4), weir.WithMaxOpen(4), weir.WithCheckWindow(time.Minute), weir.WithCheckIdleEvery(10*time.Second))
		time.Sleep(10*time.Second - time.Millisecond)
		m.all()[1].fall(errRefused)
		before := p.Stats().Checks[weir.WhileIdle]
		time.Sleep(2 * time.Second)
		s := p.Stats()
		if s.CheckFails[weir.WhileIdle] != 1 || s.Retired[weir.RetiredError] != 1 {
			t.Fatalf("%d failed idle checks, want the sick one's", s.CheckFails[weir.WhileIdle])
		}
		if n := s.Checks[weir.WhileIdle] - before; n < 4 {
			t.Errorf("%d idle checks, want all four looked at", n)
		}
	})
}

func TestSuspicionFallsOnThoseInsideTheirWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(2), weir.WithMaxOpen(2), weir.WithSweepEvery(time.Hour))
		old := hold(t, p)
		time.Sleep(400 * time.Millisecond)
		hold(t, p).Discard()
		fresh := hold(t, p) // checked just now
		time.Sleep(200 * time.Millisecond)
		fresh.Release()
		old.Value().fall(errRefused)
		old.Release() // past its window, on top
		fine := hold(t, p)
		if fine.ID() != fresh.ID() || p.Stats().Checking != 1 {
			t.Errorf("resource %d was lent, want %d, which needs no check, while the other is checked", fine.ID(), fresh.ID())
		}
		synctest.Wait()
		fine.Release()
		hold(t, p).Release()
		synctest.Wait()
		if s := p.Stats(); s.Checks[weir.OnAcquire] != 2 || s.CheckFails[weir.OnAcquire] != 1 {
			t.Errorf("%d checks on acquire, %d failed; want 2, 1: the other had to prove itself as well",
				s.Checks[weir.OnAcquire], s.CheckFails[weir.OnAcquire])
		}
	})
}

func TestWrongRoleMovesTheGenerationOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMinIdle(8), weir.WithMaxOpen(8), weir.WithObserver(seen))
		time.Sleep(time.Second)
		m.failChecks(func(ctx context.Context, th *thing) error {
			if th.id <= 8 {
				wait(ctx, 10*time.Millisecond)
				return fmt.Errorf("server is a replica: %w", weir.ErrWrongRole)
			}
			return nil
		})
		var all []<-chan answer
		for range 8 {
			all = append(all, ask(t.Context(), p))
		}
		var leases []lease
		for _, c := range all {
			got := served(t, c)
			if got.lease.Value().id <= 8 {
				t.Errorf("resource %d of the wrong role was lent", got.lease.Value().id)
			}
			leases = append(leases, got.lease)
		}
		releaseAll(leases)
		synctest.Wait()
		s := p.Stats()
		if s.Generation != 1 || len(seen.of(weir.EventDemoted)) != 1 || s.Retired[weir.RetiredRole] != 8 {
			t.Errorf("generation %d, %d demotions, %d retired for their role; want 1, 1, 8",
				s.Generation, len(seen.of(weir.EventDemoted)), s.Retired[weir.RetiredRole])
		}
	})
}

func TestWhereOnlyWrongRolesAreFoundTheErrorSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failChecks(func(context.Context, *thing) error { return weir.ErrWrongRole })
		p := newPool(t, m)
		e, took := exhausted(t, ask(t.Context(), p))
		wantIs(t, e, weir.ErrWrongRole)
		wantTook(t, took, time.Second, time.Second)
	})
}
