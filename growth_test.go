package weir_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// A load is callers who come at a steady pace and use what they get for a while.
type load struct {
	every, use time.Duration
	patience   time.Duration // the limit of each caller's context; 0: none
}

// run lets that many callers come, and returns how many got nothing. It must be called inside a bubble.
func (l load) run(p *weir.Pool[*thing], callers int) int {
	var all sync.WaitGroup
	var failed atomic.Int64
	for range callers {
		all.Go(func() {
			ctx := context.Background()
			if l.patience > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, l.patience)
				defer cancel()
			}
			lease, err := p.Acquire(ctx)
			if err != nil {
				failed.Add(1)
				return
			}
			time.Sleep(l.use)
			lease.Release()
		})
		time.Sleep(l.every)
	}
	all.Wait()
	return int(failed.Load())
}

// oneOpen makes a pool of ten in which one resource is open, as after a quiet night: from here on demand alone decides.
func oneOpen(t *testing.T, m *maker, opts ...weir.Option) *weir.Pool[*thing] {
	t.Helper()
	p := newPool(t, m, append(opts, weir.WithMaxOpen(10), weir.WithMinIdle(1))...)
	if err := p.Resize(0, 10); err != nil {
		t.Fatal(err)
	}
	return p
}

// Opens that take longer than callers wait look useless to each of them, and yet without any the pool never catches up.
func TestPoolGrowsForCallersWhoCannotWaitForAnOpen(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct{ open, limit, use, every time.Duration }{
		{2000 * ms, 1000 * ms, 100 * ms, 66 * ms},
		{300 * ms, 200 * ms, 20 * ms, 13 * ms},
		{150 * ms, 100 * ms, 10 * ms, 7 * ms},
		{150 * ms, 50 * ms, 2 * ms, 1600 * time.Microsecond},
		{400 * ms, 200 * ms, 2 * ms, 1400 * time.Microsecond},
		{1500 * ms, 1000 * ms, 4 * ms, 3 * ms},
	} {
		for _, by := range []string{"MaxWait", "context"} {
			t.Run(fmt.Sprintf("open %v, %s %v, use %v every %v", c.open, by, c.limit, c.use, c.every), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					callers, maxWait := load{every: c.every, use: c.use}, c.limit
					if by == "context" {
						callers.patience, maxWait = c.limit, time.Second
					}
					p := oneOpen(t, &maker{openTakes: c.open}, weir.WithMaxWait(maxWait))
					callers.run(p, 2000)
					if failed := callers.run(p, 1000); failed > 10 {
						t.Errorf("%d of the last 1000 callers got nothing, and %d of 10 are open", failed, p.Stats().Open)
					}
				})
			})
		}
	}
}

func TestPoolGrowsForCallersWhomMaxWaitersTurnsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oneOpen(t, &maker{openTakes: 150 * time.Millisecond}, weir.WithMaxWaiters(20))
		callers := load{every: 1400 * time.Microsecond, use: 2 * time.Millisecond}
		callers.run(p, 4000)
		if failed := callers.run(p, 1000); failed > 10 {
			t.Errorf("%d of the last 1000 callers were turned away, and %d of 10 are open", failed, p.Stats().Open)
		}
	})
}

// A mean of opens that were slow once must not make one that hangs now pass for one that is coming.
func TestOpenThatHangsIsNotExcusedByHowSlowOpensOnceWere(t *testing.T) {
	for _, once := range []time.Duration{10 * time.Millisecond, 2 * time.Second} {
		t.Run(once.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hang atomic.Bool
				var takes atomic.Int64
				takes.Store(int64(once))
				m := &maker{}
				m.onOpen = func(ctx context.Context, _ int) error {
					if hang.CompareAndSwap(true, false) {
						<-ctx.Done()
						return ctx.Err()
					}
					return wait(ctx, time.Duration(takes.Load()))
				}
				p := newPool(t, m, weir.WithMaxOpen(10), weir.WithMinIdle(4), weir.WithSweepEvery(time.Hour))
				busy := holdMany(t, p, 4)
				time.Sleep(time.Minute)
				takes.Store(int64(10 * time.Millisecond))
				hang.Store(true)
				got := served(t, ask(t.Context(), p))
				wantTook(t, got.took, 0, 600*time.Millisecond)
				releaseAll(append(busy, got.lease))
			})
		})
	}
}

func TestPauseBeyondAQuarterOfMaxWaitIsCutShortForWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failOpens(errRefused)
		p := newPool(t, m, weir.WithOpenBackoff(3*time.Second, 3*time.Second))
		waiter := ask(t.Context(), p)
		if got := p.Stats().OpenFails; got != 1 {
			t.Fatalf("%d opens failed, want 1: the test shows nothing", got)
		}
		m.failOpens(nil)
		got := served(t, waiter)
		wantTook(t, got.took, 0, 250*time.Millisecond)
		got.lease.Release()
	})
}

// A network that has forgotten every idle connection swallows their checks; those must not use up the caller's time one after
// another, nor keep a new one from being opened.
func TestCallerIsServedInTimeThoughEveryIdleResourceIsInABlackHole(t *testing.T) {
	for _, size := range []int{1, 5, 10, 20, 32} {
		for _, room := range []int{0, 8} {
			t.Run(fmt.Sprintf("%d idle, room for %d", size, room), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &maker{openTakes: 10 * time.Millisecond}
					p := newPool(t, m, weir.WithMaxOpen(size+room), weir.WithMinIdle(1))
					releaseAll(holdMany(t, p, size))
					time.Sleep(2 * time.Second)
					lost := len(m.all())
					m.failChecks(func(ctx context.Context, th *thing) error {
						if th.id <= lost {
							<-ctx.Done()
							return ctx.Err()
						}
						return nil
					})
					got := served(t, ask(t.Context(), p))
					wantTook(t, got.took, 0, 600*time.Millisecond)
					if got.lease.Value().id <= lost {
						t.Errorf("resource %d was lent, which leads nowhere", got.lease.Value().id)
					}
					got.lease.Release()
				})
			})
		}
	}
}
