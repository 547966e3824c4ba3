package weir_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// wantAgain fails the test when the lease's resource is not lent again.
func wantAgain(t *testing.T, l lease) lease {
	t.Helper()
	again, ok := l.Again()
	if !ok || !again.Valid() || again.ID() != l.ID() {
		t.Fatalf("Again is %t, of resource %d, want resource %d", ok, again.ID(), l.ID())
	}
	return again
}

// wantNotAgain fails the test when something is lent, or when asking changed the books.
func wantNotAgain(t *testing.T, p *weir.Pool[*thing], l lease) {
	t.Helper()
	before := p.Stats()
	again, ok := l.Again()
	if ok || again.Valid() || again.ID() != 0 {
		t.Errorf("Again is %t, of resource %d, want false", ok, again.ID())
	}
	if after := p.Stats(); after != before {
		t.Errorf("the books changed: %+v, before %+v", after, before)
	}
	again.Release()
}

// slowly is a check that takes so long and passes.
func slowly(takes time.Duration) func(context.Context, *thing) error {
	return func(ctx context.Context, _ *thing) error { return wait(ctx, takes) }
}

func TestAgainLendsTheVerySameResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(3), weir.WithMaxOpen(3))
		leases := holdMany(t, p, 3)
		mine := leases[1]
		value := mine.Value()
		mine.Release()
		leases[0].Release() // others were used since
		leases[2].Release()
		for range 3 {
			mine = wantAgain(t, mine)
			if mine.Value() != value {
				t.Error("the value is another one")
			}
			if s := p.Stats(); s.InUse != 1 || s.Idle != 2 {
				t.Errorf("in use %d, idle %d, want 1, 2", s.InUse, s.Idle)
			}
			audit(t, p)
			mine.Finish(nil) // which keeps it as Release does
		}
		if n := p.Stats().Acquired; n != 6 {
			t.Errorf("acquired %d, want 6", n)
		}
	})
}

func TestLeaseByAgainEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		old := hold(t, p)
		old.Release()
		l := wantAgain(t, old)
		old.Release() // a second end
		if old.Valid() || !l.Valid() || p.Stats().Misuses != 1 {
			t.Errorf("old valid %t, new valid %t, misuses %d, want false, true, 1", old.Valid(), l.Valid(), p.Stats().Misuses)
		}
		l.Release()
		wantNotAgain(t, p, old) // it has had another holder
		wantAgain(t, l).Release()
	})
}

