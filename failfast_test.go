package weir_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestFailFastDoesNotGoByAFailureOfLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		p := newPool(t, m, weir.WithFailFast(), weir.WithMaxLifetime(10*time.Minute))
		only := hold(t, p)
		m.failOpens(errRefused)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		exhausted(t, ask(ctx, p))
		if p.Stats().OpenFails == 0 {
			t.Fatal("no open failed: the test shows nothing")
		}
		time.Sleep(time.Second) // the last attempt has ended
		m.failOpens(nil)
		only.Release()
		time.Sleep(5 * time.Minute)
		hold(t, p).Discard()
		synctest.Wait()
		if s := p.Stats(); s.Open+s.Opening != 0 {
			t.Fatalf("open %d, opening %d, want 0: the test shows nothing", s.Open, s.Opening)
		}
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 10*time.Millisecond, 10*time.Millisecond)
		got.lease.Release()
	})
}

func TestFailFastTriesOneOpenAtATimeThoughOpensHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: time.Hour}
		p := newPool(t, m, weir.WithFailFast(), weir.WithMaxOpen(10))
		exhausted(t, ask(t.Context(), p))
		time.Sleep(7 * time.Second) // those begun for the caller have ended
		m.mu.Lock()
		m.mostAtOnce = 0
		m.mu.Unlock()
		before := len(m.started())
		time.Sleep(30 * time.Second)
		if n := len(m.started()) - before; n < 3 || m.most() != 1 {
			t.Errorf("%d opens were tried in 30s, at most %d at a time; want one at a time, each for 5s", n, m.most())
		}
	})
}

// What became of the pool's own opens says nothing about the caller's context.
func TestErrorOfACallerDoesNotMatchTheContextsOfOpens(t *testing.T) {
	until := func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
	t.Run("cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := &maker{onOpen: until}
			p := newPool(t, m, weir.WithMaxOpen(4), weir.WithMaxOpening(2), weir.WithMaxWait(1500*time.Millisecond))
			for _, c := range []<-chan answer{ask(t.Context(), p), ask(t.Context(), p), ask(t.Context(), p)} {
				e, _ := exhausted(t, c)
				if !errors.Is(e.LastOpenError, context.Canceled) {
					t.Errorf("last open error %v: no open was cancelled, the test shows nothing", e.LastOpenError)
				}
				if errors.Is(e, context.Canceled) {
					t.Errorf("nobody cancelled this caller, yet %v matches context.Canceled", e)
				}
				wantIs(t, e, context.DeadlineExceeded) // MaxWait was one
				wantIs(t, e, weir.ErrTimeout)          // and this is why the last open failed
			}
		})
	})
	t.Run("out of time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := &maker{onOpen: until}
			p := newPool(t, m, weir.WithMaxOpen(4), weir.WithFailFast(), weir.WithOpenTimeout(100*time.Millisecond))
			exhausted(t, ask(t.Context(), p))
			e, took := exhausted(t, ask(t.Context(), p))
			if e.Limit != weir.LimitFailFast || took != 0 || !errors.Is(e.LastOpenError, context.DeadlineExceeded) {
				t.Errorf("limit %v after %v, last open error %v: the test shows nothing", e.Limit, took, e.LastOpenError)
			}
			if errors.Is(e, context.DeadlineExceeded) {
				t.Errorf("this caller had time left, yet %v matches context.DeadlineExceeded", e)
			}
		})
	})
}
