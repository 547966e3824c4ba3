package weir_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// offBeat moves a bubble's clock off the multiples of 64 ns. Who arrives on one of them never queues without the lock, and in a bubble
// every time is one unless somebody sleeps for this long.
const offBeat = time.Nanosecond

// packedPool makes a pool whose only resource is lent, and a caller who waits for it. Who asks now queues without the lock.
func packedPool(t *testing.T, m *maker, opts ...weir.Option) (p *weir.Pool[*thing], lent lease, first <-chan answer) {
	t.Helper()
	return packedPoolFor(t.Context(), t, m, opts...)
}

// packedPoolFor makes the same, with a caller who waits as long as ctx lasts.
func packedPoolFor(ctx context.Context, t *testing.T, m *maker, opts ...weir.Option) (*weir.Pool[*thing], lease, <-chan answer) {
	t.Helper()
	p := newPool(t, m, append([]weir.Option{weir.WithMaxOpen(1)}, opts...)...)
	lent := hold(t, p)
	time.Sleep(time.Second)
	first := ask(ctx, p)
	time.Sleep(offBeat)
	return p, lent, first
}

// askAside asks, and fails the test unless that caller queued without the lock.
func askAside(ctx context.Context, t *testing.T, p *weir.Pool[*thing]) <-chan answer {
	t.Helper()
	before := weir.Stacked(p)
	a := ask(ctx, p)
	if now := weir.Stacked(p); now != before+1 {
		t.Fatalf("%d wait without the lock, %d before: the test shows nothing", now, before)
	}
	return a
}

func TestWhoQueuesWithoutTheLockIsServedInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{}, weir.WithMaxWait(weir.NoLimit))
		waiting := []<-chan answer{first}
		for range 10 {
			waiting = append(waiting, askAside(t.Context(), t, p))
		}
		for i := range 30 {
			lent.Release()
			synctest.Wait()
			for n, later := range waiting[i+1:] {
				if len(later) != 0 {
					t.Fatalf("caller %d was served before caller %d", i+1+n, i)
				}
			}
			lent = served(t, waiting[i]).lease
			waiting = append(waiting, ask(t.Context(), p), askAside(t.Context(), t, p)) // others come while these are served
			audit(t, p)
		}
		for _, a := range waiting[30:] {
			lent.Release()
			lent = served(t, a).lease
		}
		lent.Release()
	})
}

func TestWhoQueuesWithoutTheLockLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{}, weir.WithMaxWait(weir.NoLimit), weir.WithSweepEvery(time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		leaves, stays := askAside(ctx, t, p), askAside(t.Context(), t, p)
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		if len(leaves) != 1 {
			t.Fatal("it waits on though its context has ended")
		}
		e, took := exhausted(t, leaves)
		if took != time.Second || e.Waited != took || e.Limit != weir.LimitContext {
			t.Errorf("left after %v by %v, which says %v; want 1s by the context", took, e.Limit, e.Waited)
		}
		lent.Release()
		served(t, first).lease.Release()
		served(t, stays).lease.Release()
		audit(t, p)
	})
}

func TestStatsCountWhoQueuesWithoutTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, lent, first := packedPool(t, &maker{}, weir.WithMaxWait(weir.NoLimit))
		ctx, cancel := context.WithCancel(t.Context())
		for range 50 {
			askAside(ctx, t, p)
		}
		if s := p.Stats(); s.Waiting != 51 || s.Waited != 52 {
			t.Errorf("%d wait and %d waited, want 51 and 52, the first lease included", s.Waiting, s.Waited)
		}
		cancel()
		synctest.Wait()
		if s := p.Stats(); s.Waiting != 1 || s.Canceled != 50 {
			t.Errorf("%d wait and %d were cancelled, want 1 and 50", s.Waiting, s.Canceled)
		}
		lent.Release()
		served(t, first).lease.Release()
	})
}

