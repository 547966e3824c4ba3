package weir_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// Leases that come to an end before their caller has them: nobody had them, so nothing may be counted.

func TestBooksBalanceWhenALeaseIsTakenBackDuringItsProbe(t *testing.T) {
	for _, fails := range []error{nil, errRefused} {
		for _, waits := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, waits %t", fails, waits), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var look time.Duration
					var found error
					m := &maker{tune: func(f *weir.Factory[*thing]) {
						unchecked(f)
						f.Probe = func(*thing) error { time.Sleep(look); return found }
					}}
					p := newPool(t, m, weir.WithMaxOpen(1))
					l := hold(t, p)
					look, found = time.Second, fails
					var a <-chan answer
					if waits {
						a = ask(t.Context(), p)
						l.Release()
						synctest.Wait()
					} else {
						l.Release()
						a = ask(t.Context(), p)
					}
					_ = closeNow(p)
					wantIs(t, (<-a).err, weir.ErrClosed)
					audit(t, p)
					if s := p.Stats(); s.Acquired != 1 {
						t.Errorf("%d acquired, callers got 1", s.Acquired)
					}
				})
			})
		}
	}
}

func TestNoCallerGetsWhatWasReclaimedDuringItsProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		m := &maker{tune: func(f *weir.Factory[*thing]) {
			unchecked(f)
			f.Probe = func(*thing) error {
				if looks++; looks == 2 {
					time.Sleep(time.Minute)
				}
				return nil
			}
		}}
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithMaxWait(weir.NoLimit), weir.WithLeakThreshold(2*time.Second),
			weir.WithReclaimAfter(4*time.Second), weir.WithSweepEvery(time.Second))
		hold(t, p).Release()
		got := served(t, ask(t.Context(), p))
		if !got.lease.Valid() || got.lease.ID() != 2 {
			t.Errorf("lent resource %d, valid %t, want the second one", got.lease.ID(), got.lease.Valid())
		}
		got.lease.Release()
		audit(t, p)
	})
}

// left is a context that has ended.
func left(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestLeaseThatCameTooLateIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{tune: unchecked}, weir.WithMaxOpen(1), weir.WithMaxWait(weir.NoLimit))
		l := hold(t, p)
		before := p.Stats()
		err := weir.LeaveServed(left(t), p, func() {
			time.Sleep(time.Second)
			l.Release()
			time.Sleep(time.Second)
		})
		wantIs(t, err, context.Canceled)
		audit(t, p)
		s := p.Stats()
		if n := s.Use.Count - before.Use.Count; n != 1 || s.Use.Sum != time.Second {
			t.Errorf("%d uses, %v in all, want 1 of 1s", n, s.Use.Sum)
		}
		if s.Acquired != 1 || s.Canceled != 1 || s.Idle != 1 {
			t.Errorf("%d acquired, %d cancelled, %d idle, want 1 each", s.Acquired, s.Canceled, s.Idle)
		}
	})
}

func TestLeaseThatCameTooLateAndCountedAsLeakedIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		p := newPool(t, &maker{tune: unchecked}, weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Second),
			weir.WithSweepEvery(time.Second), weir.WithObserver(seen))
		l := hold(t, p)
		err := weir.LeaveServed(left(t), p, func() {
			l.Release()
			time.Sleep(10 * time.Second) // the sweep finds it out for too long
		})
		wantIs(t, err, context.Canceled)
		audit(t, p)
		leaked, returned := len(seen.of(weir.EventLeaked)), len(seen.of(weir.EventReturned))
		if s := p.Stats(); leaked != 1 || returned != 1 || s.Leaks != 1 || s.LeaksReturned != 1 {
			t.Errorf("told of %d leaks and %d returns, counted %d and %d, want 1 each", leaked, returned, s.Leaks, s.LeaksReturned)
		}
	})
}