// Each case brings about one thing that stands against lending a resource again as it was left. The lease it returns is asked.
func TestAgainSaysFalse(t *testing.T) {
	released := func(t *testing.T, p *weir.Pool[*thing]) lease {
		l := hold(t, p)
		l.Release()
		return l
	}
	tests := map[string]func(t *testing.T, p *weir.Pool[*thing], m *maker) lease{
		"while the lease lasts": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := hold(t, p)
			t.Cleanup(l.Release)
			return l
		},
		"after Discard": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := hold(t, p)
			l.Discard()
			return l
		},
		"after a demotion": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := hold(t, p)
			l.Finish(weir.ErrWrongRole)
			return l
		},
		"while another holds it": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := released(t, p)
			t.Cleanup(hold(t, p).Release)
			return l
		},
		"when another has held it": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := released(t, p)
			released(t, p)
			return l
		},
		"when a waiter got it": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := hold(t, p)
			next := ask(t.Context(), p)
			l.Release()
			t.Cleanup(served(t, next).lease.Release)
			return l
		},
		"when a check is due": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := released(t, p)
			time.Sleep(600 * time.Millisecond)
			return l
		},
		"of an earlier generation": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := released(t, p)
			p.EvictAll()
			return l
		},
		"while it is checked": func(t *testing.T, p *weir.Pool[*thing], m *maker) lease {
			l := released(t, p)
			m.failChecks(slowly(2 * time.Second))
			time.Sleep(30*time.Second + 100*time.Millisecond)
			if n := p.Stats().Checking; n != 1 {
				t.Errorf("%d are checked, want 1", n)
			}
			return l
		},
		"when it was checked while idle": func(t *testing.T, p *weir.Pool[*thing], m *maker) lease {
			l := released(t, p)
			for before := m.checked(); m.checked() == before; {
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			if n := p.Stats().Idle; n != 1 {
				t.Errorf("%d are idle, want 1", n)
			}
			return l
		},
		"when it was checked for a caller who left": func(t *testing.T, p *weir.Pool[*thing], m *maker) lease {
			l := released(t, p)
			time.Sleep(time.Second)
			m.failChecks(slowly(50 * time.Millisecond))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			exhausted(t, ask(ctx, p))
			time.Sleep(time.Second / 10)
			if s := p.Stats(); s.Idle != 1 || s.Checks[weir.OnAcquire] != 1 {
				t.Errorf("idle %d, checks %v, want one idle, checked once on acquire", s.Idle, s.Checks)
			}
			return l
		},
		"when it is too old": func(t *testing.T, p *weir.Pool[*thing], m *maker) lease {
			time.Sleep(15*time.Minute - 100*time.Millisecond)
			l := released(t, p)
			time.Sleep(200 * time.Millisecond)
			return l
		},
		"when it was evicted": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := released(t, p)
			p.Evict(func(*thing) bool { return true })
			return l
		},
		"in a paused pool": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := released(t, p)
			p.Pause()
			return l
		},
		"released into a paused pool": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := hold(t, p)
			p.Pause()
			l.Release()
			return l
		},
		"in a closed pool": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := released(t, p)
			closeNow(p)
			return l
		},
		"after Close took it back": func(t *testing.T, p *weir.Pool[*thing], _ *maker) lease {
			l := hold(t, p)
			closeNow(p)
			return l
		},
		"of no lease": func(*testing.T, *weir.Pool[*thing], *maker) lease { return lease{} },
	}
	for name, bring := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				p := newPool(t, m, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithMaxLifetimeJitter(0), weir.WithSweepEvery(time.Second))
				l := bring(t, p, m)
				synctest.Wait()
				wantNotAgain(t, p, l)
			})
		})
	}
}

func TestAgainDoesNotNeedACheckInsideTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m)
		l := hold(t, p)
		l.Release()
		time.Sleep(400 * time.Millisecond)
		wantAgain(t, l).Release()
		if m.checked() != 1 {
			t.Errorf("%d checks, want the one on open", m.checked())
		}
	})
}

func TestAgainFindsADeadResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed}
		p := newPool(t, m, weir.WithMaxOpen(1))
		l := hold(t, p)
		l.Release()
		m.all()[0].fall(errRefused)
		if _, ok := l.Again(); ok {
			t.Error("a dead resource was lent")
		}
		synctest.Wait()
		s := p.Stats()
		if s.Acquired != 1 || s.Open != 0 || s.Retired[weir.RetiredError] != 1 || s.CheckFails[weir.OnAcquire] != 1 {
			t.Errorf("acquired %d, open %d, retired %v, failed %v", s.Acquired, s.Open, s.Retired, s.CheckFails)
		}
		audit(t, p)
	})
}

func TestAgainIsGivenToOneOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		l := hold(t, p)
		l.Release()
		var given atomic.Int32
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, ok := l.Again(); ok {
					given.Add(1)
				}
			})
		}
		all.Wait()
		if given.Load() != 1 || p.Stats().InUse != 1 {
			t.Errorf("given to %d, in use %d, want 1", given.Load(), p.Stats().InUse)
		}
		closeNow(p)
	})
}

func TestAgainIsNamedByItsOwnCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Hour))
		l := hold(t, p)
		l.Release()
		l = wantAgain(t, l)
		e, _ := exhausted(t, ask(t.Context(), p))
		if stack := e.Holders[0].Stack(); !strings.HasPrefix(stack, "github.com/weirpool/weir_test.wantAgain ") {
			t.Errorf("stack is\n%s", stack)
		}
		l.Release()
	})
}

func TestAgainAllocatesNothing(t *testing.T) {
	for name, opts := range map[string][]weir.Option{"defaults": nil, "leak naming": {weir.WithLeakThreshold(time.Minute)}} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, &maker{}, append(opts, weir.WithCheckWindow(time.Hour))...)
			l := hold(t, p)
			l.Release()
			got := testing.AllocsPerRun(2000, func() {
				l = wantAgain(t, l)
				l.Release()
			})
			if got != 0 {
				t.Errorf("%v allocations, want none", got)
			}
		})
	}
}