// Whatever happens to a packed pool: who has queued without the lock is served in the end.
func TestNoEventLeavesBehindWhoQueuedWithoutTheLock(t *testing.T) {
	events := map[string]func(p *weir.Pool[*thing], lent lease, cancel func()){
		"release":         func(_ *weir.Pool[*thing], lent lease, _ func()) { lent.Release() },
		"discard":         func(_ *weir.Pool[*thing], lent lease, _ func()) { lent.Discard() },
		"evict, release":  func(p *weir.Pool[*thing], lent lease, _ func()) { p.EvictAll(); lent.Release() },
		"resize, release": func(p *weir.Pool[*thing], lent lease, _ func()) { p.Resize(0, 5); lent.Release() },
		"pause, release":  func(p *weir.Pool[*thing], lent lease, _ func()) { p.Pause(); lent.Release(); p.Resume() },
		"cancel, release": func(_ *weir.Pool[*thing], lent lease, cancel func()) { cancel(); synctest.Wait(); lent.Release() },
		"release, cancel": func(_ *weir.Pool[*thing], lent lease, cancel func()) { lent.Release(); cancel() },
		"pause, cancel, release": func(p *weir.Pool[*thing], lent lease, cancel func()) {
			p.Pause()
			cancel()
			synctest.Wait()
			lent.Release()
			p.Resume()
		},
	}
	kinds := map[string]struct {
		maker   func() *maker
		options []weir.Option
	}{
		"plain":   {maker: func() *maker { return &maker{tune: unchecked} }},
		"strict":  {func() *maker { return &maker{closeTakes: time.Millisecond} }, []weir.Option{weir.WithStrictMaxOpen()}},
		"probed":  {maker: func() *maker { return &maker{tune: probed} }},
		"checked": {func() *maker { return &maker{checkTakes: time.Millisecond} }, []weir.Option{weir.WithCheckWindow(0)}},
	}
	for what, event := range events {
		for name, kind := range kinds {
			t.Run(what+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					opts := append(kind.options, weir.WithMaxWait(weir.NoLimit), weir.WithSweepEvery(time.Hour))
					p, lent, first := packedPoolFor(ctx, t, kind.maker(), opts...)
					var others []<-chan answer
					for range 5 {
						others = append(others, askAside(t.Context(), t, p))
					}
					event(p, lent, cancel)
					if a := <-first; a.err == nil {
						a.lease.Release()
					}
					for _, a := range others {
						served(t, a).lease.Release()
					}
					audit(t, p)
				})
			})
		}
	}
}

func TestWhoComesLateToAPackedPoolIsServedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1), weir.WithMaxOpen(1))
		time.Sleep(offBeat)
		start := time.Now()
		l, err := weir.AcquirePacked(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		wantTook(t, time.Since(start), 0, 0)
		l.Release()
		audit(t, p)
	})
}

func TestWhoComesLateToAPackedPoolIsRefusedOnceItIsClosed(t *testing.T) {
	for _, off := range []time.Duration{0, offBeat} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(weir.NoLimit))
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(off)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err := weir.AcquirePacked(ctx, p)
			wantIs(t, err, weir.ErrClosed)
			audit(t, p)
		})
	}
}

// Callers arrive while it is said that the pool is packed no longer: either they hear it, or they are brought over. The pool is
// paused, so that nothing else brings them over.
func TestNobodyIsLeftBehindWhenThePoolIsPackedNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rounds, callers = 200, 40
		p := newPool(t, &maker{}, weir.WithMaxWait(weir.NoLimit))
		p.Pause()
		time.Sleep(offBeat)
		ctx, cancel := context.WithCancel(t.Context())
		ask(ctx, p)
		var arrived atomic.Int64
		var all sync.WaitGroup
		for round := range rounds {
			weir.Pack(p)
			for range callers {
				all.Go(func() {
					arrived.Add(1)
					if _, err := weir.AcquirePacked(ctx, p); err == nil {
						t.Error("a paused pool lent something")
					}
				})
			}
			for arrived.Load() < int64(round*callers+round%callers) {
				runtime.Gosched()
			}
			weir.Unpack(p)
			audit(t, p)
		}
		cancel()
		all.Wait()
	})
}
